"""Reading the numbered record of every change; rows are written by `transaction`."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.change import Actor, JournalEntry
from mailhub.store.sql import Cursor, Row, number
from mailhub.store.transaction import Transaction

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
