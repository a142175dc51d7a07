"""Reading messages: a mailbox's arrays, and what was rendered of its messages at delivery.

Every statement folds its rows into one (see `sql`); what comes back is cut into messages only
when the caller goes through it.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import overload

from mailhub.model.errors import NotFound
from mailhub.model.message import BlobRef, Content, Index, Rendered
from mailhub.model.uids import UidSet
from mailhub.store import keywords
from mailhub.store.sql import Cursor, Ranged, integers, one_moment

_JOINED = (
    " FROM message AS m CROSS JOIN content AS c ON c.key = m.content"
    " WHERE m.account = :account AND m.mailbox = :mailbox AND {uids:m.uid}"
)


class Slices(Sequence[tuple[int, bytes]]):
    """(uid, bytes) pairs over one buffer, cut out as they are asked for."""

    __slots__ = ("_data", "_ends", "_uids")

    def __init__(self, uids: Sequence[int], lengths: Sequence[int], data: bytes) -> None:
        self._uids = uids
        self._ends = list(accumulate(lengths))
        self._data = data

    def __len__(self) -> int:
        return len(self._uids)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        data = self._data
        start = 0
        for uid, end in zip(self._uids, self._ends, strict=True):
            yield uid, data[start:end]
            start = end

    def _at(self, place: int) -> tuple[int, bytes]:
        place = range(len(self._uids))[place]
        start = self._ends[place - 1] if place else 0
        return self._uids[place], self._data[start : self._ends[place]]

    @overload
    def __getitem__(self, place: int) -> tuple[int, bytes]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[int, bytes]]: ...
    def __getitem__(self, place: int | slice) -> tuple[int, bytes] | list[tuple[int, bytes]]:
        if isinstance(place, slice):
            return [self._at(one) for one in range(*place.indices(len(self._uids)))]
        return self._at(place)


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
        " WHERE account = :account AND mailbox = :mailbox",
        key,
    ).fetchone()
    uids, modseqs, flags, sizes, dates = (
        array(code, integers(column)) for code, column in zip("IQIQq", columns, strict=True)
    )
    sets = keywords.names(cursor, account)
    used = {code >> keywords.SHIFT for code in set(flags)}
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
        {number: names for number, names in sets.items() if number in used},
    )


_ENVELOPES = Ranged(
    "SELECT group_concat(m.uid), group_concat(length(c.envelope)),"
    " CAST(group_concat(c.envelope, '') AS BLOB)" + _JOINED
)
_BODYSTRUCTURES = Ranged(
    "SELECT group_concat(m.uid), group_concat(length(c.bodystructure)),"
    " CAST(group_concat(c.bodystructure, '') AS BLOB)" + _JOINED
)


def envelopes(cursor: Cursor, account: int, mailbox: int, uids: UidSet) -> Slices:
    """(uid, ENVELOPE) by UID."""
    return _slices(cursor, _ENVELOPES, account, mailbox, uids)


def bodystructures(cursor: Cursor, account: int, mailbox: int, uids: UidSet) -> Slices:
    """(uid, BODYSTRUCTURE) by UID."""
    return _slices(cursor, _BODYSTRUCTURES, account, mailbox, uids)


def _slices(cursor: Cursor, sql: Ranged, account: int, mailbox: int, uids: UidSet) -> Slices:
    if not uids:
        return Slices((), (), b"")
    row = sql.run(cursor, uids, {"account": account, "mailbox": mailbox}).fetchone()
    return Slices(integers(row[0]), integers(row[1]), row[2] or b"")


_CONTENTS = Ranged(
    "SELECT json_group_array(json_array(m.uid, length(c.prefix), c.segment, c.start, c.length,"
    " c.header_length)), CAST(group_concat(c.prefix, '') AS BLOB)" + _JOINED
)


def contents(cursor: Cursor, account: int, mailbox: int, uids: UidSet) -> Sequence[Content]:
    """Where the bytes of messages are, by UID."""
    if not uids:
        return ()
    row = _CONTENTS.run(cursor, uids, {"account": account, "mailbox": mailbox}).fetchone()
    prefixes = row[1] or b""
    found: list[Content] = []
    start = 0
    for uid, prefix, segment, offset, length, header in json.loads(row[0]):
        end = start + prefix
        blob = BlobRef(segment, offset, length)
        found.append(Content(uid, prefixes[start:end], blob, header))
        start = end
    return found


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
    all_envelopes, all_structures = row[1] or b"", row[2] or b""
    found: list[tuple[int, Rendered]] = []
    at_envelope = at_structure = 0
    for uid, envelope, structure, header, sent, subject, id_, refs, preview, att in json.loads(
        row[0]
    ):
        one = Rendered(
            all_envelopes[at_envelope : at_envelope + envelope],
            all_structures[at_structure : at_structure + structure],
            header,
            sent,
            subject,
            id_,
            tuple(refs.split("\n")) if refs else (),
            preview,
            bool(att),
        )
        at_envelope += envelope
        at_structure += structure
        found.append((uid, one))
    return found


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
        " WHERE account = :account AND mailbox = :mailbox AND modseq > :since",
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
        " WHERE account = :account AND mailbox = :mailbox AND modseq > :since",
        {"account": account, "mailbox": mailbox, "since": since},
    ).fetchone()
    return list(zip(*(integers(column) for column in row), strict=True))
