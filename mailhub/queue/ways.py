"""The way that a recipient's mail takes: routes as the store has them, and servers to try.

Routes are kept a few seconds, and until one is changed here, as they are asked for at every
transaction; what the DNS says is kept by the resolver. Which route applies is `queue.routing`'s,
what it leads to `queue.destination`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mailhub.model.elsewhere import ELSEWHERE_LANES
from mailhub.model.outbound import Answer, Stage
from mailhub.model.queue import RELAY_LANES, QueueEntry
from mailhub.model.route import Hop, Route
from mailhub.model.tlsreport import TLSReport
from mailhub.ports import Clock, Randomness, Storage
from mailhub.queue import elsewhere
from mailhub.queue.destination import Destination
from mailhub.queue.relayed import relayed
from mailhub.queue.routing import Table

FRESH = 5.0
"""Seconds for which routes are believed that another process may have changed."""
NOWHERE = Answer(0, "4.4.4", "No server to try", Stage.RESOLVE)


class Finding(Protocol):
    """Finds servers: `queue.destination.Destinations`."""

    async def find(
        self,
        domain: str,
        route: Route | None = None,
        *,
        require_tls: bool = False,
        tls_optional: bool = False,
    ) -> Destination:
        """Never raises for what the DNS says."""
        ...


@dataclass(frozen=True, slots=True)
class Way:
    """Servers to try, best first; or, without any, why."""

    hops: tuple[Hop, ...]
    refusal: Answer
    reports: tuple[TLSReport, ...] = ()


Choice = tuple[tuple[int, ...], bool, bool]
"""What tells ways of one lane apart: numbers of routes (of an account, negative, where that named
its relay, or lives at another server), whether TLS is required, and whether it is
optional (RFC 8689)."""


class Ways:
    """Finds ways."""

    def __init__(
        self, storage: Storage, finding: Finding, clock: Clock, randomness: Randomness
    ) -> None:
        self._storage = storage
        self._finding = finding
        self._clock = clock
        self._randomness = randomness
        self._table = Table()
        self._until = float("-inf")
        self._forgotten = 0

    def forget(self) -> None:
        """Routes changed: the next message is sent by them."""
        self._until = float("-inf")
        self._forgotten += 1

    async def choose(self, entry: QueueEntry) -> tuple[Choice, Sequence[Route]]:
        """The routes for an entry, none for the MX, and what tells them from others. Raises
        Unavailable."""
        sender = entry.sender
        if entry.lane.startswith(ELSEWHERE_LANES):
            there = await elsewhere.way(self._storage, entry)
            return ((there.number,), sender.require_tls, sender.tls_optional), (there,)
        if entry.lane.startswith(RELAY_LANES):
            relay = await relayed(self._storage, entry)
            return ((relay.number,), sender.require_tls, sender.tls_optional), (relay,)
        while self._until <= self._clock.seconds():
            known = self._forgotten
            self._table = Table(await self._storage.routes.all())
            if known == self._forgotten:
                self._until = self._clock.seconds() + FRESH
        chosen = self._table.choose(entry, self._draw)
        numbers = tuple(one.number for one in chosen)
        return (numbers, sender.require_tls, sender.tls_optional), chosen

    async def find(
        self, lane: str, routes: Sequence[Route], require_tls: bool, tls_optional: bool = False
    ) -> Way:
        """The servers of `routes`, or of the MX. Where none of several is of use, what may pass
        decides: mail is not returned for a passing fault."""
        hops: list[Hop] = []
        reports: list[TLSReport] = []
        refusals: list[Answer] = []
        for route in routes or (None,):
            found = await self._finding.find(
                lane, route, require_tls=require_tls, tls_optional=tls_optional
            )
            hops += found.hops
            reports += found.reports
            if found.refusal is not None:
                refusals.append(found.refusal)
        refusals.sort(key=lambda refusal: refusal.permanent)
        return Way(tuple(hops), refusals[0] if refusals else NOWHERE, tuple(reports))

    def _draw(self) -> float:
        return int.from_bytes(self._randomness.token(6), "big") / 2**48
