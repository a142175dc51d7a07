"""Work that is done soon after something stirred, and once in a while in any case: a coroutine that
brings something in step with something else.

It never runs twice at a time; what stirs meanwhile makes it run once more.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailhub.ports import Log
from mailhub.ports.leases import Lease, LeaseLost, under

FAILED = 60.0
"""Seconds until it is tried again when it went wrong."""


class Stirred:
    """`again`: seconds after which `work` is done though nothing stirred. `what`: for the log.
    `lease`: it is done only while that is held, and first thing in each turn."""

    def __init__(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        again: float,
        reactor: Any,
        log: Log,
        what: str,
        lease: Lease | None = None,
    ) -> None:
        self._work = work
        self._again = again
        self._reactor = reactor
        self._log = log
        self._what = what
        self._lease = lease
        self._unwish: Callable[[], None] = lambda: None
        self._timer: Any = None
        self._going: Deferred[None] | None = None
        self._next: float | None = None
        self._runs = False

    def start(self) -> None:
        """Does it for the first time; what stirred before is part of that."""
        if self._lease is None:
            self._begin()
        else:
            self._unwish = self._lease.watch(self._begin, self._end)

    def _begin(self) -> None:
        self._runs = True
        self.stir()

    def stir(self, wait: float = 0.0) -> None:
        """Does it in so many seconds, or sooner."""
        if not self._runs:
            return
        if self._going is not None:
            self._next = wait if self._next is None else min(wait, self._next)
            return
        if self._timer is not None and self._timer.active():
            if self._timer.getTime() - self._reactor.seconds() <= wait:
                return
            self._timer.cancel()
        self._timer = self._reactor.callLater(wait, self._go)

    def stop(self) -> None:
        """Never again; what is under way is broken off."""
        self._unwish()
        self._end()

    def _end(self) -> None:
        self._runs = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._going is not None:
            self._going.cancel()

    def _go(self) -> None:
        self._next = None
        work = self._work()
        if self._lease is not None:
            work = under(self._lease, work)
        going = self._going = Deferred.fromCoroutine(work)
        going.addCallbacks(lambda _: self._over(self._again), self._failed)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if self._runs and not isinstance(error, LeaseLost):
            name, reason = type(error).__name__, str(error)
            self._log.event("background-failed", what=self._what, error=name, reason=reason)
        self._over(FAILED)

    def _over(self, wait: float) -> None:
        self._going = None
        self.stir(wait if self._next is None else self._next)
