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
from mailhub.store.postgres.news import STEP, Bulletin, Issue, Place

INTERVAL = 0.5
"""Seconds between looks when nobody rings."""
CHANNEL = "news"


class Timer(Protocol):
    """What this asks of the reactor."""

    def callLater(self, delay: float, call: Callable[[], object]) -> IDelayedCall: ...


class Follower:
    """`read`: the commits after one, which is doubted or not, see `news.after`; a thread's work.
    `seconds`: a monotonic clock. `writer.Told`."""

    _log = Logger()

    def __init__(
        self,
        timer: Timer,
        read: Callable[[Place, bool], Deferred[Sequence[Issue]]],
        bulletin: Bulletin,
        seconds: Callable[[], float],
    ) -> None:
        self._seconds = seconds
        self._caught_up = seconds()
        self._timer = timer
        self._read = read
        self._bulletin = bulletin
        self._next: IDelayedCall | None = None
        self._reading = False
        self._again = False
        self._runs = False
        self._away = False
        self._sure = False
        """Whether it looked through this connection before: any other may lead to a database that
        knows less."""
        self._wakeups: Wakeups | None = None
        self._waiting: list[Deferred[None]] = []
        """Who waits for a look that begins from now on; then those of the one under way."""
        self._served: list[Deferred[None]] = []

    def rung_by(self, wakeups: Wakeups) -> None:
        """Rings for what is committed here, and hears others' rings."""
        self._wakeups = wakeups
        wakeups.listen(CHANNEL, self.wake)

    def start(self) -> None:
        """Looks from now on."""
        self._runs = True
        self._caught_up = self._seconds()
        self.wake()

    def stop(self) -> None:
        """Looks no more."""
        self._runs = False
        self._cancel()
        self._answer()

    @property
    def age(self) -> float:
        """Seconds since all was known that others had committed; 0 before it looks, and after."""
        return self._seconds() - self._caught_up if self._runs else 0.0

    def look(self) -> Deferred[None]:
        """Looks now; fires when all is told that was there. Fails with Unavailable."""
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        self.wake()
        if not self._runs:
            self._answer()
        return done

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
        self._served, self._waiting = [*self._served, *self._waiting], []
        read = self._read(self._bulletin.told, not self._sure)
        read.addCallbacks(self._heard, self._failed).addBoth(self._rest)

    def _heard(self, issues: Sequence[Issue]) -> None:
        self._away, self._sure = False, True
        self._bulletin.tell(issues)
        if len(issues) == STEP:
            self._again = True
        else:
            self._caught_up = self._seconds()
            self._answer()

    def _answer(self) -> None:
        """Those that waited, for this look or, at the end, for any."""
        served, self._served = self._served, []
        if not self._runs:
            served, self._waiting = [*served, *self._waiting], []
        for done in served:
            done.callback(None)

    def _failed(self, failure: Failure) -> None:
        self._again = bool(self._waiting)
        served, self._served = self._served, []
        for done in served:
            done.errback(failure.value)
        self._sure = False
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
