"""The journal as events: each row cut into what it is about, with what an application shows of it.

Reads only; `store.journal` has the rows themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailhub.model.event import (
    ARRIVED,
    KINDS,
    LAST,
    MAIL,
    TYPES,
    Counted,
    Event,
    Page,
    Place,
    Reach,
)
from mailhub.model.flags import SYSTEM_BITS, Flags
from mailhub.model.uids import UidSet
from mailhub.store import keywords
from mailhub.store.flag_notes import NotedFlags
from mailhub.store.sql import Cursor, Ranged, array_text, number, numbers_in, one_moment

SCAN = 50_000
"""Rows that are looked through at once, some 20 ms of a reading thread: rows have no index by
account, which would cost every delivery more than all that is ever read of them."""
_MESSAGES = Ranged(
    "SELECT json_group_array(json_array(m.uid, m.size, m.internaldate, c.thread))"
    " FROM message AS m CROSS JOIN content AS c"
    " WHERE c.key = m.content AND c.account = m.account"
    " AND m.account = :account AND m.mailbox = :mailbox AND {uids:m.uid}"
    " ORDER BY m.uid"
)
_ROWS = (
    "SELECT json_group_array(json_array(number, at, account, mailbox, kind, uids, detail)) FROM"
    " (SELECT number, at, account, mailbox, kind, uids, detail FROM journal"
    " WHERE number BETWEEN :number AND :until AND {whose}"
    " AND kind IN (SELECT value FROM json_each(:kinds)) ORDER BY number LIMIT :limit) AS chosen"
)
_OF_ONE = _ROWS.format(whose="account = :account")
_OF_ALL = _ROWS.format(whose="account IS NOT NULL")


@one_moment
def page(cursor: Cursor, after: Place, account: int | None, mail: bool, limit: int) -> Page:
    """See `ports.Events.page`."""
    newest = number(cursor, "SELECT max(number) FROM journal", {})
    kinds = MAIL if mail else KINDS
    until = after.number + SCAN
    rows = json.loads(
        cursor.execute(
            _OF_ALL if account is None else _OF_ONE,
            {
                "number": after.number + (after.index == LAST),
                "until": until,
                "account": account,
                "kinds": array_text(kinds),
                "limit": limit + 1,
            },
        ).fetchone()[0]
    )
    known = _Known(cursor, rows)
    events: list[Event] = []
    for row in rows[:limit]:
        start = after.index if row[0] == after.number else 0
        events += known.told(row, start, limit - len(events))
        if len(events) >= limit:
            break
    place, more = max(after, Place(min(newest, until))), newest > until
    if len(events) >= limit:
        place, more = events[-1].place, True
    elif len(rows) > limit:
        place, more = Place(rows[limit - 1][0]), True
    boxes = {event.box for event in events if event.box}
    count = counted(cursor, account, tuple(boxes)) if account is not None and boxes and mail else ()
    return Page(events, place, more, count)


class _Known:
    """What events of one page have in common."""

    def __init__(self, cursor: Cursor, rows: Sequence[Any]) -> None:
        self._cursor = cursor
        self._gone = {
            row[2]: json.loads(row[6]).get("user", "")
            for row in rows
            if row[4] == "accountchanged" and '"user"' in row[6]
        }
        """Accounts that went for good, and whose row in the journal is what is left of them."""
        self._users: dict[int, str] = {}
        self._boxes: dict[tuple[int, int], tuple[str, str]] = {}
        self._keywords: dict[int, Mapping[int, tuple[str, ...]]] = {}

    def told(self, row: Sequence[Any], start: int, room: int) -> Iterator[Event]:
        """At most `room` events of a row, behind its event `start`."""
        number, at, account, box, kind, uids, text = row
        detail = json.loads(text) if text else {}
        what = "" if uids else f"{detail.get('what', '')} {detail.get('factor', '')}".strip()
        type = TYPES.get((kind, what))
        if type is None or room <= 0 or start == LAST:
            return
        common = {"type": type, "at": at, "account": account, "user": self._user(account)}
        if uids:
            yield from self._messages(common, number, box, uids, start, room, detail)
        elif start == 0:
            yield self._thing(common, number, box, detail)

    def _thing(
        self, common: Mapping[str, Any], number: int, box: int | None, detail: dict[str, Any]
    ) -> Event:
        what = detail.pop("what", "")
        place = Place(number, 1)
        if box is None:
            return Event(place=place, detail=detail, **common)
        return Event(
            place=place,
            box=box,
            mailbox=detail.get("id") or self._box(common["account"], box)[0],
            path=detail.get("name", ""),
            old_path=detail.get("old_name", "") if what == "renamed" else "",
            **common,
        )

    def _messages(
        self,
        common: Mapping[str, Any],
        number: int,
        box: int,
        uids: str,
        start: int,
        room: int,
        detail: Mapping[str, Any],
    ) -> Iterator[Event]:
        account = common["account"]
        mailbox, path = self._box(account, box)
        if not mailbox:
            return  # gone with all that was in it, which an event of its own tells
        chosen = _slice(uids, start, room)
        found = self._found(account, box, chosen) if common["type"] == ARRIVED else {}
        flags = NotedFlags(detail)
        for index, uid in enumerate(chosen, start + 1):
            size, date, thread = found.get(uid, (0, 0, 0))
            yield Event(
                place=Place(number, index),
                box=box,
                mailbox=mailbox,
                path=path,
                uid=uid,
                flags=self._flags(account, flags.of(uid)),
                size=size,
                date=date,
                thread=f"{account:08x}{thread:016x}" if uid in found else "",
                **common,
            )

    def _found(self, account: int, box: int, uids: UidSet) -> Mapping[int, tuple[int, int, int]]:
        """Size, date and thread of those that are still there."""
        if not uids:
            return {}
        key: dict[str, object] = {"account": account, "mailbox": box}
        rows = json.loads(_MESSAGES.run(self._cursor, uids, key).fetchone()[0])
        return {uid: (size, date, thread) for uid, size, date, thread in rows}

    def _flags(self, account: int, code: int) -> tuple[str, ...]:
        names: tuple[str, ...] = ()
        if code > SYSTEM_BITS:
            sets = self._keywords.get(account)
            if sets is None:
                sets = self._keywords[account] = keywords.names(self._cursor, account)
            names = sets.get(code >> keywords.SHIFT, ())
        return Flags(code & SYSTEM_BITS, names).names()

    def _box(self, account: int, box: int) -> tuple[str, str]:
        found = self._boxes.get((account, box))
        if found is None:
            row = self._cursor.execute(
                "SELECT id, name FROM mailbox WHERE account = :account AND number = :box",
                {"account": account, "box": box},
            ).fetchone()
            found = self._boxes[account, box] = (row[0], row[1]) if row else ("", "")
        return found

    def _user(self, account: int) -> str:
        if account not in self._users:
            row = self._cursor.execute(
                "SELECT id FROM account WHERE number = :account"
                " UNION ALL SELECT id FROM removed_account WHERE number = :account",
                {"account": account},
            ).fetchone()
            self._users[account] = row[0] if row else self._gone.get(account, "")
        return self._users[account]


def _slice(text: str, start: int, count: int) -> UidSet:
    """At most `count` numbers of a sequence-set, behind its first `start` ones."""
    chosen: list[tuple[int, int]] = []
    for part in text.split(","):
        low, _, high = part.partition(":")
        first, last = int(low), int(high or low)
        size = last - first + 1
        if start >= size:
            start -= size
            continue
        first += start
        start = 0
        last = min(last, first + count - 1)
        chosen.append((first, last))
        count -= last - first + 1
        if count <= 0:
            break
    return UidSet(tuple(chosen))


@one_moment
def reach(cursor: Cursor, after: int) -> Reach:
    """See `ports.Events.reach`."""
    oldest = number(cursor, "SELECT min(number) FROM journal", {})
    newest = number(cursor, "SELECT max(number) FROM journal", {})
    row = cursor.execute(
        "SELECT at FROM journal WHERE number > :after ORDER BY number LIMIT 1", {"after": after}
    ).fetchone()
    return Reach(oldest, newest, row[0] if row else None)


def counted(cursor: Cursor, account: int, boxes: Sequence[int]) -> Sequence[Counted]:
    """See `ports.Events.counted`."""
    rows = cursor.execute(
        "SELECT json_group_array(json_array(number, id, messages, unseen)) FROM mailbox"
        f" WHERE account = :account AND number IN {numbers_in('boxes')} ORDER BY number",
        {"account": account, "boxes": array_text(boxes)},
    ).fetchone()
    return [Counted(*row) for row in sorted(json.loads(rows[0]))]
