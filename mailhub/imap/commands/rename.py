"""RENAME (RFC 9051 6.3.6)."""

from __future__ import annotations

from mailhub.imap.grammar import mailboxes
from mailhub.imap.grammar.values import Rename
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb

DONE = ok("Renamed")


async def run(session: Session, command: Rename) -> Reply:
    service = session.site.mailboxes
    await service.rename(session.account, command.mailbox, command.new_name, session.actor)
    return DONE


RENAME = Verb(b"RENAME", mailboxes.rename, run, AUTHENTICATED)
