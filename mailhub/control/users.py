"""Acts on accounts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mailhub.control.acts import ACTOR, PAGE, Act, Arguments, Json, Services
from mailhub.core.accounts import AccountOrder
from mailhub.core.founding import found
from mailhub.model.account import (
    CLEAR,
    SPAM_LEVEL,
    Account,
    Encryption,
    Limits,
    RemovedAccount,
    Role,
    Sending,
)
from mailhub.model.errors import Invalid, NotFound

LIMITS = {
    "quota": "storage",
    **{one.name: one.name for one in dataclasses.fields(Limits) if one.name not in ("storage",)},
}
"""Names in `Limits` by those that arguments have."""


async def found_server(services: Services, arguments: Arguments) -> Json:
    """The first domain and administrator; null where any account exists."""
    made = await found(
        services.domains,
        services.accounts,
        arguments.text("domain"),
        name=arguments.text("name"),
        password=arguments.text("password"),
    )
    return user_shape(made) if made is not None else None


async def user_add(services: Services, arguments: Arguments) -> Json:
    """A new account with its address."""
    order = AccountOrder(
        username=arguments.text("name"),
        password=arguments.text("password", ""),
        hashed=arguments.text("hashed", ""),
        address=arguments.text("address") if "address" in arguments else None,
        name=arguments.text("full_name", ""),
        role=_role(arguments.text("role", "user")),
        limits=_limits(arguments, Limits()),
        language=arguments.text("language", ""),
        retention=arguments.number("retention", 0),
        tags=arguments.texts("tags"),
        disabled=arguments.flag("disabled", False),
        sending=_sending(arguments.text("sending", "own")),
        spam_level=arguments.number("spam_level", SPAM_LEVEL),
        targets=arguments.texts("targets"),
        encryption=_encryption(arguments, CLEAR),
    )
    return user_shape(await services.accounts.create(order, ACTOR))


async def user_list(services: Services, arguments: Arguments) -> Json:
    """Accounts after `after` whose username or address holds `query`, one page of them."""
    rows, total = await services.accounts.page(
        after=arguments.number("after", 0),
        limit=PAGE,
        query=arguments.text("query", ""),
        tags=arguments.texts("tags"),
    )
    return {"users": [user_shape(account) for account in rows], "total": total}


async def user_show(services: Services, arguments: Arguments) -> Json:
    """One account with its addresses and mailboxes."""
    account = await services.accounts.by_name(arguments.text("name"))
    addresses = await services.addresses.of_account(account.number)
    boxes = await services.mailboxes.shown(account.number, hidden=True)
    return {
        **user_shape(account),
        "addresses": [address.address for address in addresses],
        "mailboxes": [
            {"name": box.name, "messages": box.messages, "unseen": box.unseen, "size": box.size}
            for box in boxes
        ],
    }


async def user_set(services: Services, arguments: Arguments) -> Json:
    """Changes what is given; a new password ends the account's sessions."""
    account = await services.accounts.by_name(arguments.text("name"))
    changed = dataclasses.replace(
        account,
        name=arguments.text("full_name", account.name),
        role=_role(arguments.text("role", account.role.value)),
        disabled=arguments.flag("disabled", account.disabled),
        suspended=arguments.flag("suspended", account.suspended),
        sending=_sending(arguments.text("sending", account.sending.value)),
        limits=_limits(arguments, account.limits),
        language=arguments.text("language", account.language),
        retention=arguments.number("retention", account.retention),
        tags=arguments.texts("tags", account.tags),
        spam_level=arguments.number("spam_level", account.spam_level),
        targets=arguments.texts("targets", account.targets),
        encryption=_encryption(arguments, account.encryption),
    )
    if changed != account:
        changed = await services.accounts.update(changed, ACTOR)
    password, hashed = arguments.text("password", ""), arguments.text("hashed", "")
    if password or hashed:
        changed = await services.accounts.set_password(
            account.number, password, ACTOR, hashed=hashed
        )
    return user_shape(changed)


async def user_log_out(services: Services, arguments: Arguments) -> Json:
    """Ends an account's sessions."""
    account = await services.accounts.by_name(arguments.text("name"))
    await services.accounts.end_sessions(account.number, ACTOR, arguments.text("reason", ""))
    return None


async def user_count(services: Services, arguments: Arguments) -> Json:
    """Counts what lies in an account's mailboxes; without a name, in everybody's."""
    if "name" in arguments:
        account = await services.accounts.by_name(arguments.text("name"))
        before, after = await services.mailboxes.count_again(account.number)
    else:
        before, after = await services.mailboxes.count_all_again()
    return {"before": before, "used": after}


async def user_remove(services: Services, arguments: Arguments) -> Json:
    """Removes an account; `keep`: seconds for which it can come back, else the server's."""
    account = await services.accounts.by_name(arguments.text("name"))
    due = None
    if "keep" in arguments:
        due = services.accounts.in_time(arguments.number("keep"))
    _, due = await services.accounts.remove(account.number, ACTOR, due=due)
    return {"due": due}


async def user_removed(services: Services, arguments: Arguments) -> Json:
    """Every account that can come back."""
    return [removed_shape(gone) for gone in await services.accounts.all_removed()]


async def user_restore(services: Services, arguments: Arguments) -> Json:
    """Brings back the account that was removed last under this name, or has this id."""
    name = arguments.text("name")
    known = [
        gone for gone in await services.accounts.all_removed() if name in (gone.id, gone.username)
    ]
    if not known:
        raise NotFound(f"No removed account {name}")
    newest = max(known, key=lambda gone: gone.removed)
    account, addresses = await services.accounts.restore(newest.id, ACTOR)
    return {**user_shape(account), "addresses": addresses}


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        raise Invalid(f"{word} is no role; there are user and admin", "role") from None


def _sending(word: str) -> Sending:
    try:
        return Sending(word)
    except ValueError:
        known = ", ".join(one.value for one in Sending)
        raise Invalid(f"{word} is none of {known}", "sending") from None


def _limits(arguments: Arguments, before: Limits) -> Limits:
    """`before` with what is given."""
    given = {field: arguments.number(name) for name, field in LIMITS.items() if name in arguments}
    return dataclasses.replace(before, **given)


def _encryption(arguments: Arguments, before: Encryption) -> Encryption:
    return Encryption(
        arguments.text("key", before.key),
        arguments.flag("encrypt_stored", before.stored),
        arguments.flag("encrypt_forwarded", before.forwarded),
    )


def user_shape(account: Account) -> Json:
    """An account as JSON, without its secrets."""
    limits = {name: getattr(account.limits, field) for name, field in LIMITS.items()}
    return {
        "number": account.number,
        "id": account.id,
        "username": account.username,
        "address": account.address,
        "name": account.name,
        "role": account.role.value,
        "sending": account.sending.value,
        "disabled": account.disabled,
        "suspended": account.suspended,
        "quota": account.limits.storage,
        "used": account.used_storage,
        # The count in use; its limit stands among the limits.
        "messages": account.used_messages,
        "language": account.language,
        "retention": account.retention,
        "tags": list(account.tags),
        "targets": list(account.targets),
        "spam_level": account.spam_level,
        "can_log_in": account.has_password,
        "has_key": bool(account.encryption.key),
        "encrypt_stored": account.encryption.stored,
        "encrypt_forwarded": account.encryption.forwarded,
        "limits": {name: value for name, value in limits.items() if value},
        "created": account.created,
    }


def removed_shape(gone: RemovedAccount) -> Json:
    """A removed account as JSON."""
    return {
        "id": gone.id,
        "username": gone.username,
        "removed": gone.removed,
        "due": gone.due,
        "used": gone.used_storage,
        "addresses": list(gone.addresses),
    }


ACTS: Mapping[str, Act] = {
    "found": found_server,
    "user-add": user_add,
    "user-list": user_list,
    "user-show": user_show,
    "user-set": user_set,
    "user-logout": user_log_out,
    "user-count": user_count,
    "user-remove": user_remove,
    "user-removed": user_removed,
    "user-restore": user_restore,
}
"""Acts with one answer."""
