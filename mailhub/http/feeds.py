"""Fans an account's events out to all who listen to it over HTTP, as `text/event-stream`.

An account that is listened to has one feed: it reads the journal once for all, and writes each
event once; every listener has but a place in what was written. One who does not keep up is
dropped, and goes on with `Last-Event-ID` when he comes back. Waking thousands is done in turns.
What is told is `core.updates`' and `core.telling`'s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailhub.core.telling import counters, told
from mailhub.core.updates import Updates
from mailhub.core.watch import Watch
from mailhub.http.pieces import Written, comment, piece
from mailhub.model.change import AccountChanged, Change, Missed
from mailhub.model.errors import LimitReached, MailhubError
from mailhub.model.event import Counted, Page, Place
from mailhub.model.settings import UpdateSettings
from mailhub.ports import Log

PAGE = 200
"""Events that are read and written at once: a few milliseconds."""
GATHER = 0.05
"""Seconds in which changes that follow one another are told together, counters once."""
TURN = 50
"""Listeners that are woken before the reactor goes round."""
LIFE = 1800.0
"""Seconds after which a stream ends, or a little later: who comes back shows that he still may."""
PAUSE = 1.0
"""Seconds until a journal is read again that could not be."""


class Phase(Enum):
    """IDLE → READING (→ AGAIN, which is to read once more) → IDLE; any → ENDED."""

    IDLE = auto()
    READING = auto()
    AGAIN = auto()
    ENDED = auto()


@dataclass(slots=True, eq=False)
class Listener:
    """One stream. `at`: the number of the first piece it has not had; `skip`: pieces up to there it
    had in another way. `wakes`: what it waits for. `beats`: heartbeats it had."""

    at: int = 0
    skip: Place | None = None
    wakes: Deferred[None] | None = None
    ended: bool = False
    quiet_since: float = 0.0
    beats: int = 0

    def wake(self) -> None:
        """Goes on, where it waits."""
        waiting, self.wakes = self.wakes, None
        if waiting is not None:
            waiting.callback(None)

    async def sleep(self) -> None:
        """Until it is woken."""
        self.wakes = Deferred()
        try:
            await self.wakes
        finally:
            self.wakes = None


class Feed:
    """One account's events while somebody listens."""

    def __init__(self, feeds: Feeds, account: int, version: int, place: Place) -> None:
        self.listeners: dict[Listener, None] = {}
        self.place = place
        self._feeds = feeds
        self._account = account
        self._version = version
        self._counted: dict[int, Counted] = {}
        self._phase = Phase.IDLE
        self._written = Written(place)
        self._joined: tuple[int, int, bytes] = (-1, -1, b"")
        self._unhear = feeds.watch.subscribe(account, self._heard)

    @property
    def passed(self) -> Place | None:
        """Up to where all listeners that had every piece were told everything; None while more is
        on its way."""
        return max(self.place, self._feeds.passed) if self._phase is Phase.IDLE else None

    def add(self, listener: Listener) -> None:
        """It belongs to those that the feed is kept for, and that end with it."""
        listener.at = self._written.end
        self.listeners[listener] = None

    def join(self, listener: Listener, place: Place) -> bool:
        """It goes on behind `place`. False where that is too far back."""
        start = self._written.behind(place)
        if start is None:
            return False
        listener.at = start
        listener.skip = place
        return True

    def leave(self, listener: Listener) -> None:
        """Is told no more."""
        self.listeners.pop(listener, None)
        if not self.listeners:
            self.end()

    def end(self) -> None:
        """Every stream ends."""
        self._phase = Phase.ENDED
        self._unhear()
        self._feeds.forget(self._account, self)
        for listener in tuple(self.listeners):
            listener.ended = True
            listener.wake()

    def take(self, listener: Listener) -> bytes | None:
        """What the listener has not had; None where it was too slow for that."""
        start, end = listener.at, self._written.end
        if start < self._written.first:
            return None
        if listener.skip is not None:
            start = max(start, self._written.behind(listener.skip) or start)
            listener.skip = None if listener.skip <= self.place else listener.skip
        listener.at = end
        if start == end:
            return b""
        if self._joined[:2] != (start, end):
            self._joined = (start, end, self._written.joined(start))
        return self._joined[2]

    # -- what is told

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            ends = isinstance(change, AccountChanged) and change.ends(self._version)
            if ends or isinstance(change, Missed):
                self.end()
                return
        self.wake()

    def wake(self) -> None:
        """Reads the journal soon."""
        if self._phase is Phase.IDLE:
            self._phase = Phase.READING
            Deferred.fromCoroutine(self._read()).addErrback(self._failed)
        elif self._phase is Phase.READING:
            self._phase = Phase.AGAIN

    async def _read(self) -> None:
        while self._phase is not Phase.ENDED:
            page = await self._feeds.updates.page(self._account, self.place, PAGE)
            self.place = page.place
            self._put(page)
            if not page.more:
                await self._feeds.sleep(GATHER)
                if self._phase is not Phase.AGAIN:
                    break
                self._phase = Phase.READING
        if self._phase is Phase.READING:
            self._phase = Phase.IDLE

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        log = self._feeds.log
        log.event("updates", outcome="failed", error=type(error).__name__, level="warn")
        if isinstance(error, MailhubError) and self._phase is not Phase.ENDED:
            self._phase = Phase.IDLE
            self._feeds.later(PAUSE, self.wake)
        else:
            self.end()

    def _put(self, page: Page) -> None:
        """Writes events, and behind the last ones the counters of all they are about."""
        for event in page.events:
            self._written.add(event.place, piece(told(event), event.place))
        self._counted |= {one.box: one for one in page.counted}
        if not page.more:
            for one in self._counted.values():
                self._written.add(self._written.last, piece(counters(one)))
            self._counted.clear()
        self._written.trim(self._feeds.settings.buffer)
        self._feeds.ring(listener for listener in self.listeners if listener.wakes is not None)


class Feeds:
    """All feeds of this process."""

    def __init__(
        self,
        updates: Updates,
        watch: Watch,
        settings: UpdateSettings,
        reactor: Any,
        log: Log,
    ) -> None:
        self.updates = updates
        self.watch = watch
        self.settings = settings
        self.log = log
        self._reactor = reactor
        self._feeds: dict[int, Feed] = {}
        self._ringing: deque[Listener] = deque()
        self._rings: Any = None
        self._beats: Any = None
        self._seen = Place()
        self.passed = Place()
        """All feeds were told of what happened until here, or are about to be."""
        self.listening = 0

    async def stream(self, account: int, version: int, last: str) -> AsyncIterator[bytes]:
        """The account's events from now on, or behind the one with the id `last`, as long as its
        sessions of this version may last. Raises Invalid (no id), LimitReached (too many listen).
        """
        if self.listening >= self.settings.listeners:
            raise LimitReached("Too many listen already")
        start = await self.updates.resume(last) if last else None
        return self._stream(account, version, start, lost=bool(last) and start is None)

    async def _stream(
        self, account: int, version: int, start: Place | None, *, lost: bool
    ) -> AsyncIterator[bytes]:
        self.listening += 1
        listener = Listener()
        feed: Feed | None = None
        try:
            feed = await self._feed(account, version)
            feed.add(listener)
            if not await self.updates.lasts(account, version):
                return
            yield comment("hello", feed.place if start is None else start)
            while start is not None and not listener.ended and not feed.join(listener, start):
                # Not written any more: what came since is read for this one alone.
                page = await self.updates.page(account, start, PAGE)
                yield b"".join(piece(told(one), one.place) for one in page.events)
                start = page.place
            if lost:
                yield await self._lost(account, feed.place)
            async for some in self._listen(feed, listener):
                yield some
        finally:
            self.listening -= 1
            if feed is not None:
                feed.leave(listener)

    async def _listen(self, feed: Feed, listener: Listener) -> AsyncIterator[bytes]:
        self._beat()
        listener.quiet_since = self._reactor.seconds()
        # Those that came together do not come back together.
        until = listener.quiet_since + LIFE * (1 + self.listening % 50 / 250)
        while not listener.ended and self._reactor.seconds() < until:
            some = feed.take(listener)
            if some is None:
                self.log.event("updates", outcome="slow", level="info")
                return
            now = self._reactor.seconds()
            if some:
                listener.quiet_since = now
                yield some
            elif now - listener.quiet_since >= self.settings.heartbeat:
                listener.quiet_since = now
                listener.beats += 1
                yield comment(f"idling {listener.beats}", feed.passed)
            else:
                await listener.sleep()

    async def _lost(self, account: int, place: Place) -> bytes:
        """What is told to who was away for too long: everything may be different."""
        found = await self.updates.all_counted(account)
        reset = piece({"command": "RESET"}, place)
        return reset + b"".join(piece(counters(one)) for one in found)

    async def _feed(self, account: int, version: int) -> Feed:
        feed = self._feeds.get(account)
        if feed is None:
            place = await self.updates.newest()
            feed = self._feeds.get(account)  # somebody else may have been quicker
        if feed is None:
            feed = self._feeds[account] = Feed(self, account, version, place)
            feed.wake()  # for what came while the newest place was looked up
        return feed

    def forget(self, account: int, feed: Feed) -> None:
        """Nobody listens any more."""
        if self._feeds.get(account) is feed:
            del self._feeds[account]

    def sleep(self, seconds: float) -> Deferred[None]:
        """Ends so much later."""
        ended: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, ended.callback, None)
        return ended

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Does something later."""
        self._reactor.callLater(seconds, call)

    # -- waking

    def ring(self, listeners: Iterable[Listener]) -> None:
        """Wakes them soon, some at a time."""
        self._ringing.extend(listeners)
        if self._ringing and self._rings is None:
            self._rings = self._reactor.callLater(0, self._ring)

    def _ring(self) -> None:
        self._rings = None
        for _ in range(min(TURN, len(self._ringing))):
            self._ringing.popleft().wake()
        self.ring(())

    def _beat(self) -> None:
        if self._beats is None:
            self._beats = self._reactor.callLater(1.0, self._beaten)

    def _beaten(self) -> None:
        """Once a second while anybody listens: wakes who had nothing for a while."""
        self._beats = None
        quiet = self._reactor.seconds() - self.settings.heartbeat
        for feed in self._feeds.values():
            self.ring(
                one for one in feed.listeners if one.wakes is not None and one.quiet_since <= quiet
            )
        if self._feeds:
            self._beat()
            Deferred.fromCoroutine(self._look()).addErrback(lambda _: None)

    async def _look(self) -> None:
        """Up to where the journal was written a second ago, everybody was told all."""
        seen = await self.updates.passed()
        self.passed, self._seen = self._seen, seen
