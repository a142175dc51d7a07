"""What the control socket can be asked about filters and automatic replies."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services, account_of
from mailhub.model.account import Account
from mailhub.model.errors import Invalid
from mailhub.model.filter import Actions, Autoreply, Conditions, Filter

_TEXTS = {
    "from": "sender",
    "to": "recipient",
    "subject": "subject",
    "list": "list_id",
    "text": "text",
}
_FLAGS = ("seen", "flag", "delete", "spam")
NO_TIME = -1
"""A start or end that shall be none."""


async def filter_add(services: Services, arguments: Arguments) -> Json:
    """A new filter, which runs behind the others."""
    account = await account_of(services, arguments)
    made = await services.filters.create(
        account,
        arguments.text("name", ""),
        _conditions(arguments, Conditions()),
        await _actions(services, arguments, account, Actions()),
        ACTOR,
        disabled=arguments.flag("disabled", False),
    )
    return await _shape(services, account, made)


async def filter_list(services: Services, arguments: Arguments) -> Json:
    """The filters of an account, in the order in which they run."""
    account = await account_of(services, arguments)
    found = await services.filters.of_account(account.number)
    return [await _shape(services, account, one) for one in found]


async def filter_show(services: Services, arguments: Arguments) -> Json:
    """One filter."""
    account = await account_of(services, arguments)
    one = await services.filters.get(account.number, arguments.text("id"))
    return await _shape(services, account, one)


async def filter_set(services: Services, arguments: Arguments) -> Json:
    """Changes what is given; an empty text, or a size of 0, clears."""
    account = await account_of(services, arguments)
    one = await services.filters.get(account.number, arguments.text("id"))
    changed = replace(
        one,
        name=arguments.text("name", one.name),
        disabled=arguments.flag("disabled", one.disabled),
        conditions=_conditions(arguments, one.conditions),
        actions=await _actions(services, arguments, account, one.actions),
    )
    await services.filters.update(changed, ACTOR)
    return await _shape(services, account, changed)


async def filter_remove(services: Services, arguments: Arguments) -> Json:
    """Removes a filter."""
    account = await account_of(services, arguments)
    await services.filters.remove(account.number, arguments.text("id"), ACTOR)
    return None


async def filter_test(services: Services, arguments: Arguments) -> Json:
    """What the account's filters would do with `message` (base64); nothing is done."""
    account = await account_of(services, arguments)
    try:
        data = b64decode(arguments.text("message"), validate=True)
    except ValueError:
        raise Invalid("The message is not base64", "message") from None
    spool = services.spools.open(data)
    body = spool.finish()
    try:
        found = await services.filtering.trial(account.number, account.address, body)
    finally:
        body.close()
    boxes = await services.mailboxes.all(account.number) if found.mailbox else ()
    return {
        "filters": [reason.partition(" ")[2] for reason in found.reasons],
        **{name: getattr(found, name) for name in _FLAGS},
        "mailbox": next((box.name for box in boxes if box.number == found.mailbox), ""),
        "forwards": list(found.forwards),
        "uploads": list(found.uploads),
    }


async def filter_key(services: Services, arguments: Arguments) -> Json:
    """What messages are signed with that filters of the account post to URLs."""
    account = await account_of(services, arguments)
    return {"user": account.username, "key": services.upload_keys.shown(account.id)}


def _conditions(arguments: Arguments, before: Conditions) -> Conditions:
    texts = {ours: arguments.text(name, getattr(before, ours)) for name, ours in _TEXTS.items()}
    attachments = before.attachments
    if "attachments" in arguments:
        attachments = {"with": True, "without": False}.get(arguments.text("attachments"))
    size = arguments.number("size", before.size)
    return Conditions(**texts, attachments=attachments, size=size)


async def _actions(
    services: Services, arguments: Arguments, account: Account, before: Actions
) -> Actions:
    flags: dict[str, Any] = {
        name: arguments.flag(name) if name in arguments else getattr(before, name)
        for name in _FLAGS
    }
    for name in arguments.texts("unset"):
        if name in flags:
            flags[name] = None
    mailbox = before.mailbox
    if "mailbox" in arguments:
        path = arguments.text("mailbox")
        mailbox = (await services.mailboxes.get(account.number, path)).number if path else 0
    return Actions(
        **flags,
        mailbox=mailbox,
        forwards=arguments.texts("forwards", before.forwards),
        uploads=arguments.texts("uploads", before.uploads),
    )


async def _shape(services: Services, account: Account, one: Filter) -> Json:
    wanted, done = one.conditions, one.actions
    boxes = await services.mailboxes.all(account.number) if done.mailbox else ()
    paths = {box.number: box.name for box in boxes}
    return {
        "id": one.id,
        "name": one.name,
        "disabled": one.disabled,
        "created": one.created,
        **{name: getattr(wanted, ours) for name, ours in _TEXTS.items()},
        "attachments": wanted.attachments,
        "size": wanted.size,
        **{name: getattr(done, name) for name in _FLAGS},
        "mailbox": paths.get(done.mailbox, ""),
        "forwards": list(done.forwards),
        "uploads": list(done.uploads),
    }


# -- automatic replies


async def autoreply_show(services: Services, arguments: Arguments) -> Json:
    """What is set."""
    account = await account_of(services, arguments)
    return _reply(await services.filters.autoreply(account.number))


async def autoreply_set(services: Services, arguments: Arguments) -> Json:
    """Changes what is given; a time of -1 is none."""
    account = await account_of(services, arguments)
    before = await services.filters.autoreply(account.number)
    changed = replace(
        before,
        status=arguments.flag("status", before.status),
        name=arguments.text("name", before.name),
        subject=arguments.text("subject", before.subject),
        text=arguments.text("text", before.text),
        html=arguments.text("html", before.html),
        starts=_time(arguments, "starts", before.starts),
        ends=_time(arguments, "ends", before.ends),
    )
    await services.filters.set_autoreply(changed, ACTOR)
    return _reply(changed)


async def autoreply_remove(services: Services, arguments: Arguments) -> Json:
    """Removes it."""
    account = await account_of(services, arguments)
    await services.filters.remove_autoreply(account.number, ACTOR)
    return None


def _time(arguments: Arguments, name: str, before: int | None) -> int | None:
    if name not in arguments:
        return before
    given = arguments.number(name)
    return None if given == NO_TIME else given


def _reply(one: Autoreply) -> Json:
    return {
        "status": one.status,
        "name": one.name,
        "subject": one.subject,
        "text": one.text,
        "html": one.html,
        "starts": one.starts,
        "ends": one.ends,
    }


ACTS: Mapping[str, Act] = {
    "filter-add": filter_add,
    "filter-list": filter_list,
    "filter-show": filter_show,
    "filter-set": filter_set,
    "filter-remove": filter_remove,
    "filter-test": filter_test,
    "filter-key": filter_key,
    "autoreply-show": autoreply_show,
    "autoreply-set": autoreply_set,
    "autoreply-remove": autoreply_remove,
}
"""Acts with one answer."""
