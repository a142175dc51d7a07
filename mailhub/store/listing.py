"""Lists of messages by date: of a mailbox, of all that is flagged, of the archive; and one of them.

Nothing here reads a body. A mailbox's list is two streams that are merged: messages that were
delivered, whose UIDs are their order, and those that came with a date of their own, in the order
of their index (see `tables.archive`). A boundary tells for each stream how far it was shown, so
that no page repeats or leaves out a message, even where the clock was set back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from mailhub.model.listing import (
    Boundary,
    Heads,
    MailboxPage,
    Page,
    Row,
    Showing,
    Stretch,
    ThreadSum,
)
from mailhub.model.uids import UidSet
from mailhub.store import conversations, listing_rows
from mailhub.store.listing_rows import CUT, IN_ARCHIVE, IN_MAILBOXES
from mailhub.store.sql import Cursor, Ranged, array_text, integers, number, numbers_in, one_moment

_NEWEST = (1 << 62, 1 << 62, 1 << 62)
_OLDEST = (-(1 << 62), 0, 0)

_STEADY = """
    FROM message AS m WHERE account = :account AND mailbox = :mailbox
    AND uid BETWEEN :low AND :high AND internaldate = savedate {unseen} {heads}
    ORDER BY uid {order} LIMIT :limit
"""
_DATED = """
    FROM message AS m WHERE account = :account AND mailbox = :mailbox
    AND {any}internaldate <> savedate {unseen} AND (internaldate, uid) {beyond} (:date, :uid)
    {heads} ORDER BY internaldate {order}, uid {order} LIMIT :limit
"""
_THREAD = conversations.thread_of("m")
_HEADS = f"""
    AND NOT EXISTS (SELECT 1 FROM message AS j WHERE j.account = :account
        AND j.thread = {_THREAD} AND j.mailbox = :mailbox AND j.thread <> 0
        AND (j.internaldate, j.uid) {{side}} (m.internaldate, m.uid) {{joined}})
    AND NOT EXISTS (SELECT 1 FROM message AS s WHERE s.content = {_THREAD}
        AND +s.account = :account AND +s.mailbox = :mailbox AND s.uid <> m.uid
        AND (s.internaldate, s.uid) {{side}} (m.internaldate, m.uid) {{began}})
"""
"""No message of the same thread stands further on, in the mailbox: neither one that joined it nor
the one that began it. Each takes a look into an index, however long the thread is."""
_FLAGGED = (
    "internaldate, mailbox, uid",
    f"""
    FROM message WHERE account = :account AND (flags & 4) <> 0
    AND +mailbox IN {numbers_in("mailboxes")}
    AND (internaldate, mailbox, uid) {{beyond}} (:date, :box, :uid)
    ORDER BY internaldate {{order}}, mailbox {{order}}, uid {{order}} LIMIT :limit
""",
)
_ARCHIVED = (
    "number",
    """
    FROM archived WHERE account = :account AND number {beyond} :number
    ORDER BY number {order} LIMIT :limit
""",
)


def _both(columns: str, rest: str, **conditions: str) -> dict[bool, str]:
    """A statement towards older (False) and newer (True) messages, its rows folded into one (see
    `sql`). A boundary is exclusive downwards and inclusive upwards."""
    folded = "SELECT json_group_array(json_array(%s)) FROM (SELECT %s %s) AS found"
    down = rest.format(beyond="<", order="DESC", **conditions)
    up = rest.format(beyond=">=", order="ASC", **conditions)
    return {False: folded % (columns, columns, down), True: folded % (columns, columns, up)}


_Ways = dict[bool, str]
_UNSEEN = "AND ({row}.flags & 1) = 0"


class _Walk(Enum):
    """What of a mailbox is looked through."""

    ALL = "all"
    MANY_UNSEEN = "many unseen"
    FEW_UNSEEN = "few unseen"
    """Few among many: the index would fetch nearly all rows of the mailbox one by one."""


def _streams(walk: _Walk, heads: Heads) -> tuple[_Ways, _Ways]:
    """How the steady and the dated stream are read. A plus keeps the database from an index."""
    unseen = {row: "" if walk is _Walk.ALL else _UNSEEN.format(row=row) for row in "mjs"}
    side = ">" if heads is Heads.NEWEST else "<"
    alone = _HEADS.format(side=side, joined=unseen["j"], began=unseen["s"])
    conditions = {
        "unseen": unseen["m"],
        "heads": "" if heads is Heads.ALL else alone,
        "any": "+" if walk is _Walk.FEW_UNSEEN else "",
    }
    return (
        _both("uid, internaldate", _STEADY, **conditions),
        _both("internaldate, uid", _DATED, **conditions),
    )


_STREAMS = {(walk, heads): _streams(walk, heads) for walk in _Walk for heads in Heads}
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


_BOX = """
    SELECT a.number, b.number, b.special_use, b.messages, b.unseen, b.threads, b.steady_from,
        b.steady_to
    FROM account AS a LEFT JOIN mailbox AS b ON b.account = a.number AND b.id = :mailbox
    WHERE a.id = :account
"""
_UNSEEN_THREADS = (
    f"SELECT count(DISTINCT {_THREAD}) FROM message AS m WHERE account = :account"
    f" AND mailbox = :mailbox {_UNSEEN.format(row='m')}"
)


@one_moment
def mailbox(
    cursor: Cursor, account: str, mailbox: str, wanted: Stretch, showing: Showing
) -> MailboxPage:
    """See `ports.Listings.mailbox`."""
    found = cursor.execute(_BOX, {"account": account, "mailbox": mailbox}).fetchone()
    if found is None or found[1] is None:
        return MailboxPage(found[0] if found is not None else 0, 0, "", None)
    owner, box, special_use, messages, unseen, threads, *span = found
    key: dict[str, object] = {"account": owner, "mailbox": box, "limit": wanted.limit + 1}
    walk, total = _Walk.ALL, messages
    if showing.unseen:
        walk = _Walk.FEW_UNSEEN if unseen * _FEW < messages else _Walk.MANY_UNSEEN
        total = unseen
    start = _start(wanted, 3)
    streams = _STREAMS[walk, showing.heads]
    places = _merged(cursor, box, dict(key), start, wanted.newer, (span[0], span[1]), streams)
    if showing.heads is not Heads.ALL:
        total = threads
        if showing.unseen:
            total = number(cursor, _UNSEEN_THREADS, key) if unseen else 0
    page = _page(cursor, owner, wanted, start, places, total, IN_MAILBOXES, showing.metadata)
    if page.rows and (showing.counts or showing.heads is not Heads.ALL):
        page = replace(page, threads=_sums(cursor, owner, page.rows, showing))
    return MailboxPage(owner, box, special_use, page)


def _sums(
    cursor: Cursor, account: int, rows: Sequence[Row], showing: Showing
) -> dict[int, ThreadSum]:
    wanted = list({row.thread for row in rows})
    return listing_rows.threads(cursor, account, wanted, flags=showing.heads is not Heads.ALL)


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
        f" AND (flags & 4) <> 0 AND +mailbox IN {numbers_in('mailboxes')}",
        {"account": account, "mailboxes": names, "oldest": _OLDEST[0]},
    )
    return _page(cursor, account, wanted, start, places, total, IN_MAILBOXES, metadata)


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
    return _page(cursor, account, wanted, start, places, total, IN_ARCHIVE, metadata)


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
        one.number if sql is IN_ARCHIVE else (one.mailbox, one.number) for one in places
    ]
    rows = list(listing_rows.rows(cursor, account, sql, names, CUT, metadata))
    return Page(rows, start, end, more, total)


_UIDS = Ranged(
    "SELECT group_concat(uid) FROM (SELECT m.uid FROM message AS m WHERE m.account = :account"
    " AND m.mailbox = :mailbox AND {uids:m.uid} ORDER BY m.uid LIMIT :limit) AS chosen"
)


def uids(cursor: Cursor, account: int, mailbox: int, wanted: UidSet, limit: int) -> Sequence[int]:
    """See `ports.Listings.uids`."""
    if not wanted:
        return ()
    key: dict[str, object] = {"account": account, "mailbox": mailbox, "limit": limit}
    return integers(_UIDS.run(cursor, wanted, key).fetchone()[0])
