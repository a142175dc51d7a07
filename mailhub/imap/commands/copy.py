"""COPY and UID COPY (RFC 9051 6.4.7): all of the messages or none."""

from __future__ import annotations

from mailhub.imap.commands.numbers import NO_SUCH_MESSAGE, copy_uid, count, destination, wanted
from mailhub.imap.grammar import messages as grammar
from mailhub.imap.grammar.values import Copy
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import SELECTED, Verb
from mailhub.model.uids import UidSet

NOTHING = ok("No message to copy")


async def run(session: Session, command: Copy) -> Reply:
    view = session.view
    spans = wanted(view, command.messages, uid=command.uid)
    mailbox = await destination(session, command.mailbox)
    uids = UidSet.from_sorted(view.rows(spans).uids)
    if len(uids) < count(spans) and not command.uid:
        return NO_SUCH_MESSAGE
    if not uids:
        return NOTHING
    copied = await session.site.messages.copy(
        view.box.account, view.box.number, uids, mailbox, session.actor
    )
    return ok("Copied", copy_uid(copied)) if copied.source else NOTHING


COPY = Verb(b"COPY", grammar.copy, run, SELECTED)
UID_COPY = Verb(b"UID COPY", grammar.uid_copy, run, SELECTED)
