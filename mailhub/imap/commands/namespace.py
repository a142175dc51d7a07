"""NAMESPACE (RFC 2342, RFC 9051 6.3.10): one personal namespace, no others yet."""

from __future__ import annotations

from mailhub.imap.grammar.messages import bare
from mailhub.imap.grammar.values import Bare
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb

DONE = ok("That is all")


async def run(session: Session, command: Bare) -> Reply:
    session.write(b'* NAMESPACE (("" "/")) NIL NIL\r\n')
    return DONE


NAMESPACE = Verb(b"NAMESPACE", bare, run, AUTHENTICATED)
