"""Looks for what other processes committed, so that this one hears of it though it commits nothing.

It looks when somebody rings, and twice a second besides: rings may get lost. What its own process
commits comes here too, from the thread that writes; others are rung for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailhub.ports import Wakeups
from mailhub.store.postgres.news import STEP, Bulletin, Issue

INTERVAL = 0.5
"""Seconds between looks when nobody rings."""
CHANNEL = "news"


class Timer(Protocol):
    """What this asks of the reactor."""

    def callLater(self, delay: float, call: Callable[[], object]) -> IDelayedCall: ...


class Follower:
    """`read`: the commits after one, see `news.after`; a thread's work. `writer.Told`."""

    _log = Logger()

    def __init__(
        self,
        timer: Timer,
        read: Callable[[int], Deferred[Sequence[Issue]]],
        bulletin: Bulletin,
    ) -> None:
        self._timer = timer
        self._read = read
        self._bulletin = bulletin
        self._next: IDelayedCall | None = None
        self._reading = False
        self._again = False
        self._runs = False
        self._away = False
        self._wakeups: Wakeups | None = None

    def rung_by(self, wakeups: Wakeups) -> None:
        """Rings for what is committed here, and hears others' rings."""
        self._wakeups = wakeups
        wakeups.listen(CHANNEL, self.wake)

    def start(self) -> None:
        """Looks from now on."""
        self._runs = True
        self.wake()

    def stop(self) -> None:
        """Looks no more."""
        self._runs = False
        self._cancel()

    def tell(self, issues: Sequence[Issue], /) -> None:
        """What came before a commit of this process, and the commit."""
        self._bulletin.tell(issues)
        if issues and self._wakeups is not None:
            self._wakeups.ring(CHANNEL)

    def wake(self) -> None:
        """There may be something new."""
        if not self._runs:
            return
        if self._reading:
            self._again = True
            return
        self._cancel()
        self._reading = True
        self._again = False
        self._read(self._bulletin.told).addCallbacks(self._heard, self._failed).addBoth(self._rest)

    def _heard(self, issues: Sequence[Issue]) -> None:
        self._away = False
        self._bulletin.tell(issues)
        self._again = self._again or len(issues) == STEP

    def _failed(self, failure: Failure) -> None:
        self._again = False
        if not self._away:
            self._away = True
            self._log.warn("What others commit is not heard: {why}", why=failure.value)

    def _rest(self, _: Any) -> None:
        self._reading = False
        if self._again:
            self.wake()
        elif self._runs:
            self._next = self._timer.callLater(INTERVAL, self.wake)

    def _cancel(self) -> None:
        timer, self._next = self._next, None
        if timer is not None and timer.active():
            timer.cancel()
