"""What looks at the server are made with, and the facts that looks at all domains share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailhub.core.addresses import Addresses
from mailhub.core.backup import Backups
from mailhub.core.certificates import Certificates
from mailhub.core.hosted import Hosted, HostedName
from mailhub.core.provisioning import Provisioning
from mailhub.core.records import Records
from mailhub.core.system import System
from mailhub.core.zones import Zones
from mailhub.model.checkup import Finding
from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import NotFound, Unavailable
from mailhub.model.settings_checks import CheckSettings
from mailhub.ports import (
    Clock,
    Condition,
    Fetch,
    Log,
    Queue,
    Reach,
    Resolver,
    Together,
    Volume,
    Within,
)
from mailhub.ports.backup import BackupMemory

Look = Callable[[], Coroutine[Any, Any, Sequence[Finding]]]
Check = tuple[str, Look]
"""What is looked at, and how."""


@dataclass(frozen=True, slots=True)
class Door:
    """Somebody who should listen. `endpoint`: a Twisted endpoint string."""

    name: str
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """`hostname`: this server's; `hello`: the name that it gives others. `own`: its public
    addresses, where the settings say them. `serves`: whether its zones are answered for. `asking`:
    a resolver that asks one name server alone. `forget`: what the DNS said before is asked anew.
    `doors`: our own listeners; `services`: others' programs that the settings name. `faults`: work
    in the background that failed a while ago, and why. `troubles`: what is wrong with what several
    servers share, now; None where there is nothing. `memory`: what was told last."""

    addresses: Addresses
    records: Records
    certificates: Certificates
    hosted: Hosted
    provisioning: Provisioning
    zones: Zones
    backups: Backups
    system: System
    queue: Queue
    resolver: Resolver
    asking: Callable[[str], Resolver]
    forget: Callable[[], None]
    fetch: Fetch
    volume: Volume
    condition: Condition
    reach: Reach
    clock: Clock
    together: Together
    within: Within
    log: Log
    memory: BackupMemory
    settings: CheckSettings
    hostname: str
    hello: str = ""
    own: Sequence[str] = ()
    serves: bool = False
    doors: Callable[[], Sequence[Door]] = field(default=lambda: ())
    services: Sequence[Door] = ()
    faults: Callable[[], Mapping[str, str]] = field(default=dict)
    troubles: Callable[[], Mapping[str, str]] | None = None

    async def answer(self, name: str, kind: str) -> DNSAnswer:
        """What the DNS has there; no records where the name does not exist. Raises Unavailable."""
        try:
            return await self.resolver.query(name, kind)
        except NotFound:
            return DNSAnswer(name, kind, ())

    async def query(self, name: str, kind: str) -> Sequence[Any]:
        """The records alone. Raises Unavailable."""
        return (await self.answer(name, kind)).records

    async def addresses_of(self, name: str) -> Sequence[str]:
        """IPv4 and IPv6. Raises Unavailable."""
        found = await self.together([self.query(name, kind) for kind in ("A", "AAAA")])
        return [str(one) for records in found for one in records]

    async def ours(self) -> Sequence[str]:
        """This machine's addresses: as the settings say, else as its name resolves. Raises
        Unavailable."""
        return self.own or await self.addresses_of(self.hostname)


@dataclass(frozen=True, slots=True)
class Facts:
    """`zones`: all. `hosted`: by the domain that names are of. `secondaries`: hosts that stand in
    the NS records. `serials`: by zone; `pointers`: what asks for the DS records that the zone above
    should have, of zones that are signed."""

    zones: frozenset[str] = frozenset()
    hosted: Mapping[str, Sequence[HostedName]] = field(default_factory=dict)
    secondaries: Sequence[str] = ()
    serials: Mapping[str, int] = field(default_factory=dict)
    pointers: Mapping[str, Callable[[], Awaitable[Sequence[str]]]] = field(default_factory=dict)


class Surroundings:
    """Facts of a moment, gathered once for all domains that are looked at then."""

    def __init__(self, means: Means, fresh: float) -> None:
        self._means = means
        self._fresh = fresh
        self._facts = Facts()
        self._problem = ""
        self._until = -1.0

    async def renew(self) -> None:
        """Gathers them, unless that is a short while ago."""
        now = self._means.clock.seconds()
        if now < self._until:
            return
        self._until = now + self._fresh
        try:
            self._facts, self._problem = await self._gather(), ""
        except Unavailable as error:
            self._problem = error.text

    def forget(self) -> None:
        """They are gathered anew at the next look."""
        self._until = -1.0

    @property
    def facts(self) -> Facts:
        """Raises Unavailable, where they could not be gathered."""
        if self._problem:
            raise Unavailable(self._problem)
        return self._facts

    async def _gather(self) -> Facts:
        hosted: dict[str, list[HostedName]] = {}
        for one in await self._means.hosted.all():
            hosted.setdefault(one.domain, []).append(one)
        zones = self._means.zones
        names = [one for one in await zones.secondaries() if not one.startswith("xfr:")]
        serials, pointers = await zones.serials(), await zones.ds_of_all()
        return Facts(frozenset(await zones.zones()), hosted, names, serials, pointers)
