"""DELETE (RFC 9051 6.3.5). Inferior names stay; a selected mailbox is closed in its sessions."""

from __future__ import annotations

from mailhub.core import names
from mailhub.imap.grammar import mailboxes
from mailhub.imap.grammar.values import Delete
from mailhub.imap.replies import Refusal, Reply, no, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb
from mailhub.model.errors import NotFound

DONE = ok("Deleted")


async def run(session: Session, command: Delete) -> Reply:
    service = session.site.mailboxes
    try:
        await service.remove(session.account, command.mailbox, session.actor)
    except NotFound:
        for box in await service.all(session.account):
            if names.below(box.name, command.mailbox):
                raise Refusal(no("The name has inferior names", b"HASCHILDREN")) from None
        raise
    return DONE


DELETE = Verb(b"DELETE", mailboxes.delete, run, AUTHENTICATED)
