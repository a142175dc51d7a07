"""How changes by others are told: untagged EXISTS, EXPUNGE, VANISHED, FLAGS and FETCH.

What is told, and when that is allowed, is decided elsewhere (`core.selected_view`, `verb`).
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.turns import Turns
from mailhub.imap.session import Session
from mailhub.model.update import Changed, Exists, FlagsGrew, Recent, Removed, Update

GONE = "The selected mailbox was deleted or renumbered"
"""What somebody else did to it: a session cannot go on then (RFC 2180 section 3.3)."""
PIECE = 1000
"""Lines that are joined before the peer's reading is waited for."""


def lines(update: Update, session: Session) -> list[bytes]:
    """The lines of one update in the session's dialect."""
    match update:
        case Exists(count):
            return [b"* %d EXISTS\r\n" % count]
        case Recent(count):
            return [] if session.rev2 else [b"* %d RECENT\r\n" % count]
        case FlagsGrew(names):
            return [flags(names), permanent_flags(names)]
        case Removed(numbers, uids):
            if session.qresync:
                return [b"* VANISHED %b\r\n" % uids.text()]
            return [b"* %d EXPUNGE\r\n" % number for number in numbers]
        case Changed(rows):
            return changed(rows, session)


def changed(rows: Sequence[tuple[int, int, bytes, int]], session: Session) -> list[bytes]:
    """FETCH lines for (number, uid, flag list, modseq). UID is always among them: clients that
    go by UID need it, and RFC 7162 3.2.4 and RFC 9051 7.5.2 ask or permit it."""
    if session.condstore:
        return [
            b"* %d FETCH (UID %d FLAGS %b MODSEQ (%d))\r\n" % (number, uid, names, modseq)
            for number, uid, names, modseq in rows
        ]
    return [
        b"* %d FETCH (UID %d FLAGS %b)\r\n" % (number, uid, names) for number, uid, names, _ in rows
    ]


def flags(names: Sequence[str]) -> bytes:
    """FLAGS (RFC 9051 7.3.5)."""
    return b"* FLAGS (%b)\r\n" % " ".join(names).encode("ascii")


def permanent_flags(names: Sequence[str], read_only: bool = False) -> bytes:
    """PERMANENTFLAGS: all of them and new keywords; none in a read-only mailbox."""
    if read_only:
        return b"* OK [PERMANENTFLAGS ()] No flag can be changed\r\n"
    return b"* OK [PERMANENTFLAGS (%b \\*)] Any flag can be set\r\n" % " ".join(names).encode(
        "ascii"
    )


async def tell(session: Session, *, removals: bool) -> None:
    """Sends all that changed in the selected mailbox since it was last told."""
    view = session.selected
    if view is None or not view.behind:
        return
    for update in view.sync(removals=removals):
        if isinstance(update, Changed):
            await send_changed(session, update.rows)
        else:
            await send(session, lines(update, session))


async def send(session: Session, spelled: Sequence[bytes]) -> None:
    """Sends lines in pieces, in turns with other sessions."""
    turns = Turns(session.site.clock)
    for start in range(0, len(spelled), PIECE):
        await session.send(b"".join(spelled[start : start + PIECE]))
        await turns.rest()


async def send_changed(session: Session, rows: Sequence[tuple[int, int, bytes, int]]) -> None:
    """Sends `changed` of many rows, spelled piece by piece."""
    turns = Turns(session.site.clock)
    for start in range(0, len(rows), PIECE):
        await session.send(b"".join(changed(rows[start : start + PIECE], session)))
        await turns.rest()


def close_deleted(session: Session) -> None:
    """The session deleted the mailbox that it had selected."""
    session.deselect()
    session.write(b"* OK [CLOSED] The selected mailbox was deleted\r\n")


def push(session: Session) -> None:
    """The same outside of a command (IDLE), where nothing waits: while the peer does not read,
    nothing is sent, and all of it when it reads again."""
    view = session.selected
    if view is None or session.output.congested or not view.behind:
        return
    if view.gone:
        session.bye(GONE)
        return
    for update in view.sync():
        session.write(b"".join(lines(update, session)))
    session.output.flush()
