"""IDLE (RFC 2177, RFC 9051 6.3.13): changes are told as they happen, until the client says DONE.

No coroutine waits meanwhile: an idle session is a listener of its mailbox and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

from mailhub.imap import updates
from mailhub.imap.grammar.messages import bare
from mailhub.imap.grammar.values import Bare
from mailhub.imap.replies import Reply, bad, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb

DONE = ok("Idle ended")
NOT_DONE = bad("DONE expected")


class Idling:
    """A session that waits. `stop`: ends listening."""

    __slots__ = ("_stop",)

    def __init__(self, stop: Callable[[], None] | None) -> None:
        self._stop = stop

    async def line(self, session: Session, line: bytes) -> Reply | None:
        """DONE in any case; anything else ends IDLE as well, and is not run as a command."""
        return DONE if line.strip(b" ").upper() == b"DONE" else NOT_DONE

    def news(self, session: Session) -> None:
        """Tells what happened while the peer did not read."""
        updates.push(session)

    def end(self) -> None:
        """Stops listening."""
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()


async def run(session: Session, command: Bare) -> None:
    session.write(b"+ idling\r\n")
    view = session.selected
    await updates.tell(session, removals=True)
    stop = view.listen(lambda: updates.push(session)) if view is not None else None
    session.converse(Idling(stop))
    updates.push(session)


IDLE = Verb(b"IDLE", bare, run, AUTHENTICATED)
