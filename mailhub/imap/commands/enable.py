"""ENABLE (RFC 5161, RFC 9051 6.3.1).

It is taken in the selected state too: RFC 7162 section 3.1 lets CONDSTORE be enabled there, and
clients exist that do so.
"""

from __future__ import annotations

from mailhub.imap.grammar import access
from mailhub.imap.grammar.values import Enable, Extension
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb

DONE = ok("Enabled")


async def run(session: Session, command: Enable) -> Reply:
    names = [extension.value for extension in Extension if extension in command.extensions]
    session.write(b"* ENABLED%b\r\n" % b"".join(b" " + name for name in names))
    session.enable(*command.extensions)
    return DONE


ENABLE = Verb(b"ENABLE", access.enable, run, AUTHENTICATED)
