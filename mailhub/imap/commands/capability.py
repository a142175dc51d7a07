"""CAPABILITY (RFC 9051 6.1.1)."""

from __future__ import annotations

from mailhub.imap import capabilities
from mailhub.imap.grammar.messages import bare
from mailhub.imap.grammar.values import Bare
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import ANY, Verb

DONE = ok("That is all")


async def run(session: Session, command: Bare) -> Reply:
    session.write(b"* %b\r\n" % capabilities.code(session))
    return DONE


CAPABILITY = Verb(b"CAPABILITY", bare, run, ANY)
