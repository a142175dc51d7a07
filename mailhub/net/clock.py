"""Time from the reactor, as `ports.Clock`; and a reactor whose timers no clock step can freeze.

Twisted's `reactor.seconds` is the wall clock: set back by an hour, every timeout, retry and
delayed call waits an hour longer. `install_monotonic` replaces it; nothing else may.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime


class ReactorClock:
    """`ports.Clock` on a reactor. `wall`: where `now` comes from, `monotonic`: how it goes on from
    what was agreed on; tests pass their own."""

    def __init__(
        self,
        reactor: IReactorTime,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reactor = reactor
        self._wall = wall
        self._monotonic = monotonic
        self._shift: float | None = None

    def seconds(self) -> float:
        """Monotonic seconds, for intervals only."""
        return self._reactor.seconds()

    def now(self) -> float:
        """Seconds since the epoch."""
        shift = self._shift
        return self._wall() if shift is None else shift + self._monotonic()

    def agree(self, now: float) -> None:
        """It is `now` by a clock that others go by as well: from here on this one does, whatever
        the machine's is set to. For any thread."""
        self._shift = now - self._monotonic()

    def pause(self) -> Awaitable[None]:
        """Ends after the reactor went round once."""
        return self.sleep(0)

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Ends `seconds` later; cancelling it forgets the timer."""
        ended: Deferred[None] = Deferred(lambda _: call.cancel())
        call = self._reactor.callLater(seconds, ended.callback, None)
        return ended


def install_monotonic(reactor: Any) -> None:
    """Makes `reactor.seconds` monotonic and moves the calls that wait already onto it.

    Every delayed call of a Twisted reactor takes its time from the instance's `seconds`, so one
    attribute is enough; the calls made before keep their remaining wait. Safe to repeat.
    """
    if reactor.seconds is time.monotonic:
        return
    shift = time.monotonic() - reactor.seconds()
    for call in reactor.getDelayedCalls():
        call.time += shift
        call.seconds = time.monotonic
    reactor.seconds = time.monotonic
