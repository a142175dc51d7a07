"""Reading messages: a mailbox's arrays, and what was rendered of its messages at delivery.

Every statement folds its rows into one (see `sql`); what comes back is cut into messages only
when the caller goes through it.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, TypeVar, overload

from mailhub.model.errors import NotFound
from mailhub.model.message import BlobRef, Content, Index, Rendered
from mailhub.model.uids import UidSet
from mailhub.store import keywords
from mailhub.store.sql import Cursor, Ranged, integers, one_moment

T = TypeVar("T")

_JOINED = (
    " FROM message AS m CROSS JOIN content AS c"
    " WHERE c.key = m.content AND c.account = m.account"
    " AND m.account = :account AND m.mailbox = :mailbox AND {uids:m.uid}"
    " ORDER BY m.uid"
)


class Lazily(Sequence[T]):
    """Values made of rows as the caller goes through them, each time anew.

    Ten thousand values made at once on a reading thread would take the interpreter from the
    reactor for milliseconds; the caller works in slices anyway.
    """

    __slots__ = ("_make", "_rows")

    def __init__(self, make: Callable[[Any], T], rows: Sequence[Any]) -> None:
        self._make = make
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[T]:
        return map(self._make, self._rows)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Lazily[T]: ...
    def __getitem__(self, place: int | slice) -> T | Lazily[T]:
        if isinstance(place, slice):
            return Lazily(self._make, self._rows[place])
        return self._make(self._rows[place])


def _starts(lengths: Iterable[int]) -> Iterator[int]:
    """Where each of the pieces begins that stand one after the other."""
    return accumulate(lengths, initial=0)


@one_moment
def index(cursor: Cursor, account: int, mailbox: int) -> Index:
    """See `ports.Messages.index`."""
    key = {"account": account, "mailbox": mailbox}
    box = cursor.execute(
        "SELECT uidvalidity, uidnext, highestmodseq FROM mailbox"
        " WHERE account = :account AND number = :mailbox",
        key,
    ).fetchone()
    if box is None:
        raise NotFound("No such mailbox")
    columns = cursor.execute(
        "SELECT group_concat(uid), group_concat(modseq), group_concat(flags), group_concat(size),"
        " group_concat(internaldate) FROM message"
        " WHERE account = :account AND mailbox = :mailbox ORDER BY uid",
        key,
    ).fetchone()
    uids, modseqs, flags, sizes, dates = (
        array(code, integers(column)) for code, column in zip("IQIQq", columns, strict=True)
    )
    # All of the account's: a change may use one that this mailbox has not used yet, and that was
    # told of before anybody listened.
    sets = keywords.names(cursor, account)
    uidvalidity, uidnext, highestmodseq = box
    return Index(
        uidvalidity,
        uidnext,
        highestmodseq,
        uids,
        modseqs,
        flags,
        sizes,
        dates,
        sets,
    )


_ENVELOPES = Ranged(
    "SELECT group_concat(m.uid), group_concat(length(c.envelope)),"
    " CAST(group_concat(c.envelope, '') AS BLOB)" + _JOINED
)
_BODYSTRUCTURES = Ranged(
    "SELECT group_concat(m.uid), group_concat(length(c.bodystructure)),"
    " CAST(group_concat(c.bodystructure, '') AS BLOB)" + _JOINED
)


def envelopes(
    cursor: Cursor, account: int, mailbox: int, uids: UidSet
) -> Sequence[tuple[int, bytes]]:
    """(uid, ENVELOPE) by UID."""
    return _slices(cursor, _ENVELOPES, account, mailbox, uids)


def bodystructures(
    cursor: Cursor, account: int, mailbox: int, uids: UidSet
) -> Sequence[tuple[int, bytes]]:
    """(uid, BODYSTRUCTURE) by UID."""
    return _slices(cursor, _BODYSTRUCTURES, account, mailbox, uids)


def _slices(
    cursor: Cursor, sql: Ranged, account: int, mailbox: int, uids: UidSet
) -> Sequence[tuple[int, bytes]]:
    if not uids:
        return ()
    row = sql.run(cursor, uids, {"account": account, "mailbox": mailbox}).fetchone()
    lengths = integers(row[1])
    data: bytes = row[2] or b""

    def cut(place: tuple[int, int, int]) -> tuple[int, bytes]:
        uid, start, length = place
        return uid, data[start : start + length]

    return Lazily(cut, list(zip(integers(row[0]), _starts(lengths), lengths, strict=False)))


_CONTENTS = Ranged(
    "SELECT json_group_array(json_array(m.uid, length(c.prefix), c.segment, c.start, c.length,"
    " c.header_length)), CAST(group_concat(c.prefix, '') AS BLOB)" + _JOINED
)


def contents(cursor: Cursor, account: int, mailbox: int, uids: UidSet) -> Sequence[Content]:
    """Where the bytes of messages are, by UID."""
    if not uids:
        return ()
    row = _CONTENTS.run(cursor, uids, {"account": account, "mailbox": mailbox}).fetchone()
    rows = json.loads(row[0])
    prefixes: bytes = row[1] or b""

    def make(row: tuple[list[int], int]) -> Content:
        (uid, prefix, segment, offset, length, header), start = row
        return Content(
            uid, prefixes[start : start + prefix], BlobRef(segment, offset, length), header
        )

    return Lazily(make, list(zip(rows, _starts(one[1] for one in rows), strict=False)))


_RENDERED = Ranged(
    "SELECT json_group_array(json_array(m.uid, length(c.envelope), length(c.bodystructure),"
    " c.header_length, c.sent_at, c.subject, c.message_id, c.reference_ids, c.preview,"
    " c.attachments)), CAST(group_concat(c.envelope, '') AS BLOB),"
    " CAST(group_concat(c.bodystructure, '') AS BLOB)" + _JOINED
)


def rendered(
    cursor: Cursor, account: int, mailbox: int, uids: UidSet
) -> Sequence[tuple[int, Rendered]]:
    """(uid, what was rendered at delivery) by UID. `header_length` counts the prefix too."""
    if not uids:
        return ()
    row = _RENDERED.run(cursor, uids, {"account": account, "mailbox": mailbox}).fetchone()
    rows = json.loads(row[0])
    envelopes: bytes = row[1] or b""
    structures: bytes = row[2] or b""

    def make(row: tuple[list[Any], int, int]) -> tuple[int, Rendered]:
        columns, envelope, structure = row
        uid, length, length2, header, sent, subject, id_, refs, preview, attachments = columns
        return uid, Rendered(
            envelopes[envelope : envelope + length],
            structures[structure : structure + length2],
            header,
            sent,
            subject,
            id_,
            tuple(refs.split("\n")) if refs else (),
            preview,
            bool(attachments),
        )

    begins = _starts(one[1] for one in rows), _starts(one[2] for one in rows)
    return Lazily(make, list(zip(rows, *begins, strict=False)))


_MARKS = Ranged(
    "SELECT json_group_array(json_array(m.uid, m.content, c.thread, m.savedate, c.preview))"
    + _JOINED
)


def marks(
    cursor: Cursor, account: int, mailbox: int, uids: UidSet
) -> Sequence[tuple[int, str, str, int, str]]:
    """(uid, EMAILID, THREADID, SAVEDATE, PREVIEW) by UID.

    Ids are not stored: they spell the account and the key of the content, or of the one that
    began the thread. No key is ever given twice (RFC 8474 section 5).
    """
    if not uids:
        return ()
    row = _MARKS.run(cursor, uids, {"account": account, "mailbox": mailbox}).fetchone()
    return [
        (uid, f"{account:08x}{content:016x}", f"{account:08x}{thread:016x}", save, preview)
        for uid, content, thread, save, preview in json.loads(row[0])
    ]


def vanished(cursor: Cursor, account: int, mailbox: int, since: int, uids: UidSet | None) -> UidSet:
    """UIDs expunged after MODSEQ `since`, of those in `uids`."""
    rows = cursor.execute(
        "SELECT json_group_array(json_array(low, high)) FROM expunged"
        " WHERE account = :account AND mailbox = :mailbox AND modseq > :since"
        " ORDER BY modseq, low",
        {"account": account, "mailbox": mailbox, "since": since},
    ).fetchone()
    gone = UidSet.of((low, high) for low, high in json.loads(rows[0]))
    return gone if uids is None else _common(gone, uids)


def _common(left: UidSet, right: UidSet) -> UidSet:
    """The intersection, range by range."""
    found: list[tuple[int, int]] = []
    here, there = iter(left.ranges), iter(right.ranges)
    a, b = next(here, None), next(there, None)
    while a is not None and b is not None:
        low, high = max(a[0], b[0]), min(a[1], b[1])
        if low <= high:
            found.append((low, high))
        if a[1] < b[1]:
            a = next(here, None)
        else:
            b = next(there, None)
    return UidSet(tuple(found))


def changed_flags(
    cursor: Cursor, account: int, mailbox: int, since: int
) -> Sequence[tuple[int, int, int]]:
    """(uid, flag code, modseq) of messages with MODSEQ > since, by UID."""
    row = cursor.execute(
        "SELECT group_concat(uid), group_concat(flags), group_concat(modseq) FROM message"
        " WHERE account = :account AND mailbox = :mailbox AND modseq > :since ORDER BY uid",
        {"account": account, "mailbox": mailbox, "since": since},
    ).fetchone()
    return list(zip(*(integers(column) for column in row), strict=True))
