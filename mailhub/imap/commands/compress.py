"""COMPRESS (RFC 4978): DEFLATE in both directions from the next octet on."""

from __future__ import annotations

from mailhub.imap.grammar import access
from mailhub.imap.grammar.values import Compress
from mailhub.imap.replies import Reply, no, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Updates, Verb

BEGIN = ok("DEFLATE active")
ACTIVE = no("Compression is active already", b"COMPRESSIONACTIVE")
UNKNOWN = no("Only DEFLATE is known", b"CANNOT")
OFF = no("Compression is switched off", b"CANNOT")


async def run(session: Session, command: Compress) -> Reply:
    output = session.output
    if not session.site.settings.compress:
        return OFF
    if command.mechanism != "DEFLATE":
        return UNKNOWN
    if output.is_compressed:
        return ACTIVE
    if output.pending:
        # What follows already cannot be told apart: compressed or not.
        session.bye("Nothing may follow COMPRESS before its answer")
        return BEGIN
    output.start_compression()
    return BEGIN


COMPRESS = Verb(b"COMPRESS", access.compress, run, AUTHENTICATED, Updates.NONE)
