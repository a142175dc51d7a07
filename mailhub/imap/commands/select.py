"""SELECT and EXAMINE (RFC 9051 6.3.2, 6.3.3), with CONDSTORE and QRESYNC (RFC 7162)."""

from __future__ import annotations

from mailhub.core.selected import SelectedView
from mailhub.imap import listing, updates
from mailhub.imap.grammar import mailboxes
from mailhub.imap.grammar.values import Extension, ResyncParameter, Select
from mailhub.imap.replies import Refusal, Reply, bad, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Updates, Verb
from mailhub.model.mailbox import Mailbox
from mailhub.model.sequence import SequenceSet
from mailhub.model.uids import UidSet

READ_WRITE = ok("Selected", b"READ-WRITE")
READ_ONLY = ok("Selected", b"READ-ONLY")
NOT_ENABLED = bad("ENABLE QRESYNC first")
MATCHED = 10_000
"""Pairs of known message numbers and UIDs that are looked at."""


async def run(session: Session, command: Select) -> Reply:
    if command.resync is not None and not session.qresync:
        raise Refusal(NOT_ENABLED)
    if session.selected is not None:
        session.deselect()
        session.write(b"* OK [CLOSED] The previous mailbox is closed\r\n")
    if command.condstore:
        session.enable(Extension.CONDSTORE)
    site = session.site
    box = await site.mailboxes.get(session.account, command.mailbox)
    view = await site.selections.select(box, read_only=command.read_only, recent=not session.rev2)
    session.select(view)
    session.write(_summary(session, view, box, command.mailbox))
    if command.resync is not None and command.resync.uidvalidity == view.box.uidvalidity:
        await _resync(session, view, command.resync)
    return READ_ONLY if view.read_only else READ_WRITE


def _summary(session: Session, view: SelectedView, box: Mailbox, asked: str) -> bytes:
    """What every client is told of a mailbox that it selects."""
    names = view.box.flag_names()
    lines = [
        updates.flags(names),
        updates.permanent_flags(names, view.read_only),
        b"* %d EXISTS\r\n" % view.count,
    ]
    if session.rev2:
        lines.append(listing.selected(session, box.name, asked))
    else:
        lines.append(b"* %d RECENT\r\n" % view.recent)
        first = view.first_unseen()
        if first:
            lines.append(b"* OK [UNSEEN %d] First unseen\r\n" % first)
    lines += [
        b"* OK [UIDVALIDITY %d] UIDs are valid\r\n" % view.box.uidvalidity,
        b"* OK [UIDNEXT %d] Predicted next UID\r\n" % view.box.uidnext,
        b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % view.modseq,
        b"* OK [MAILBOXID (%b)] Id\r\n" % box.id.encode("ascii"),
    ]
    return b"".join(lines)


async def _resync(session: Session, view: SelectedView, known: ResyncParameter) -> None:
    """What the client missed: VANISHED (EARLIER), then flags (RFC 7162 3.2.5.1)."""
    uids = known.known_uids.resolve(0) if known.known_uids is not None else None
    since = known.modseq
    messages = session.site.storage.messages
    vanished = await messages.vanished(session.account, view.box.number, since, uids)
    if known.sequence_match is not None:
        vanished = _beyond(vanished, _matched(view, *known.sequence_match))
    if vanished:
        await session.send(b"* VANISHED (EARLIER) %b\r\n" % vanished.text())
    for update in view.changed_after(since, uids):
        lines = updates.lines(update, session)
        for start in range(0, len(lines), updates.PIECE):
            await session.send(b"".join(lines[start : start + updates.PIECE]))


def _matched(view: SelectedView, numbers: SequenceSet, uids: SequenceSet) -> int:
    """The highest UID up to which client and server count alike, so that nothing below it can
    have vanished (RFC 7162 3.2.5.2); 0 for none. Raises Refusal for sets of different size."""
    known_numbers, known_uids = numbers.resolve(0), uids.resolve(0)
    if len(known_numbers) != len(known_uids):
        raise Refusal(bad("The two sets differ in size"))
    if len(known_numbers) > MATCHED:
        return 0
    matched = 0
    for number, uid in zip(known_numbers, known_uids, strict=True):
        if number > view.count or view.uids[number - 1] != uid:
            break
        matched = uid
    return matched


def _beyond(uids: UidSet, floor: int) -> UidSet:
    """The members above `floor`."""
    return UidSet(tuple((max(low, floor + 1), high) for low, high in uids.ranges if high > floor))


SELECT = Verb(b"SELECT", mailboxes.select, run, AUTHENTICATED, Updates.NONE)
EXAMINE = Verb(b"EXAMINE", mailboxes.examine, run, AUTHENTICATED, Updates.NONE)
