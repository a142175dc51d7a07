"""Work that comes round: a coroutine of core, run again and again by the reactor's clock.

What is done, and what a failure of it means, is the work's own; one that raises is logged, and
comes round again all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from mailhub.ports import Log


class Round:
    """Runs `work` every `interval` seconds after it ended, for the first time after `first`.
    `last`: once more when it is stopped, instead of breaking off what is under way."""

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
    ) -> None:
        self._work = work
        self._interval = interval
        self._reactor = reactor
        self._log = log
        self._what = what
        self._first = first
        self._last = last
        self._timer: Any = None
        self._going: Deferred[None] | None = None
        self._stopped = False

    def start(self) -> None:
        """Waits for the first round."""
        self._timer = self._reactor.callLater(self._first, self._go)

    async def stop(self) -> None:
        """No further round; the one under way is broken off, unless there is a last one."""
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
        going = self._going = Deferred.fromCoroutine(self._work())
        going.addErrback(self._failed).addBoth(self._over)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, CancelledError):
            return
        name, reason = type(error).__name__, str(error)
        self._log.event("background-failed", what=self._what, error=name, reason=reason)

    def _over(self, _: object) -> None:
        self._going = None
        if not self._stopped:
            self._timer = self._reactor.callLater(self._interval, self._go)
