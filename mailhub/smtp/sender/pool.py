"""Sessions that wait for another message, by hop: server, port, security, credentials, sources;
and who waits for one of a server that has no room for more.

Bookkeeping alone; the links themselves tell when one ended. A session is in here or in use, never
both.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from mailhub.model.route import Hop
from mailhub.model.settings import SenderSettings
from mailhub.ports import Clock
from mailhub.smtp.sender.link import Session
from mailhub.smtp.sender.machine import State

PROBE = 20
"""Sessions given back while others wait, until one of these asks for another connection: there may
be room again."""


class Pause(Awaitable[bool], Protocol):
    """Awaited by one, until another calls back. `called`: that happened, or nobody awaits any
    more."""

    called: bool

    def callback(self, result: bool) -> None: ...


class Pool:
    """The sessions of one client. `pause`: makes pauses."""

    def __init__(self, settings: SenderSettings, clock: Clock, pause: Callable[[], Pause]) -> None:
        self._settings = settings
        self._clock = clock
        self._pause = pause
        self._idle: dict[Hop, list[Session]] = {}
        self._used: Counter[Hop] = Counter()
        self._waiting: dict[Hop, deque[Pause]] = {}
        self._turns: Counter[Hop] = Counter()
        self._closed = False

    def __len__(self) -> int:
        return sum(map(len, self._idle.values()))

    def take(self, hop: Hop) -> Session | None:
        """The session that was used last: the others may run out."""
        sessions = self._idle.get(hop)
        if not sessions:
            return None
        session = sessions.pop()
        if not sessions:
            del self._idle[hop]
        self._used[hop] += 1
        session.link.resume()
        session.rested = self._clock.seconds() - session.rested
        return session

    def give(self, session: Session) -> None:
        """Keeps a session, or closes it where it may not be used again. Whoever is next of those
        who wait can take it, or finds room for a new one."""
        hop = session.hop
        self._count_off(hop)
        self._keep(session)
        self._wake(hop)
        if hop in self._waiting:
            self._turns[hop] += 1
            if self._turns[hop] % PROBE == 0:
                self._wake(hop)
        self._end_hopeless(hop)

    def _keep(self, session: Session) -> None:
        now = self._clock.seconds()
        link = session.link
        if not link.alive or link.machine.state is not State.READY:
            link.close()
            return
        old = now - session.began >= self._settings.age
        if self._closed or old or spent(session) or self._settings.idle <= 0:
            link.close()
            return
        session.rested = now
        self._idle.setdefault(session.hop, []).append(session)
        link.rest(self._settings.idle, lambda: self._forget(session))

    def _forget(self, session: Session) -> None:
        sessions = self._idle.get(session.hop, [])
        sessions.remove(session)
        if not sessions:
            del self._idle[session.hop]

    # -- servers that have no room for another connection

    def begin(self, hop: Hop) -> None:
        """A session is being opened: it ends with `give`, or `fail`."""
        self._used[hop] += 1

    def fail(self, hop: Hop) -> None:
        """It was not to be had."""
        self._count_off(hop)
        self._end_hopeless(hop)

    def crowded(self, hop: Hop) -> bool:
        """Whether others wait for their turn."""
        return hop in self._waiting

    async def turn(self, hop: Hop) -> bool:
        """Ends when somebody is done with a session: it can be taken, or there may be room for a
        new one. False where nobody has one, so that there is nothing to wait for."""
        if self._closed or not self._used[hop]:
            return False
        pause = self._pause()
        self._waiting.setdefault(hop, deque()).append(pause)
        return await pause

    def _count_off(self, hop: Hop) -> None:
        self._used[hop] -= 1
        if not self._used[hop]:
            del self._used[hop]

    def _end_hopeless(self, hop: Hop) -> None:
        """Nobody has a session any more: those who wait for one wait for nothing."""
        while hop in self._waiting and not self._used[hop]:
            self._wake(hop, go=False)

    def _wake(self, hop: Hop, *, go: bool = True) -> None:
        """The next one's turn."""
        waiting = self._waiting.get(hop)
        while waiting:
            pause = waiting.popleft()
            if not waiting:
                del self._waiting[hop]
                del self._turns[hop]
            if not pause.called:
                pause.callback(go)
                return

    def make_room(self) -> None:
        """Closes the session that waits for longest, if any, so that another can be opened."""
        if self._idle:
            hop = next(iter(self._idle))
            session = self._idle[hop][0]
            session.link.close()  # which tells of its end

    def close(self) -> None:
        """Closes all, and whatever is given back from now on."""
        self._closed = True
        while self._idle:
            self.make_room()
        while self._waiting:
            self._wake(next(iter(self._waiting)), go=False)


def spent(session: Session) -> bool:
    """Whether the session may take no further message."""
    return session.messages >= session.limit
