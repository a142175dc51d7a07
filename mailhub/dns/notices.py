"""Telling secondaries of new zones until they say that they heard (RFC 1996 3.6). Pure: what is
sent when; `server` sends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mailhub.dns import transfer
from mailhub.dns.contents import Contents
from mailhub.dns.sealing import Sealing
from mailhub.ports import Randomness

WAITS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Seconds until it is said again; after the last one the secondary finds out by itself, by the
refresh interval of the SOA."""
TOGETHER = 50
MOST = 10_000
"""Notices under way."""


@dataclass(slots=True)
class _Notice:
    id: int
    packet: bytes
    tries: int
    due: float


class Notices:
    """What has been said and not been heard yet."""

    def __init__(self, randomness: Randomness, sealing: Sealing | None = None) -> None:
        self._randomness = randomness
        self._sealing = sealing or Sealing()
        self._open: dict[tuple[str, bytes], _Notice] = {}

    def put(self, zone: Contents, addresses: Iterable[str], now: float) -> None:
        """These are to hear of a new version; an older one of the zone needs no more telling."""
        for address in addresses:
            if len(self._open) >= MOST:
                return
            id = int.from_bytes(self._randomness.token(2))
            packet, seal = transfer.notify(id, zone), self._sealing.new()
            sent = packet if seal is None else seal.put(packet)
            self._open[address, zone.origin] = _Notice(id, sent, 0, now)

    def due(self, now: float) -> list[tuple[str, bytes]]:
        """What is to be sent now, some at a time: addresses and packets."""
        found: list[tuple[str, bytes]] = []
        for key, one in list(self._open.items()):
            if len(found) == TOGETHER:
                break
            if one.due > now:
                continue
            if one.tries >= len(WAITS):
                del self._open[key]
                continue
            found.append((key[0], one.packet))
            one.due = now + WAITS[one.tries]
            one.tries += 1
        return found

    def wait(self, now: float) -> float | None:
        """Seconds until something is due; None: nothing is open."""
        return max(0.0, min(one.due for one in self._open.values()) - now) if self._open else None

    def heard(self, data: bytes, address: str) -> bool:
        """A packet came from there; whether it was an answer to a notice."""
        for key, one in self._open.items():
            if key[0] == address and transfer.acknowledges(data, one.id):
                del self._open[key]
                return True
        return False
