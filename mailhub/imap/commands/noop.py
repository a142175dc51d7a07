"""NOOP and CHECK (RFC 9051 6.1.2, RFC 3501 6.4.1): nothing, and so the moment for news."""

from __future__ import annotations

from mailhub.imap.grammar.messages import bare
from mailhub.imap.grammar.values import Bare
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import ANY, SELECTED, Verb

DONE = ok("Done")


async def run(session: Session, command: Bare) -> Reply:
    return DONE


NOOP = Verb(b"NOOP", bare, run, ANY)
CHECK = Verb(b"CHECK", bare, run, SELECTED)
