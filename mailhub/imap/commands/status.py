"""STATUS (RFC 9051 6.3.11; 7162, 7889, 8438, 8474, 9208) and the same data for LIST."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from mailhub.imap.grammar import mailboxes, spelling
from mailhub.imap.grammar.values import Extension, Status, StatusItem
from mailhub.imap.replies import Reply, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb
from mailhub.model.flags import DELETED
from mailhub.model.mailbox import Mailbox

DONE = ok("That is all")
SIMPLE = {
    StatusItem.MESSAGES: lambda box: box.messages,
    StatusItem.UIDNEXT: lambda box: box.uidnext,
    StatusItem.UIDVALIDITY: lambda box: box.uidvalidity,
    StatusItem.UNSEEN: lambda box: box.unseen,
    StatusItem.DELETED: lambda box: box.deleted,
    StatusItem.SIZE: lambda box: box.size,
    StatusItem.HIGHESTMODSEQ: lambda box: box.highestmodseq,
}


async def run(session: Session, command: Status) -> Reply:
    box = await session.site.mailboxes.get(session.account, command.mailbox)
    session.write(await line(session, box, command.items))
    return DONE


async def line(session: Session, box: Mailbox, items: Iterable[StatusItem]) -> bytes:
    """The STATUS response. Asking for HIGHESTMODSEQ enables CONDSTORE (RFC 7162 3.1)."""
    values: list[bytes] = []
    for item in items:
        if item is StatusItem.HIGHESTMODSEQ:
            session.enable(Extension.CONDSTORE)
        simple = SIMPLE.get(item)
        if simple is not None:
            value = b"%d" % simple(box)
        elif item is StatusItem.MAILBOXID:
            value = b"(%b)" % box.id.encode("ascii")
        elif item is StatusItem.APPENDLIMIT:
            value = b"%d" % session.site.settings.append_limit
        elif item is StatusItem.RECENT:
            value = b"%d" % await _recent(session, box)
        else:
            value = b"%d" % await _deleted_storage(session, box)
        values.append(b"%b %b" % (item.value, value))
    name = spelling.mailbox(box.name, session.utf8)
    return b"* STATUS %b (%b)\r\n" % (name, b" ".join(values))


async def _recent(session: Session, box: Mailbox) -> int:
    """Messages that no session was told of; IMAP4rev2 knows none (RFC 9051 appendix E)."""
    if session.rev2 or not box.messages or box.recent_from >= box.uidnext:
        return 0
    selections = session.site.selections
    shared = await selections.open(session.account, box.number)
    try:
        return len(shared.uids) - bisect_left(shared.uids, box.recent_from)
    finally:
        selections.release(shared)


async def _deleted_storage(session: Session, box: Mailbox) -> int:
    """Bytes that EXPUNGE would free (RFC 9208 section 5.1)."""
    if not box.deleted:
        return 0
    selections = session.site.selections
    shared = await selections.open(session.account, box.number)
    try:
        rows = zip(shared.flags, shared.sizes, strict=True)
        return sum(size for flags, size in rows if flags & DELETED)
    finally:
        selections.release(shared)


STATUS = Verb(b"STATUS", mailboxes.status, run, AUTHENTICATED)
