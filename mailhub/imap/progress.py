"""Tells a client that waits for a long search how far it is (RFC 9585)."""

from __future__ import annotations

from mailhub.imap.grammar.spelling import string
from mailhub.imap.session import Session

EVERY = 5.0
"""Seconds between two reports."""


class Reporter:
    """Called with what was looked at and what is to be looked at; reports now and then."""

    __slots__ = ("_next", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._next = session.site.clock.seconds() + EVERY

    async def __call__(self, done: int, of: int) -> None:
        session = self._session
        now = session.site.clock.seconds()
        if now < self._next:
            return
        self._next = now + EVERY
        await session.send(
            b"* OK [INPROGRESS (%b %d %d)] Searching\r\n" % (string(session.tag), done, of)
        )
