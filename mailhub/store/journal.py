"""The numbered record of every change: read and forgotten; `transaction` writes its rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailhub.model.change import Actor, JournalEntry
from mailhub.store.sql import Cursor, Row, array_text, number, numbers_in
from mailhub.store.transaction import Transaction

STEP = 500
"""Rows that are forgotten at once: some milliseconds of the writer."""
_COLUMNS = "number, at, account, mailbox, kind, modseq, uids, actor, source, detail"


def since(cursor: Cursor, after: int, account: int | None, limit: int) -> Sequence[JournalEntry]:
    """Entries with number > after, in order; of one account where `account` is given."""
    condition = "" if account is None else " AND account = :account"
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM journal WHERE number > :after{condition}"
        " ORDER BY number LIMIT :limit",
        {"after": after, "account": account, "limit": limit},
    ).fetchall()
    return [_entry(row) for row in rows]


def some(cursor: Cursor, numbers: Sequence[int]) -> Sequence[JournalEntry]:
    """The entries with these numbers, those that are there, in their order."""
    if not numbers:
        return ()
    rows = cursor.execute(
        f"SELECT json_group_array(json_array({_COLUMNS})) FROM (SELECT {_COLUMNS} FROM journal"
        f" WHERE number IN {numbers_in('numbers')} ORDER BY number) AS chosen",
        {"numbers": array_text(numbers)},
    ).fetchone()
    return [_entry(tuple(row)) for row in json.loads(rows[0])]


def _entry(row: Row) -> JournalEntry:
    number, at, account, mailbox, kind, modseq, uids, actor, source, detail = row
    who = Actor(actor, source)
    return JournalEntry(number, at, account, mailbox, kind, modseq, uids, who, detail)


def last(cursor: Cursor) -> int:
    """The number of the newest entry; 0 when there is none."""
    return number(cursor, "SELECT max(number) FROM journal", {})


def note(tx: Transaction, account: int | None, kind: str, detail: str, actor: Actor) -> int:
    """See `ports.Journal.note`."""
    return tx.journal(kind, actor, account, detail=detail)


_OLD = """
    SELECT max(number) FROM (
        SELECT number, at FROM journal AS j
        WHERE number < (SELECT max(number) FROM journal)
            AND number <= coalesce((SELECT min(told_number) FROM webhook), number)
            AND NOT {needed}
        ORDER BY number LIMIT :step
    ) AS oldest WHERE at < :until
"""
_NEEDED = (
    "(j.kind = 'deferred' AND EXISTS (SELECT 1 FROM queue_entry AS q"
    " WHERE q.number = json_extract(j.detail, '$.entry')))"
)


def purge(tx: Transaction, keep: int) -> bool:
    """See `ports.Events.purge`.

    What stays: tries of mail that still waits, what a webhook was not told yet, and the newest row,
    after which the next one is numbered.
    """
    key: dict[str, object] = {"step": STEP, "until": tx.now - keep}
    last = number(tx.cursor, _OLD.format(needed=_NEEDED), key)
    if not last:
        return False
    tx.execute(
        f"DELETE FROM journal AS j WHERE number <= :last AND at < :until AND NOT {_NEEDED}",
        {"last": last, "until": key["until"]},
    )
    return True
