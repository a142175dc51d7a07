"""Another name server that takes updates of its zones (RFC 2136), over TCP.

What was handed to it is remembered beside the store, so that it can be taken back; what others put
into those zones is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dns.tsig
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from mailhub.model.errors import Unavailable
from mailhub.model.zone import Zone
from mailhub.net.once import connected
from mailhub.ports import Shelf
from mailhub.wire import dnsupdate
from mailhub.wire.dnsupdate import Asked, Row

PATIENCE = 30.0
"""Seconds that a connection and its answers may take."""


class UpdateServer:
    """`ports.ZoneServer` at `address`. `shelf`: remembers what was handed there."""

    def __init__(
        self, address: tuple[str, int], key: dns.tsig.Key | None, shelf: Shelf, reactor: Any
    ) -> None:
        self._address = address
        self._key = key
        self._shelf = shelf
        self._reactor = reactor
        self._handed: dict[str, list[Row]] | None = None

    async def names(self) -> frozenset[str]:
        """See `ports.ZoneServer`: those in which something is ours."""
        return frozenset(self._known())

    async def put(self, zone: Zone) -> bool:
        """See `ports.ZoneServer`. All is said again: that changes nothing which is there."""
        wanted = dnsupdate.rows(zone)
        await self._say(zone.name, wanted)
        return True

    async def drop(self, name: str) -> None:
        """See `ports.ZoneServer`: the zone stays there, without what was ours."""
        await self._say(name, [])

    async def keys(self, name: str) -> Sequence[str]:
        """See `ports.ZoneServer`."""
        asked = dnsupdate.question(name, "DNSKEY", self._key)
        return dnsupdate.answer((await self._exchange([asked]))[0], asked)

    async def _say(self, zone: str, wanted: Sequence[tuple[Row, int]]) -> None:
        known = self._known()
        now = {row for row, _ in wanted}
        gone = [row for row in known.get(zone, ()) if row not in now]
        steps = list(dnsupdate.updates(zone, wanted, gone, self._key))
        for asked, data in zip(steps, await self._exchange(steps), strict=True):
            dnsupdate.answer(data, asked)
            # What is handed on in part can be taken back.
            known[zone] = sorted({*gone, *now})
        if now:
            known[zone] = sorted(now)
        else:
            known.pop(zone, None)
        self._shelf.keep(self._kept)

    def _known(self) -> dict[str, list[Row]]:
        if self._handed is None:
            self._handed = _read(self._shelf.read())
        return self._handed

    def _kept(self) -> Any:
        return self._handed

    async def _exchange(self, steps: Sequence[Asked]) -> list[bytes]:
        """The answers, in order. Raises Unavailable."""
        if not steps:
            return []
        host, port = self._address
        endpoint = HostnameEndpoint(self._reactor, host, port, timeout=PATIENCE)
        talk = _Talk([one.packet for one in steps], self._reactor)
        try:
            await connected(endpoint, talk)
        except (ConnectError, OSError) as error:
            raise Unavailable(f"The name server {host} does not answer ({error})") from None
        return await talk.done


def _read(kept: Any) -> dict[str, list[Row]]:
    """What was kept, where it has the right shape."""
    if not isinstance(kept, dict):
        return {}
    return {
        str(zone): [(str(row[0]), str(row[1]), str(row[2])) for row in rows if len(row) == 3]
        for zone, rows in kept.items()
        if isinstance(rows, list)
    }


class _Talk(Protocol):
    """A connection: packets one after the other, each with its answer."""

    def __init__(self, packets: Sequence[bytes], reactor: Any) -> None:
        self.done: Deferred[list[bytes]] = Deferred()
        self._packets = list(packets)
        self._reactor = reactor
        self._answers: list[bytes] = []
        self._held = b""
        self._timer: Any = None

    def connectionMade(self) -> None:
        transport: Any = self.transport
        self._timer = self._reactor.callLater(PATIENCE, transport.abortConnection)
        self._next()

    def dataReceived(self, data: bytes) -> None:
        self._held += data
        size = int.from_bytes(self._held[:2])
        if len(self._held) < 2 or len(self._held) < 2 + size:
            return
        self._answers.append(self._held[2 : 2 + size])
        self._held = self._held[2 + size :]
        self._next()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._timer.active():
            self._timer.cancel()
        if not self.done.called:
            self.done.errback(Unavailable("The name server does not answer any more"))

    def _next(self) -> None:
        transport: Any = self.transport
        if self._packets:
            packet = self._packets.pop(0)
            transport.write(len(packet).to_bytes(2) + packet)
            return
        transport.loseConnection()
        self.done.callback(self._answers)
