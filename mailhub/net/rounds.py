"""Work that comes round: a coroutine of core, run again and again by the reactor's clock; and what
runs only where a lease is held.

What is done, and what a failure of it means, is the work's own; one that raises is logged, and
comes round again all the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from mailhub.ports import Log
from mailhub.ports.leases import Lease, LeaseLost, Turn, ending, under, within


class Round:
    """Runs `work` every `interval` seconds after it ended, for the first time after `first`.
    `last`: once more when it is stopped, instead of breaking off what is under way. `lease`: it
    comes round only while that is held, and begins anew with each turn."""

    def __init__(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        interval: float,
        reactor: Any,
        log: Log,
        what: str,
        *,
        first: float = 5.0,
        last: bool = False,
        lease: Lease | None = None,
    ) -> None:
        self._work = work
        self._interval = interval
        self._reactor = reactor
        self._log = log
        self._what = what
        self._first = first
        self._last = last
        self._lease = lease
        self._timer: Any = None
        self._going: Deferred[None] | None = None
        self._stopped = False
        self._unwish: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Waits for the first round."""
        if self._lease is None:
            self._begin()
        else:
            self._unwish = self._lease.watch(self._begin, self._end)

    async def stop(self) -> None:
        """No further round; the one under way is broken off, unless there is a last one."""
        self._unwish()
        await self._end()

    def _begin(self) -> None:
        self._stopped = False
        self._timer = self._reactor.callLater(self._first, self._go)

    async def _end(self) -> None:
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._last:
            if self._going is not None:
                await self._going
            self._go()
            if self._going is not None:
                await self._going
        elif self._going is not None:
            self._going.cancel()

    def _go(self) -> None:
        self._timer = None
        work = self._work()
        if self._lease is not None:
            work = under(self._lease, work)
        going = self._going = Deferred.fromCoroutine(work)
        going.addErrback(self._failed).addBoth(self._over, going)

    def _failed(self, failure: Failure) -> None:
        _note(failure, self._log, self._what)

    def _over(self, _: object, going: Deferred[None]) -> None:
        if self._going is not going:
            return  # it was broken off, and took its time
        self._going = None
        if not self._stopped:
            self._timer = self._reactor.callLater(self._interval, self._go)


class Leased:
    """Something that runs by itself once it was started, only while a lease is held. It can be
    started again after it was stopped; `what`: for the log."""

    def __init__(
        self,
        start: Callable[[], Awaitable[None] | None],
        stop: Callable[[], Awaitable[None] | None],
        lease: Lease,
        log: Log,
        what: str,
    ) -> None:
        self._start = start
        self._stop = stop
        self._lease = lease
        self._log = log
        self._what = what
        self._running = False
        self._turn: Turn | None = None
        self._starting: Deferred[None] | None = None
        self._ending: Deferred[None] | None = None
        self._unwish: Callable[[], None] = lambda: None

    def start(self) -> None:
        """It begins with the lease."""
        self._unwish = self._lease.watch(self._begin, self._end)

    async def stop(self) -> None:
        """It ends, and does not begin again."""
        self._unwish()
        await self._end()

    def _begin(self) -> None:
        self._running = True
        turn = self._turn = Turn(self._lease)
        self._starting = Deferred.fromCoroutine(within(turn, self._started(self._ending)))
        self._starting.addErrback(self._failed)

    async def _started(self, before: Deferred[None] | None) -> None:
        if before is not None:
            await before  # the turn before has to be over here, too
        await _done(self._start)

    async def _end(self) -> None:
        if self._running:
            self._running = False
            over = self._ending = Deferred()
            starting, self._starting = self._starting, None
            if starting is not None:
                starting.cancel()
            try:
                await ending(self._turn, _done(self._stop))
            finally:
                self._ending = None
                over.callback(None)

    def _failed(self, failure: Failure) -> None:
        _note(failure, self._log, self._what)


async def _done(call: Callable[[], Awaitable[None] | None]) -> None:
    """Called, and waited for."""
    waited = call()
    if waited is not None:
        await waited


def _note(failure: Failure, log: Log, what: str) -> None:
    error = failure.value
    if not isinstance(error, (CancelledError, LeaseLost)):
        log.event("background-failed", what=what, error=type(error).__name__, reason=str(error))
