"""SUBSCRIBE and UNSUBSCRIBE (RFC 9051 6.3.7, 6.3.8); the name need not be a mailbox."""

from __future__ import annotations

from mailhub.imap.grammar import mailboxes
from mailhub.imap.grammar.values import Subscribe
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb

DONE = ok("Done")


async def run(session: Session, command: Subscribe) -> Reply:
    service = session.site.mailboxes
    await service.subscribe(session.account, command.mailbox, command.subscribed, session.actor)
    return DONE


SUBSCRIBE = Verb(b"SUBSCRIBE", mailboxes.subscribe, run, AUTHENTICATED)
UNSUBSCRIBE = Verb(b"UNSUBSCRIBE", mailboxes.unsubscribe, run, AUTHENTICATED)
