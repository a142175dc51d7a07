"""MOVE and UID MOVE (RFC 6851, RFC 9051 6.4.8): one commit; no instant shows a message twice.

COPYUID comes first, untagged; the EXPUNGE or VANISHED of what left follow as news do.
"""

from __future__ import annotations

from mailhub.imap.commands.numbers import (
    NO_SUCH_MESSAGE,
    copy_uid,
    count,
    destination,
    highest_modseq,
    wanted,
)
from mailhub.imap.grammar import messages as grammar
from mailhub.imap.grammar.values import Move
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import SELECTED, Verb
from mailhub.model.uids import UidSet

NOTHING = ok("No message to move")


async def run(session: Session, command: Move) -> Reply:
    view = session.writable_view
    spans = wanted(view, command.messages, uid=command.uid)
    mailbox = await destination(session, command.mailbox)
    uids = UidSet.from_sorted(view.rows(spans).uids)
    if len(uids) < count(spans) and not command.uid:
        return NO_SUCH_MESSAGE
    if not uids:
        return NOTHING
    moved = await session.site.messages.move(
        view.box.account, view.box.number, uids, mailbox, session.actor
    )
    if not moved.source:
        return NOTHING
    session.write(b"* OK [%b] Moved\r\n" % copy_uid(moved))
    return ok("Done", highest_modseq(session, view.box.highestmodseq))


MOVE = Verb(b"MOVE", grammar.move, run, SELECTED)
UID_MOVE = Verb(b"UID MOVE", grammar.uid_move, run, SELECTED)
