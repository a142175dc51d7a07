"""Knot DNS over its control socket: zones are made and changed in transactions of its own.

Knot signs, and serves secondaries, as its own configuration says; what a zone has to say is core's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from mailhub.model.errors import Invalid, Unavailable
from mailhub.model.zone import Zone
from mailhub.net.once import connected
from mailhub.wire import knot
from mailhub.wire.knot import Field, Unit

PATIENCE = 30.0
"""Seconds that an answer may take."""


class KnotServer:
    """`ports.ZoneServer` at the UNIX socket `path`."""

    def __init__(self, path: str, reactor: Any) -> None:
        self._path = path
        self._reactor = reactor

    async def names(self) -> frozenset[str]:
        """See `ports.ZoneServer`."""
        async with self._talk() as talk:
            return await _names(talk)

    async def put(self, zone: Zone) -> bool:
        """See `ports.ZoneServer`. The zone is made where it is not there, by Knot's own template;
        Knot signs it then, where that says so."""
        async with self._talk() as talk:
            if zone.name not in await _names(talk):
                await _configured(talk, "conf-set", zone.name)
            try:
                units = await talk.ask("zone-read", zone=zone.name)
                removed, added = knot.changes(zone, units)
            except Invalid as error:
                raise Unavailable(f"Knot's zone {zone.name}: {error.text}") from None
            if not removed and not added:
                return False
            await talk.ask("zone-begin", zone=zone.name)
            try:
                for row in removed:
                    await talk.ask(
                        "zone-unset", zone=zone.name, owner=row.owner, type=row.kind, data=row.data
                    )
                for row in added:
                    await talk.ask(
                        "zone-set",
                        zone=zone.name,
                        owner=row.owner,
                        ttl=row.ttl,
                        type=row.kind,
                        data=row.data,
                    )
                await talk.ask("zone-commit", zone=zone.name)
            except Unavailable:
                await talk.quietly("zone-abort", zone=zone.name)
                raise
        return True

    async def drop(self, name: str) -> None:
        """See `ports.ZoneServer`."""
        async with self._talk() as talk:
            await _configured(talk, "conf-unset", name)

    async def keys(self, name: str) -> Sequence[str]:
        """See `ports.ZoneServer`."""
        async with self._talk() as talk:
            units = await talk.ask("zone-read", zone=name, owner="@", type="DNSKEY")
            return [unit[Field.DATA] for unit in units if Field.DATA in unit]

    @asynccontextmanager
    async def _talk(self) -> AsyncIterator[_Talk]:
        endpoint = UNIXClientEndpoint(self._reactor, self._path, timeout=PATIENCE)
        try:
            talk = await connected(endpoint, _Talk(self._reactor))
        except (ConnectError, OSError) as error:
            raise Unavailable(f"Knot does not answer at its socket ({error})") from None
        try:
            yield talk
        finally:
            talk.leave()


async def _names(talk: _Talk) -> frozenset[str]:
    units = await talk.ask("conf-read", section="zone", item="domain")
    return frozenset(unit[Field.DATA].rstrip(".").lower() for unit in units if Field.DATA in unit)


async def _configured(talk: _Talk, command: str, zone: str) -> None:
    """Adds or removes a zone in a transaction of Knot's configuration."""
    await talk.ask("conf-begin")
    try:
        await talk.ask(command, section="zone", id=zone)
        await talk.ask("conf-commit")
    except Unavailable:
        await talk.quietly("conf-abort")
        raise


class _Talk(Protocol):
    """A connection: one request after the other."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._answers = knot.Answers()
        self._waiting: Deferred[list[Unit]] | None = None
        self._timer: Any = None

    async def ask(self, command: str, **fields: str) -> Sequence[Unit]:
        """What Knot answers. Raises Unavailable, also where Knot says that something is wrong."""
        waiting = self._waiting = Deferred()
        transport: Any = self.transport
        transport.write(knot.request(command, **fields))
        self._timer = self._reactor.callLater(PATIENCE, transport.abortConnection)
        units = await waiting
        for unit in units:
            if Field.ERROR in unit:
                where = fields.get("zone", fields.get("id", ""))
                raise Unavailable(f"Knot refuses {command} {where}: {unit[Field.ERROR]}")
        return units

    async def quietly(self, command: str, **fields: str) -> None:
        """The same, where another error is told already."""
        try:
            await self.ask(command, **fields)
        except Unavailable:
            return

    def leave(self) -> None:
        """Ends it."""
        transport: Any = self.transport
        transport.write(knot.END)
        transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        transport: Any = self.transport
        try:
            units = self._answers.receive(data)
        except Invalid:
            transport.abortConnection()
            return
        if units is not None:
            self._done(units)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._done(Unavailable("Knot does not answer any more"))

    def _done(self, outcome: list[Unit] | Unavailable) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        if isinstance(outcome, Unavailable):
            waiting.errback(outcome)
        else:
            waiting.callback(outcome)
