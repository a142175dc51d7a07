"""STORE and UID STORE (RFC 9051 6.4.6, RFC 7162 3.1.3): one commit, whatever they name."""

from __future__ import annotations

from mailhub.core.selected_view import Rows, SelectedView
from mailhub.imap import updates
from mailhub.imap.commands.numbers import NO_SUCH_MESSAGE, count, wanted
from mailhub.imap.grammar import messages as grammar
from mailhub.imap.grammar.values import Extension, Store
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import SELECTED, Updates, Verb
from mailhub.model.message import Stored
from mailhub.model.uids import UidSet

DONE = ok("Store completed")


async def run(session: Session, command: Store) -> Reply:
    view = session.writable_view
    if command.unchanged_since is not None:
        session.enable(Extension.CONDSTORE)
    spans = wanted(view, command.messages, uid=command.uid)
    uids = UidSet.from_sorted(view.rows(spans).uids)
    missing = len(uids) < count(spans)
    stored = await session.site.messages.store_flags(
        view.box.account,
        view.box.number,
        uids,
        command.mode,
        command.flags,
        session.actor,
        unchanged_since=command.unchanged_since,
    )
    if stored.modseq:
        view.skip_own(stored.modseq)
    for update in view.grown_flags():
        session.write(b"".join(updates.lines(update, session)))
    touched = UidSet.from_sorted([uid for uid, _ in stored.flags])
    rows = view.rows(view.uid_spans(touched))
    if not command.silent:
        await updates.send_changed(session, list(view.told_rows(rows)))
    elif session.condstore:
        await updates.send(session, _modseqs(rows, stored))
    if stored.modified:
        return _modified(view, command, stored)
    return NO_SUCH_MESSAGE if missing and not command.uid else DONE


def _modseqs(rows: Rows, stored: Stored) -> list[bytes]:
    """.SILENT hides flags, never a MODSEQ (RFC 7162 3.1.3)."""
    return [
        b"* %d FETCH (UID %d MODSEQ (%d))\r\n" % (number, uid, modseq)
        for number, uid, modseq in zip(rows.numbers, rows.uids, rows.modseqs, strict=True)
        if modseq == stored.modseq
    ]


def _modified(view: SelectedView, command: Store, stored: Stored) -> Reply:
    """The messages that UNCHANGEDSINCE held back, named as the client named them."""
    held = UidSet.from_any(stored.modified)
    if not command.uid:
        held = UidSet.from_any(view.number(uid) for uid in stored.modified)
    return ok("Some messages were changed meanwhile", b"MODIFIED " + held.text())


STORE = Verb(b"STORE", grammar.store, run, SELECTED, Updates.KEEP_NUMBERS)
UID_STORE = Verb(b"UID STORE", grammar.uid_store, run, SELECTED)
