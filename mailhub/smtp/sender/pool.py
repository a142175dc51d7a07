"""Sessions that wait for another message, by hop: server, port, security, credentials, sources.

Bookkeeping alone; the links themselves tell when one ended. A session is in here or in use, never
both.
"""

from __future__ import annotations

from mailhub.model.route import Hop
from mailhub.model.settings import SenderSettings
from mailhub.ports import Clock
from mailhub.smtp.sender.link import Session
from mailhub.smtp.sender.machine import State


class Pool:
    """The idle sessions of one client."""

    def __init__(self, settings: SenderSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._idle: dict[Hop, list[Session]] = {}
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
        session.link.resume()
        session.rested = self._clock.seconds() - session.rested
        return session

    def give(self, session: Session) -> None:
        """Keeps a session, or closes it where it may not be used again."""
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


def spent(session: Session) -> bool:
    """Whether the session may take no further message."""
    return session.messages >= session.limit
