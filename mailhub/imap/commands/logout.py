"""LOGOUT (RFC 9051 6.1.3)."""

from __future__ import annotations

from mailhub.imap.grammar.messages import bare
from mailhub.imap.grammar.values import Bare
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.state import State
from mailhub.imap.verb import ANY, Updates, Verb

DONE = ok("Goodbye")


async def run(session: Session, command: Bare) -> Reply:
    session.write(b"* BYE Logging out\r\n")
    session.deselect()
    session.state = State.LOGOUT
    return DONE


LOGOUT = Verb(b"LOGOUT", bare, run, ANY, Updates.NONE)
