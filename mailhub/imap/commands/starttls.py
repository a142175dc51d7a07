"""STARTTLS (RFC 9051 6.2.1).

Octets behind the command came in the clear and could be anyone's: with any of them the
connection ends, so that none is ever read as if TLS had protected it.
"""

from __future__ import annotations

from mailhub.imap.grammar.messages import bare
from mailhub.imap.grammar.values import Bare
from mailhub.imap.replies import Reply, bad, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import NOT_AUTHENTICATED, Updates, Verb

BEGIN = ok("Begin TLS negotiation now")
UNAVAILABLE = bad("TLS is not available or active already")


async def run(session: Session, command: Bare) -> Reply:
    output = session.output
    if not output.can_start_tls:
        return UNAVAILABLE
    if output.pending:
        session.bye("Nothing may follow STARTTLS before the negotiation")
        return BEGIN
    output.start_tls()
    return BEGIN


STARTTLS = Verb(b"STARTTLS", bare, run, NOT_AUTHENTICATED, Updates.NONE)
