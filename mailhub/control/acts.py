"""What all acts of the control socket share: the services, and arguments taken by type.

An act is one function with JSON values in and out, which makes one core call; the modules beside
this one have them by subject. No rule of accounts or mail lives here; `wire` frames, `server`
talks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.backup import Backups
from mailhub.core.certificates import Certificates
from mailhub.core.checkup import Checkup
from mailhub.core.domains import Domains
from mailhub.core.elsewhere import Elsewheres
from mailhub.core.exporting import Exporting
from mailhub.core.filtering import Filtering
from mailhub.core.filters import Filters
from mailhub.core.identity import Identity
from mailhub.core.importing import Importing
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.mailroom import Mailroom
from mailhub.core.mirroring import Mirroring
from mailhub.core.provisioning import Provisioning
from mailhub.core.queue import Queue
from mailhub.core.records import Records
from mailhub.core.relays import Relays
from mailhub.core.reporting import Reporting
from mailhub.core.reportreading import ReportReading
from mailhub.core.reportsummary import Summaries
from mailhub.core.routes import Routes
from mailhub.core.scripts import Scripts
from mailhub.core.secondaries import Secondaries
from mailhub.core.signing import Keys
from mailhub.core.suppressions import Suppressions
from mailhub.core.tokens import Tokens
from mailhub.core.transfer import Transfers
from mailhub.core.uploading import Keys as UploadKeys
from mailhub.core.webhooks import Webhooks
from mailhub.core.zonekeys import ZoneKeys
from mailhub.core.zones import Zones
from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, NotFound
from mailhub.ports import SearchIndex, Spools
from mailhub.ports.leases import Nodes
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
    filtering: Filtering
    scripts: Scripts
    upload_keys: UploadKeys
    tokens: Tokens
    mirroring: Mirroring | None
    mailroom: Mailroom
    certificates: Certificates
    provisioning: Provisioning
    zones: Zones
    secondaries: Secondaries
    zone_keys: ZoneKeys
    backups: Backups
    exporting: Exporting
    importing: Importing
    elsewheres: Elsewheres
    checkup: Checkup
    nodes: Nodes
    drain: Callable[[float, bool], Awaitable[int]] | None = None
    """Drains this server; None where none runs."""


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


ACTS: Mapping[str, Act] = {"ping": ping}
"""Acts with one answer."""
