"""What the control socket can be asked for: one function an act, JSON values in and out.

Each act checks its arguments' types and makes one core call. No rule of accounts or mail lives
here; `wire` frames, `server` talks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailhub.core.accounts import AccountOrder, Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.domains import Domains
from mailhub.core.filters import Filters
from mailhub.core.founding import found
from mailhub.core.identity import Identity
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.queue import Queue
from mailhub.core.records import Records
from mailhub.core.relays import Relays
from mailhub.core.reporting import Reporting
from mailhub.core.reportreading import ReportReading
from mailhub.core.reportsummary import Summaries
from mailhub.core.routes import Routes
from mailhub.core.scripts import Scripts
from mailhub.core.signing import Keys
from mailhub.core.suppressions import Suppressions
from mailhub.core.tokens import Tokens
from mailhub.core.transfer import Transfers
from mailhub.core.uploading import Keys as UploadKeys
from mailhub.core.webhooks import Webhooks
from mailhub.model.account import Account, Limits, Role, Sending
from mailhub.model.address import Address, Domain
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, NotFound
from mailhub.ports import SearchIndex, Spools
from mailhub.queue.ways import Ways

ACTOR = Actor(source="mailhub command")
PAGE = 500

Json = Any


@dataclass(frozen=True, slots=True)
class Services:
    """What of core the acts use."""

    domains: Domains
    accounts: Accounts
    addresses: Addresses
    mailboxes: Mailboxes
    transfers: Transfers
    spools: Spools
    routes: Routes
    relays: Relays
    keys: Keys
    records: Records
    queue: Queue
    suppressions: Suppressions
    ways: Ways
    reporting: Reporting
    report_reading: ReportReading
    summaries: Summaries
    webhooks: Webhooks
    identity: Identity
    search_index: SearchIndex
    filters: Filters
    scripts: Scripts
    upload_keys: UploadKeys
    tokens: Tokens


class Arguments:
    """A request's arguments, taken by name and type. Raises Invalid, naming the field."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A string; required where there is no default."""
        return self._take(name, str, default)  # type: ignore[no-any-return]

    def number(self, name: str, default: int | None = None) -> int:
        """An integer."""
        return self._take(name, int, default)  # type: ignore[no-any-return]

    def flag(self, name: str, default: bool | None = None) -> bool:
        """True or false."""
        return self._take(name, bool, default)  # type: ignore[no-any-return]

    def texts(self, name: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """A list of strings."""
        values = self._take(name, list, list(default))
        if not all(isinstance(value, str) for value in values):
            raise Invalid(f"{name} is not a list of words", name)
        return tuple(values)

    def numbers(self, name: str) -> tuple[int, ...]:
        """A list of integers."""
        values = self._take(name, list, None)
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            raise Invalid(f"{name} is not a list of numbers", name)
        return tuple(values)

    def _take(self, name: str, kind: type, default: Any) -> Any:
        value = self._values.get(name)
        if value is None:
            if default is None:
                raise Invalid(f"{name} is missing", name)
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise Invalid(f"{name} has the wrong type", name)
        return value


Act = Callable[[Services, Arguments], Awaitable[Json]]


async def ping(services: Services, arguments: Arguments) -> Json:
    """Whether the store answers."""
    return {"accounts": await services.accounts.count()}


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


# -- domains


async def domain_add(services: Services, arguments: Arguments) -> Json:
    """A new domain."""
    return domain_shape(
        await services.domains.add(
            arguments.text("name"),
            ACTOR,
            alias_of=arguments.text("alias_of", ""),
            delimiter=arguments.text("delimiter", "+"),
            ignore_dots=arguments.flag("ignore_dots", False),
            catch_all=arguments.text("catch_all", ""),
            relay=arguments.flag("relay", False),
        )
    )


async def domain_list(services: Services, arguments: Arguments) -> Json:
    """Every domain."""
    return [domain_shape(domain) for domain in await services.domains.all()]


async def domain_show(services: Services, arguments: Arguments) -> Json:
    """One domain."""
    return domain_shape(await services.domains.get(arguments.text("name")))


async def domain_set(services: Services, arguments: Arguments) -> Json:
    """Changes what is given."""
    domain = await services.domains.get(arguments.text("name"))
    changed = dataclasses.replace(
        domain,
        alias_of=arguments.text("alias_of", domain.alias_of),
        delimiter=arguments.text("delimiter", domain.delimiter),
        ignore_dots=arguments.flag("ignore_dots", domain.ignore_dots),
        catch_all=arguments.text("catch_all", domain.catch_all),
        relay=arguments.flag("relay", domain.relay),
    )
    return domain_shape(await services.domains.update(changed, ACTOR))


async def domain_remove(services: Services, arguments: Arguments) -> Json:
    """Removes an empty domain."""
    await services.domains.remove(arguments.text("name"), ACTOR)
    return None


def domain_shape(domain: Domain) -> Json:
    """A domain as JSON."""
    return {
        "name": domain.name,
        "alias_of": domain.alias_of,
        "delimiter": domain.delimiter,
        "ignore_dots": domain.ignore_dots,
        "catch_all": domain.catch_all,
        "relay": domain.relay,
        "created": domain.created,
    }


# -- users


async def user_add(services: Services, arguments: Arguments) -> Json:
    """A new account with its address."""
    order = AccountOrder(
        username=arguments.text("name"),
        password=arguments.text("password", ""),
        hashed=arguments.text("hashed", ""),
        address=arguments.text("address") if "address" in arguments else None,
        name=arguments.text("full_name", ""),
        role=_role(arguments.text("role", "user")),
        limits=Limits(storage=arguments.number("quota", 0)),
        disabled=arguments.flag("disabled", False),
        sending=_sending(arguments.text("sending", "own")),
    )
    return user_shape(await services.accounts.create(order, ACTOR))


async def user_list(services: Services, arguments: Arguments) -> Json:
    """Accounts after `after` whose username or address holds `query`, one page of them."""
    found, total = await services.accounts.page(
        after=arguments.number("after", 0), limit=PAGE, query=arguments.text("query", "")
    )
    return {"users": [user_shape(account) for account in found], "total": total}


async def user_show(services: Services, arguments: Arguments) -> Json:
    """One account with its addresses and mailboxes."""
    account = await services.accounts.by_name(arguments.text("name"))
    addresses = await services.addresses.of_account(account.number)
    boxes = await services.mailboxes.all(account.number)
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
    limits = dataclasses.replace(
        account.limits, storage=arguments.number("quota", account.limits.storage)
    )
    changed = dataclasses.replace(
        account,
        name=arguments.text("full_name", account.name),
        role=_role(arguments.text("role", account.role.value)),
        disabled=arguments.flag("disabled", account.disabled),
        sending=_sending(arguments.text("sending", account.sending.value)),
        limits=limits,
    )
    if changed != account:
        changed = await services.accounts.update(changed, ACTOR)
    password, hashed = arguments.text("password", ""), arguments.text("hashed", "")
    if password or hashed:
        changed = await services.accounts.set_password(
            account.number, password, ACTOR, hashed=hashed
        )
    return user_shape(changed)


async def user_remove(services: Services, arguments: Arguments) -> Json:
    """Removes an account with all its mail."""
    account = await services.accounts.by_name(arguments.text("name"))
    await services.accounts.remove(account.number, ACTOR)
    return None


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


def user_shape(account: Account) -> Json:
    """An account as JSON, without its secrets."""
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
        "messages": account.used_messages,
        "created": account.created,
    }


# -- aliases


async def alias_add(services: Services, arguments: Arguments) -> Json:
    """A new alias, or with `user` a further address of an account."""
    account = None
    if "user" in arguments:
        account = (await services.accounts.by_name(arguments.text("user"))).number
    return alias_shape(
        await services.addresses.create(
            arguments.text("address"),
            ACTOR,
            account=account,
            targets=arguments.texts("targets"),
            program=arguments.texts("program"),
            minilist=arguments.flag("minilist", False),
        )
    )


async def alias_list(services: Services, arguments: Arguments) -> Json:
    """Addresses after `after`, one page of them, of a domain or all."""
    found, total = await services.addresses.page(
        after=arguments.number("after", 0),
        limit=PAGE,
        query=arguments.text("query", ""),
        domain=arguments.text("domain", ""),
    )
    return {"aliases": [alias_shape(address) for address in found], "total": total}


async def alias_show(services: Services, arguments: Arguments) -> Json:
    """One alias or address."""
    return alias_shape(await services.addresses.get(arguments.text("address")))


async def alias_set(services: Services, arguments: Arguments) -> Json:
    """Changes what is given."""
    address = await services.addresses.get(arguments.text("address"))
    changed = dataclasses.replace(
        address,
        targets=arguments.texts("targets", address.targets),
        program=arguments.texts("program", address.program),
        minilist=arguments.flag("minilist", address.minilist),
    )
    return alias_shape(await services.addresses.update(changed, ACTOR))


async def alias_remove(services: Services, arguments: Arguments) -> Json:
    """Removes an alias, or an account's further address."""
    await services.addresses.remove(await services.addresses.get(arguments.text("address")), ACTOR)
    return None


def alias_shape(address: Address) -> Json:
    """An address as JSON."""
    return {
        "number": address.number,
        "address": address.address,
        "user": address.account,
        "targets": list(address.targets),
        "program": list(address.program),
        "minilist": address.minilist,
        "main": address.main,
    }


async def account_of(services: Services, arguments: Arguments) -> Account:
    """The account named by `user`. Raises NotFound."""
    name = arguments.text("user")
    try:
        return await services.accounts.by_name(name)
    except NotFound:
        raise NotFound(f"No account {name}") from None


async def username(services: Services, number: int | None) -> str:
    """The login name of an account; empty where there is none, or words where it is gone."""
    if not number:
        return ""
    try:
        return (await services.accounts.get(number)).username
    except NotFound:
        return f"(gone: {number})"


ACTS: Mapping[str, Act] = {
    "ping": ping,
    "found": found_server,
    "domain-add": domain_add,
    "domain-list": domain_list,
    "domain-show": domain_show,
    "domain-set": domain_set,
    "domain-remove": domain_remove,
    "user-add": user_add,
    "user-list": user_list,
    "user-show": user_show,
    "user-set": user_set,
    "user-remove": user_remove,
    "alias-add": alias_add,
    "alias-list": alias_list,
    "alias-show": alias_show,
    "alias-set": alias_set,
    "alias-remove": alias_remove,
}
"""Acts with one answer."""
