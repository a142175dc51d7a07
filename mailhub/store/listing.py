"""Lists of messages by date: of a mailbox, of all that is flagged, of the archive; and one of them.

Nothing here reads a body. A mailbox's list is two streams that are merged: messages that were
delivered, whose UIDs are their order, and those that came with a date of their own, in the order
of their index (see `tables.archive`). A boundary tells for each stream how far it was shown, so
that no page repeats or leaves out a message, even where the clock was set back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mailhub.model.errors import NotFound
from mailhub.model.flags import SYSTEM_BITS, Flags
from mailhub.model.listing import Boundary, Page, Row, Stretch
from mailhub.model.uids import UidSet
from mailhub.store.sql import Cursor, Ranged, array_text, integers, number, one_moment

CUT = 16 * 1024
"""Bytes of an ENVELOPE or BODYSTRUCTURE that a list shows at most: some hundred addresses."""
_REFERENCES = 8192
_NEWEST = (1 << 62, 1 << 62, 1 << 62)
_OLDEST = (-(1 << 62), 0, 0)

_COLUMNS = f"""
    SELECT json_group_array(json_array(m.mailbox, m.{{number}}, m.flags, m.internaldate, m.size,
        m.content, c.thread, c.sent_at, c.subject, c.message_id,
        substr(c.reference_ids, 1, {_REFERENCES}), c.preview, c.attachments,
        min(length(c.envelope), :cut), min(length(c.bodystructure), :cut), k.names,
        {{expires}}, {{archived}}, CASE WHEN :metadata THEN a.metadata END)),
        CAST(group_concat(substr(c.envelope, 1, :cut), '') AS BLOB),
        CAST(group_concat(substr(c.bodystructure, 1, :cut), '') AS BLOB)
    FROM json_each(:places) AS w CROSS JOIN {{table}} AS m CROSS JOIN content AS c
        LEFT JOIN keyword_set AS k ON k.account = :account AND k.number = m.flags >> 8
        LEFT JOIN annotation AS a ON a.account = :account AND a.content = m.content
    WHERE m.account = :account AND c.key = m.content AND
"""
_IN_MAILBOXES = (
    _COLUMNS.format(number="uid", expires="m.expires", archived="0", table="message")
    + " m.mailbox = json_extract(w.value, '$[0]') AND m.uid = json_extract(w.value, '$[1]')"
)
_IN_ARCHIVE = (
    _COLUMNS.format(number="number", expires="0", archived="m.archived", table="archived")
    + " m.number = w.value"
)
_STEADY = """
    FROM message WHERE account = :account AND mailbox = :mailbox AND uid BETWEEN :low AND :high
    AND internaldate = savedate {unseen} ORDER BY uid {order} LIMIT :limit
"""
_DATED = """
    FROM message WHERE account = :account AND mailbox = :mailbox
    AND {any}internaldate <> savedate {unseen} AND (internaldate, uid) {beyond} (:date, :uid)
    ORDER BY internaldate {order}, uid {order} LIMIT :limit
"""
_FLAGGED = (
    "internaldate, mailbox, uid",
    """
    FROM message WHERE account = :account AND (flags & 4) <> 0
    AND +mailbox IN (SELECT value FROM json_each(:mailboxes))
    AND (internaldate, mailbox, uid) {beyond} (:date, :box, :uid)
    ORDER BY internaldate {order}, mailbox {order}, uid {order} LIMIT :limit
""",
)
_ARCHIVED = (
    "number",
    """
    FROM archived WHERE account = :account AND number {beyond} :number
    ORDER BY number {order} LIMIT :limit
""",
)


def _both(columns: str, rest: str, unseen: str = "", any: str = "") -> dict[bool, str]:
    """A statement towards older (False) and newer (True) messages, its rows folded into one (see
    `sql`). A boundary is exclusive downwards and inclusive upwards. `any`: a plus keeps the
    database from an index."""
    folded = "SELECT json_group_array(json_array(%s)) FROM (SELECT %s %s) AS found"
    down = rest.format(beyond="<", order="DESC", unseen=unseen, any=any)
    up = rest.format(beyond=">=", order="ASC", unseen=unseen, any=any)
    return {False: folded % (columns, columns, down), True: folded % (columns, columns, up)}


_Ways = dict[bool, str]
_UNSEEN = "AND (flags & 1) = 0"
_ALL = _both("uid, internaldate", _STEADY), _both("internaldate, uid", _DATED)
_MANY_UNSEEN = (
    _both("uid, internaldate", _STEADY, _UNSEEN),
    _both("internaldate, uid", _DATED, _UNSEEN),
)
# Few among many: looking through the index would fetch nearly all rows of the mailbox one by one.
_FEW_UNSEEN = _MANY_UNSEEN[0], _both("internaldate, uid", _DATED, _UNSEEN, any="+")
_FEW = 20
_FLAGGED_WAYS, _ARCHIVED_WAYS = _both(*_FLAGGED), _both(*_ARCHIVED)


def _ids(cursor: Cursor, sql: str, key: dict[str, object]) -> list[tuple[int, ...]]:
    return [tuple(row) for row in json.loads(cursor.execute(sql, key).fetchone()[0])]


@dataclass(frozen=True, slots=True)
class _Place:
    """A message of a list, with the boundaries behind it on the way down and on the way up."""

    mailbox: int
    number: int
    below: Boundary
    above: Boundary


@one_moment
def mailbox(
    cursor: Cursor, account: int, mailbox: int, wanted: Stretch, unseen: bool, metadata: bool
) -> Page:
    """See `ports.Listings.mailbox`. Raises NotFound."""
    key: dict[str, object] = {"account": account, "mailbox": mailbox}
    box = cursor.execute(
        "SELECT messages, unseen, steady_from, steady_to FROM mailbox"
        " WHERE account = :account AND number = :mailbox",
        key,
    ).fetchone()
    if box is None:
        raise NotFound("No such mailbox")
    start = _start(wanted, 3)
    key["limit"] = wanted.limit + 1
    ways = _ALL
    if unseen:
        ways = _FEW_UNSEEN if box[1] * _FEW < box[0] else _MANY_UNSEEN
    places = _merged(cursor, mailbox, key, start, wanted.newer, (box[2], box[3]), ways)
    total = box[1] if unseen else box[0]
    return _page(cursor, account, wanted, start, places, total, _IN_MAILBOXES, metadata)


def _start(wanted: Stretch, width: int) -> Boundary:
    if wanted.start is not None and len(wanted.start) == width:
        return wanted.start
    return (_OLDEST if wanted.newer else _NEWEST)[:width]


def _merged(
    cursor: Cursor,
    mailbox: int,
    key: dict[str, object],
    start: Boundary,
    newer: bool,
    span: tuple[int, int],
    ways: tuple[_Ways, _Ways],
) -> list[_Place]:
    """Both streams of a mailbox as one. A boundary: date and UID of the dated one, UID of the
    steady one, which stands within `span`. `ways`: how they are looked through."""
    first, last = span
    key |= {"date": start[0], "uid": start[1]}
    low, high = (max(first, start[2]), last) if newer else (first, min(last, start[2] - 1))
    key |= {"low": low, "high": high}
    dated = _ids(cursor, ways[1][newer], key)
    steady = _ids(cursor, ways[0][newer], key) if low <= high else []
    before: Callable[[tuple[int, ...], tuple[int, ...]], bool] = (
        (lambda a, b: a < b) if newer else (lambda a, b: a > b)
    )
    places: list[_Place] = []
    here = there = 0
    date, uid, bound = start
    while here < len(dated) or there < len(steady):
        takes_steady = here == len(dated) or (
            there < len(steady) and before((steady[there][1], steady[there][0]), dated[here])
        )
        if takes_steady:
            number = steady[there][0]
            there += 1
            bound = number + newer
        else:
            date, number = dated[here]
            here += 1
            uid = number + newer
        places.append(_Place(mailbox, number, (date, uid, bound), (date, uid, bound)))
    return places


@one_moment
def flagged(
    cursor: Cursor, account: int, mailboxes: Sequence[int], wanted: Stretch, metadata: bool
) -> Page:
    """See `ports.Listings.flagged`."""
    start = _start(wanted, 3)
    names = array_text(mailboxes)
    key: dict[str, object] = {"account": account, "mailboxes": names, "limit": wanted.limit + 1}
    key |= {"date": start[0], "box": start[1], "uid": start[2]}
    places = [
        _Place(box, uid, (date, box, uid), (date, box, uid + 1))
        for date, box, uid in _ids(cursor, _FLAGGED_WAYS[wanted.newer], key)
    ]
    total = number(
        cursor,
        # All dates are later: named so that the index is taken, which knows only what is flagged.
        "SELECT count(*) FROM message WHERE account = :account AND internaldate > :oldest"
        " AND (flags & 4) <> 0 AND +mailbox IN (SELECT value FROM json_each(:mailboxes))",
        {"account": account, "mailboxes": names, "oldest": _OLDEST[0]},
    )
    return _page(cursor, account, wanted, start, places, total, _IN_MAILBOXES, metadata)


@one_moment
def archived(cursor: Cursor, account: int, wanted: Stretch, metadata: bool) -> Page:
    """See `ports.Listings.archived`."""
    start = _start(wanted, 1)
    key: dict[str, object] = {"account": account, "limit": wanted.limit + 1, "number": start[0]}
    places = [
        _Place(0, one, (one,), (one + 1,))
        for (one,) in _ids(cursor, _ARCHIVED_WAYS[wanted.newer], key)
    ]
    total = number(
        cursor, "SELECT count(*) FROM archived WHERE account = :account", {"account": account}
    )
    return _page(cursor, account, wanted, start, places, total, _IN_ARCHIVE, metadata)


def _page(
    cursor: Cursor,
    account: int,
    wanted: Stretch,
    start: Boundary,
    places: Sequence[_Place],
    total: int,
    sql: str,
    metadata: bool,
) -> Page:
    more = len(places) > wanted.limit
    places = places[: wanted.limit]
    end = start
    if places:
        end = places[-1].above if wanted.newer else places[-1].below
    names: list[object] = [
        one.number if sql is _IN_ARCHIVE else (one.mailbox, one.number) for one in places
    ]
    rows = list(_rows(cursor, account, sql, names, CUT, metadata))
    return Page(rows, start, end, more, total)


def _rows(
    cursor: Cursor, account: int, sql: str, names: Sequence[object], cut: int, metadata: bool
) -> Iterator[Row]:
    if not names:
        return
    key = {"account": account, "places": array_text(names), "cut": cut, "metadata": metadata}
    text, envelopes, structures = cursor.execute(sql, key).fetchone()
    envelope = structure = 0
    for row in json.loads(text):
        length, length2 = row[13], row[14]
        yield _row(
            account,
            row,
            (envelopes or b"")[envelope : envelope + length],
            (structures or b"")[structure : structure + length2],
        )
        envelope += length
        structure += length2


def _row(account: int, row: list[Any], envelope: bytes, structure: bytes) -> Row:
    mailbox, number, code, date, size, content, thread, sent, subject, id_, references = row[:11]
    preview, attachments, _, _, names, expires, archived, metadata = row[11:]
    return Row(
        account=account,
        mailbox=mailbox,
        number=number,
        flags=Flags(code & SYSTEM_BITS, tuple(json.loads(names)) if names else ()),
        date=date,
        size=size,
        content=content,
        thread=thread,
        sent_at=sent,
        subject=subject,
        message_id=id_,
        references=tuple(references.split("\n")) if references else (),
        preview=preview,
        attachments=bool(attachments),
        envelope=envelope,
        structure=structure,
        expires=expires,
        archived=archived,
        metadata=metadata or "",
    )


_WHOLE = 64 * 1024
"""The same where a single message is shown: more than five hundred addresses, or parts."""


def one(cursor: Cursor, account: int, mailbox: int, uid: int) -> Row | None:
    """See `ports.Listings.one`."""
    return next(_rows(cursor, account, _IN_MAILBOXES, [(mailbox, uid)], _WHOLE, True), None)


def one_archived(cursor: Cursor, account: int, number: int) -> Row | None:
    """See `ports.Listings.one_archived`."""
    return next(_rows(cursor, account, _IN_ARCHIVE, [number], _WHOLE, True), None)


def some(
    cursor: Cursor, account: int, places: Sequence[tuple[int, int]], metadata: bool
) -> Sequence[Row]:
    """See `ports.Listings.some`."""
    return list(_rows(cursor, account, _IN_MAILBOXES, list(places), CUT, metadata))


_UIDS = Ranged(
    "SELECT group_concat(uid) FROM (SELECT m.uid FROM message AS m WHERE m.account = :account"
    " AND m.mailbox = :mailbox AND {uids:m.uid} ORDER BY m.uid LIMIT :limit) AS some"
)


def uids(cursor: Cursor, account: int, mailbox: int, wanted: UidSet, limit: int) -> Sequence[int]:
    """See `ports.Listings.uids`."""
    if not wanted:
        return ()
    key: dict[str, object] = {"account": account, "mailbox": mailbox, "limit": limit}
    return integers(_UIDS.run(cursor, wanted, key).fetchone()[0])


_THREADS = """
    SELECT json_group_array(json_array(w.value,
        coalesce((SELECT c.uses - (SELECT count(*) FROM archived AS a WHERE a.content = c.key)
            FROM content AS c WHERE c.key = w.value AND c.account = :account), 0)
        + coalesce((SELECT sum(c.uses - (SELECT count(*) FROM archived AS a
            WHERE a.content = c.key)) FROM content AS c
            WHERE c.thread = w.value AND c.thread <> c.key), 0)))
    FROM json_each(:threads) AS w
"""


def threads(cursor: Cursor, account: int, wanted: Sequence[int]) -> dict[int, int]:
    """See `ports.Listings.threads`."""
    key = {"account": account, "threads": array_text(wanted)}
    return dict(json.loads(cursor.execute(_THREADS, key).fetchone()[0]))
