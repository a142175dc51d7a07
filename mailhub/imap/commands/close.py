"""CLOSE (RFC 9051 6.4.1): expunges without a word, unless the mailbox is read-only."""

from __future__ import annotations

from mailhub.core.selected import SelectedView
from mailhub.imap.grammar.messages import bare
from mailhub.imap.grammar.values import Bare
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import SELECTED, Updates, Verb
from mailhub.model.flags import DELETED

DONE = ok("Closed")


async def run(session: Session, command: Bare) -> Reply:
    view = session.view
    reply = DONE
    if not view.read_only and not view.gone and _has_deleted(view):
        gone, modseq = await session.site.messages.expunge(
            session.account, view.box.number, session.actor
        )
        if gone and session.qresync:
            reply = ok("Closed", b"HIGHESTMODSEQ %d" % modseq)
    session.deselect()
    return reply


def _has_deleted(view: SelectedView) -> bool:
    """Whether it is worth a transaction."""
    return any(flags & DELETED for flags in view.box.flags)


CLOSE = Verb(b"CLOSE", bare, run, SELECTED, Updates.NONE)
