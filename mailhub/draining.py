"""Draining: a server takes no new work, ends what is under way in good order, and gives back what
others can do. It goes on to run, with nothing to do, until it is stopped.

Knows in which order; what sessions, leases and the queue do about it is theirs. Bounded in time:
what does not end by itself is ended as it is when the server stops.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from mailhub.model.errors import InUse
from mailhub.net.listeners import Listener
from mailhub.ports import Log
from mailhub.service import GOODBYE, Phase, Readiness, maybe, within

PATIENCE = 60.0
"""Seconds that sessions have for what is under way, where nobody says how many."""
AGAIN = 0.25
"""Seconds between two looks at sessions that were busy."""
TURN = 50
"""Sessions that are ended before others have a turn."""


class Draining:
    """`works`: what gives back other work than sessions', and what says to others that it is done;
    each is waited for. Set when they are made."""

    def __init__(
        self, reactor: Any, readiness: Readiness, doors: Sequence[Listener], log: Log
    ) -> None:
        self._reactor = reactor
        self._readiness = readiness
        self._doors = doors
        self._log = log
        self._waiting: list[Deferred[int]] = []
        self._cut = 0
        self.works: Sequence[Callable[[], Awaitable[None] | None]] = ()
        self.over: Callable[[], Awaitable[None] | None] = lambda: None

    async def drain(self, seconds: float = PATIENCE) -> int:
        """Returns how many sessions had to be cut off, when nothing is left to do; at once where
        that was so. Raises InUse while the server starts or stops."""
        phase = self._readiness.phase
        if phase is Phase.DRAINED:
            return self._cut
        if phase is Phase.DRAINING:
            over: Deferred[int] = Deferred()
            self._waiting.append(over)
            return await over
        if phase is not Phase.SERVING:
            raise InUse("The server is starting or stopping")
        self._readiness.phase = Phase.DRAINING
        self._log.event("drain", outcome="begins", level="info")
        await self._drain(seconds)
        if self._readiness.phase is Phase.DRAINING:
            self._readiness.phase = Phase.DRAINED
            self._log.event("drain", outcome="drained", level="info", cut=self._cut)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(self._cut)
        return self._cut

    async def _drain(self, seconds: float) -> None:
        others = [Deferred.fromCoroutine(self._done(work)) for work in self.works]
        for door in self._doors:
            await door.drain()
        await self._sessions(self._reactor.seconds() + seconds)
        await DeferredList(others)
        await self._done(self.over)

    async def _done(self, work: Callable[[], Awaitable[None] | None]) -> None:
        try:
            await maybe(work())
        except Exception as error:
            self._log.event("drain", outcome="failed", level="warn", reason=str(error))

    async def _sessions(self, until: float) -> None:
        """Ends them as they come to an end, some at a time: thousands that leave at once would all
        be somewhere else at once."""
        closed = [door for door in self._doors if not door.answers_on]
        begun = [entry for door in self._doors for entry in door.entries]
        while begun and self._reactor.seconds() < until:
            for start in range(0, len(begun), TURN):
                for entry in begun[start : start + TURN]:
                    entry.drain()
                await self._sleep(0)
            begun = [entry for door in closed for entry in door.entries]
            if begun:
                await self._sleep(AGAIN)
        for door in closed:
            door.retire()
        emptied = DeferredList([door.emptied() for door in closed])
        await within(self._reactor, emptied, GOODBYE)
        self._cut = sum(len(door.entries) for door in closed)
        for door in closed:
            door.abort()

    def _sleep(self, seconds: float) -> Deferred[None]:
        over: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, over.callback, None)
        return over
