"""The journal by what its rows are about: senders, recipients, Message-IDs, mailboxes.

An index would write some pages more for every message (`docs/decisions/story.md` has the figures).
Instead the journal is cut, when its rows are written and somebody has time, into spans of `SPAN`
rows; of each there is a small set of its keys (`store.blooms`). Who looks for something goes
through the sets, newest first, and reads those few spans that may have it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mailhub.model.change import JournalEntry
from mailhub.model.story import Part, Sought, Traced
from mailhub.store import journal
from mailhub.store.blooms import Question, bloom
from mailhub.store.sql import Cursor, array_text, integers, number, one_moment
from mailhub.store.transaction import Transaction

SPAN = 1000
"""Rows of the journal: some milliseconds of a thread's work."""
LOOKED_AT = 50
"""Spans that are read in one search."""
NEAR = 1000
"""Rows on either side of a row among which others of its commit stand."""
RECIPIENTS = 200
"""Of one row that are looked for; who wrote to more is found by the others' keys."""
ACCEPTED = "accepted"
TRIES = ("delivered", "deferred", "failed", "discarded")
CHANGES = ("flagged", "expunged", "arrived", "mailboxchanged")
_SAID = (ACCEPTED, *TRIES)
_BESIDES = ("arrived", "queued", "filtered", "dropped", "unencrypted", ACCEPTED)
_WANTED = array_text((*_SAID, *CHANGES))
_ROWS = (
    "SELECT json_group_array(json_array(kind, account, mailbox, detail)) FROM"
    " (SELECT kind, account, mailbox, detail FROM journal WHERE number BETWEEN :first AND :last"
    " AND kind IN (SELECT value FROM json_each(:kinds)) ORDER BY number) AS chosen"
)


# -- sealing

Sealed = tuple[int, int, int, int, bytes]


@one_moment
def made(cursor: Cursor) -> Sealed | None:
    """The next span, ready to be put; None where the journal has not gone that far yet."""
    first = 1 + _last(cursor)
    last = number(
        cursor,
        "SELECT number FROM journal WHERE number >= :first ORDER BY number LIMIT 1 OFFSET :span",
        {"first": first, "span": SPAN - 1},
    )
    if not last:
        return None
    since, until = cursor.execute(
        "SELECT min(at), max(at) FROM journal WHERE number BETWEEN :first AND :last",
        {"first": first, "last": last},
    ).fetchone()
    return first, last, since, until, bloom(_keys(cursor, first, last))


def _last(cursor: Cursor) -> int:
    """Of the rows that are sealed; of those that are gone where none is."""
    sealed = number(cursor, "SELECT max(last) FROM trail", {})
    return max(sealed, number(cursor, "SELECT min(number) FROM journal", {}) - 1)


def _keys(cursor: Cursor, first: int, last: int) -> set[str]:
    rows = cursor.execute(_ROWS, {"first": first, "last": last, "kinds": _WANTED}).fetchone()
    found: set[str] = set()
    for kind, account, mailbox, text in json.loads(rows[0]):
        if kind not in _SAID:
            found.add(f"b:{account}/{mailbox}")
            if '"of"' in text:
                found.add(f"b:{account}/{json.loads(text)['of'][0]}")
            continue
        said = json.loads(text)
        found.add("t:" + bare(said.get("transaction", "")))
        found.add("m:" + said.get("message_id", ""))
        if kind != ACCEPTED:
            found.add(f"q:{said.get('entry', 0)}")
        for address in _addresses(said, Part.EITHER):
            found.update(("a:" + address, "d:" + address.rpartition("@")[2]))
    return found


def put(tx: Transaction, sealed: Sealed) -> None:
    """Keeps a span, and forgets those whose rows are gone."""
    tx.execute(
        "INSERT INTO trail (first, last, since, until, keys)"
        " VALUES (:first, :last, :since, :until, :keys) ON CONFLICT (first) DO NOTHING",
        dict(zip(("first", "last", "since", "until", "keys"), sealed, strict=True)),
    )
    tx.execute("DELETE FROM trail WHERE last < (SELECT min(number) FROM journal)", {})


# -- searching


@one_moment
def search(cursor: Cursor, wanted: Sought, before: int, limit: int) -> Traced:
    """See `ports.Trail.search`."""
    found: list[JournalEntry] = []
    needle, matches = _needle(wanted), _test(wanted)
    bound = before or number(cursor, "SELECT max(number) FROM journal", {}) + 1
    for looked, (first, last) in enumerate(_spans(cursor, wanted, bound), 1):
        numbers = _numbers(cursor, first, min(last, bound - 1), needle, wanted)
        for entry in reversed(journal.some(cursor, numbers)):
            if matches(json.loads(entry.detail)):
                found.append(entry)
        if len(found) >= limit:
            return Traced(found[:limit], found[limit - 1].number)
        if looked >= LOOKED_AT:
            return Traced(found, first)
    return Traced(found)


def _spans(cursor: Cursor, wanted: Sought, bound: int) -> Iterator[tuple[int, int]]:
    """Those that may have something, newest first, after what is not sealed yet."""
    tail = _last(cursor) + 1
    for last in range(bound - 1, tail - 1, -SPAN):
        yield max(tail, last - SPAN + 1), last
    asked = [Question(key) for key in _asked(wanted)]
    rows = cursor.execute(
        "SELECT first, last, keys FROM trail WHERE first < :bound AND until >= :since"
        " AND since <= :until ORDER BY first DESC",
        {"bound": bound, "since": wanted.since, "until": wanted.until or 1 << 62},
    )
    for first, last, keys in rows:
        if all(question(keys) for question in asked):
            yield first, last


def _asked(wanted: Sought) -> Iterator[str]:
    if wanted.transaction:
        yield "t:" + bare(wanted.transaction)
    if wanted.message_id:
        yield "m:" + wanted.message_id
    if wanted.entry:
        yield f"q:{wanted.entry}"
    if wanted.address.startswith("@"):
        yield "d:" + wanted.address[1:]
    elif wanted.address:
        yield "a:" + wanted.address


def _numbers(cursor: Cursor, first: int, last: int, needle: str, wanted: Sought) -> Sequence[int]:
    """Rows that may be meant."""
    kinds = TRIES if wanted.entry else _SAID
    row = cursor.execute(
        "SELECT group_concat(number) FROM journal WHERE number BETWEEN :first AND :last"
        " AND kind IN (SELECT value FROM json_each(:kinds)) AND at BETWEEN :since AND :until"
        " AND instr(lower(detail), :needle) > 0 ORDER BY number",
        {
            "first": first,
            "last": last,
            "kinds": array_text(kinds),
            "since": wanted.since,
            "until": wanted.until or 1 << 62,
            "needle": needle,
        },
    ).fetchone()
    return integers(row[0])


def _needle(wanted: Sought) -> str:
    """What stands in every row that is meant, as JSON writes it; the longest there is."""
    texts = (wanted.transaction, wanted.message_id, wanted.address)
    return json.dumps(max(texts, key=len))[1:-1].lower() or "{"


def _test(wanted: Sought) -> Callable[[Mapping[str, Any]], bool]:
    def matches(said: Mapping[str, Any]) -> bool:
        if wanted.entry and said.get("entry") != wanted.entry:
            return False
        if wanted.message_id and said.get("message_id") != wanted.message_id:
            return False
        if wanted.transaction and bare(said.get("transaction", "")) != bare(wanted.transaction):
            return False
        if not wanted.address:
            return True
        known = _addresses(said, wanted.part)
        if wanted.address.startswith("@"):
            return any(one.endswith(wanted.address) for one in known)
        return wanted.address in known

    return matches


def _addresses(said: Mapping[str, Any], part: Part) -> list[str]:
    """Folded."""
    found = []
    if part is not Part.RECIPIENT:
        found.append(said.get("sender", ""))
    if part is not Part.SENDER:
        found += said.get("recipients", ())[:RECIPIENTS]
        found.append(said.get("recipient", ""))
    return [one.lower() for one in found if one]


def bare(transaction: str) -> str:
    """Of all hand-overs that a transaction was cut into: LMTP's are one for each recipient."""
    return transaction.partition(".")[0]


@one_moment
def commit(cursor: Cursor, entry: JournalEntry) -> Sequence[JournalEntry]:
    """See `ports.Trail.commit`."""
    said = json.loads(entry.detail)
    row = cursor.execute(
        "SELECT group_concat(number) FROM journal WHERE number BETWEEN :first AND :last"
        " AND kind IN (SELECT value FROM json_each(:kinds))"
        " AND CASE WHEN detail = '' THEN FALSE"
        " ELSE json_extract(detail, '$.transaction') = :token END",
        {
            "first": entry.number - NEAR,
            "last": entry.number + NEAR,
            "kinds": array_text(_BESIDES),
            "token": said.get("transaction", ""),
        },
    ).fetchone()
    return journal.some(cursor, integers(row[0]))
