"""Queued recipients: rows of messages that go on to other servers."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.message import BlobRef
from mailhub.model.queue import Onward, QueueEntry, QueueSender
from mailhub.store.sql import Cursor, Row, next_number, number, put_rows
from mailhub.store.transaction import Transaction

_SELECT = """
    SELECT e.number, e.message, m.sender, m.ret, m.envid, m.body, m.utf8, m.account, e.recipient,
        e.notify, e.orcpt, m.length, m.created, e.due, e.attempts
    FROM queue_entry e JOIN queue_message m ON m.number = e.message
"""


def _entry(row: Row) -> QueueEntry:
    return QueueEntry(
        number=row[0],
        message=row[1],
        sender=QueueSender(row[2], row[3], row[4], row[5], bool(row[6]), row[7]),
        recipient=row[8],
        notify=tuple(row[9].split(",")) if row[9] else (),
        orcpt=row[10],
        size=row[11],
        created=row[12],
        due=row[13],
        attempts=row[14],
    )


def add(
    tx: Transaction,
    ref: BlobRef,
    digest: bytes,
    sender: QueueSender,
    onward: Sequence[Onward],
) -> range:
    """One message row and an entry for each recipient; the entries' numbers."""
    message = next_number(tx.cursor, "queue_message")
    tx.execute(
        "INSERT INTO queue_message (number, sender, ret, envid, body, utf8, account, created,"
        " segment, start, length, digest) VALUES (:number, :sender, :ret, :envid, :body, :utf8,"
        " :account, :created, :segment, :start, :length, :digest)",
        {
            "number": message,
            "sender": sender.address,
            "ret": sender.ret,
            "envid": sender.envid,
            "body": sender.body,
            "utf8": int(sender.utf8),
            "account": sender.account,
            "created": tx.now,
            "segment": ref.segment,
            "start": ref.offset,
            "length": ref.length,
            "digest": digest,
        },
    )
    first = next_number(tx.cursor, "queue_entry", len(onward))
    put_rows(
        tx.cursor,
        "INSERT INTO queue_entry (number, message, recipient, notify, orcpt, due, attempts) VALUES",
        [
            (first + place, message, one.recipient, ",".join(one.notify), one.orcpt, one.due, 0)
            for place, one in enumerate(onward)
        ],
    )
    return range(first, first + len(onward))


def page(cursor: Cursor, after: int, limit: int) -> Sequence[QueueEntry]:
    """Entries with number > after, in number order."""
    rows = cursor.execute(
        f"{_SELECT} WHERE e.number > :after ORDER BY e.number LIMIT :limit",
        {"after": after, "limit": limit},
    ).fetchall()
    return [_entry(row) for row in rows]


def count(cursor: Cursor) -> int:
    """How many recipients wait."""
    return number(cursor, "SELECT count(*) FROM queue_entry", {})
