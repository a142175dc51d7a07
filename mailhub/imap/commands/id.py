"""ID (RFC 2971): who we are; who the client is goes to the log."""

from __future__ import annotations

from mailhub import __version__
from mailhub.imap.grammar import access
from mailhub.imap.grammar.values import Id
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import ANY, Verb

OURS = b'* ID ("name" "mailhub" "version" "%b")\r\n' % __version__.encode("ascii")
DONE = ok("Pleased to meet you")
LOGGED = ("name", "version", "os", "vendor")


async def run(session: Session, command: Id) -> Reply:
    client = {f"client_{name}": value for name, value in command.fields if name in LOGGED}
    if client:
        session.site.log.event("imap-client", peer=session.peer.address, **client)
    session.write(OURS)
    return DONE


ID = Verb(b"ID", access.id_, run, ANY)
