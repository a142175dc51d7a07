"""EXPUNGE and UID EXPUNGE (RFC 9051 6.4.3, RFC 4315). What went is told as news are."""

from __future__ import annotations

from mailhub.imap.commands.numbers import highest_modseq, wanted
from mailhub.imap.grammar import messages as grammar
from mailhub.imap.grammar.values import Bare, UidExpunge
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import SELECTED, Verb
from mailhub.model.uids import UidSet

DONE = "Expunge completed"


async def run(session: Session, command: Bare | UidExpunge) -> Reply:
    view = session.writable_view
    uids: UidSet | None = None
    if isinstance(command, UidExpunge):
        uids = view.uids_at(wanted(view, command.uids, uid=True))
        if not uids:
            return ok(DONE)
    _, modseq = await session.site.messages.expunge(
        view.box.account, view.box.number, session.actor, uids=uids
    )
    return ok(DONE, highest_modseq(session, modseq))


EXPUNGE = Verb(b"EXPUNGE", grammar.bare, run, SELECTED)
UID_EXPUNGE = Verb(b"UID EXPUNGE", grammar.uid_expunge, run, SELECTED)
