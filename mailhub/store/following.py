"""What became of messages in mailboxes, by the journal: who read, moved or removed them, and when.

Reads only. Where in the journal to look, `trail` knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from mailhub.model.change import JournalEntry
from mailhub.model.flags import SYSTEM_BITS, Flags
from mailhub.model.story import Fate, Place
from mailhub.store import journal, keywords, trail
from mailhub.store.blooms import Question
from mailhub.store.flag_notes import NotedFlags, parsed
from mailhub.store.sql import Cursor, array_text, integers, number, one_moment

LOOKED_AT = 100
"""Spans of the journal that are read for one place."""
PLACES = 20
FATES = 200


@one_moment
def follow(cursor: Cursor, places: Sequence[Place]) -> tuple[Sequence[Fate], bool]:
    """See `ports.Trail.follow`."""
    waiting = list(places[:PLACES])
    cut = len(places) > PLACES
    found: list[Fate] = []
    seen = 0
    while waiting and len(found) < FATES:
        place = waiting.pop(0)
        seen += 1
        mine, more = _of(cursor, place)
        cut = cut or more
        found += mine
        reached = [fate.moved for fate in mine if fate.moved is not None]
        room = PLACES - seen - len(waiting)
        waiting += reached[:room]
        cut = cut or len(reached) > room
    found.sort(key=lambda fate: fate.entry.number)
    return found[:FATES], cut or len(found) > FATES or bool(waiting)


def _of(cursor: Cursor, place: Place) -> tuple[list[Fate], bool]:
    """What became of it in this place, and whether not everything was looked at."""
    found: list[Fate] = []
    now = place.flags
    looked = 0
    for first, last in _spans(cursor, place):
        looked += 1
        if looked > LOOKED_AT:
            return found, True
        for entry in journal.some(cursor, _numbers(cursor, place, first, last)):
            fate = _fate(cursor, entry, replace(place, flags=now))
            if fate is None:
                continue
            found.append(fate)
            now = now if fate.flags is None else fate.flags
            if entry.kind in ("expunged", "mailboxchanged"):
                return found, False
    return found, False


def _spans(cursor: Cursor, place: Place) -> Iterator[tuple[int, int]]:
    question = Question(f"b:{place.account}/{place.mailbox}")
    rows = cursor.execute(
        "SELECT first, last, keys FROM trail WHERE last > :after ORDER BY first",
        {"after": place.after},
    )
    end = place.after
    for first, last, keys in rows:
        end = last
        if question(keys):
            yield max(first, place.after + 1), last
    newest = number(cursor, "SELECT max(number) FROM journal", {})
    for first in range(end + 1, newest + 1, trail.SPAN):
        yield first, min(first + trail.SPAN - 1, newest)


def _numbers(cursor: Cursor, place: Place, first: int, last: int) -> Sequence[int]:
    row = cursor.execute(
        "SELECT group_concat(number) FROM journal WHERE number BETWEEN :first AND :last"
        " AND account = :account AND kind IN (SELECT value FROM json_each(:kinds))"
        " AND (mailbox = :mailbox OR CASE WHEN detail = '' THEN FALSE"
        " ELSE json_extract(detail, '$.of[0]') = :mailbox END) ORDER BY number",
        {
            "first": first,
            "last": last,
            "account": place.account,
            "mailbox": place.mailbox,
            "kinds": array_text(trail.CHANGES),
        },
    ).fetchone()
    return integers(row[0])


def _fate(cursor: Cursor, entry: JournalEntry, place: Place) -> Fate | None:
    detail: dict[str, Any] = json.loads(entry.detail) if entry.detail else {}
    if entry.kind == "mailboxchanged":
        return Fate(entry, place) if detail.get("what") == "deleted" else None
    if entry.kind == "arrived":
        copied = _target(entry, detail.get("of"), place)
        return Fate(entry, place, moved=copied) if copied is not None else None
    if entry.mailbox != place.mailbox or place.uid not in parsed(entry.uids):
        return None
    if entry.kind == "flagged":
        flags = NotedFlags(detail).of(place.uid)
        return Fate(entry, place, flags, _names(cursor, place.account, flags))
    return Fate(entry, place, moved=_moved(entry, detail.get("to"), place))


def _moved(entry: JournalEntry, to: Any, place: Place) -> Place | None:
    """Where a message went that was taken out: it is in the same order there."""
    if not to:
        return None
    uid = to[1] + _index(parsed(entry.uids).ranges, place.uid)
    return Place(place.account, to[0], uid, entry.number, place.flags)


def _target(entry: JournalEntry, of: Any, place: Place) -> Place | None:
    """Where the copy is of a message that was there."""
    if not of or of[0] != place.mailbox or entry.mailbox is None:
        return None
    source = parsed(of[1])
    if place.uid not in source:
        return None
    first = parsed(entry.uids).ranges[0][0]
    uid = first + _index(source.ranges, place.uid)
    return Place(place.account, entry.mailbox, uid, entry.number, place.flags)


def _index(ranges: Sequence[tuple[int, int]], uid: int) -> int:
    """How many of the set are below it."""
    return sum(min(high, uid - 1) - low + 1 for low, high in ranges if low < uid)


def _names(cursor: Cursor, account: int, code: int) -> tuple[str, ...]:
    names: tuple[str, ...] = ()
    if code > SYSTEM_BITS:
        names = keywords.names(cursor, account).get(code >> keywords.SHIFT, ())
    return Flags(code & SYSTEM_BITS, names).names()
