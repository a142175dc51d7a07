"""UNSELECT (RFC 3691, RFC 9051 6.4.2): closes the mailbox and expunges nothing."""

from __future__ import annotations

from mailhub.imap.grammar.messages import bare
from mailhub.imap.grammar.values import Bare
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import SELECTED, Updates, Verb

DONE = ok("Unselected")


async def run(session: Session, command: Bare) -> Reply:
    session.deselect()
    return DONE


UNSELECT = Verb(b"UNSELECT", bare, run, SELECTED, Updates.NONE)
