"""What became of queue entries: all that waits to be recorded is written together.

A record is fenced by its lease's token: it is held against its entries in the same transaction
that changes them, so of two runners that tried one entry only the newer one is believed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from mailhub.model.change import Actor, Dequeued
from mailhub.model.errors import MailhubError
from mailhub.model.queue import Attempt, AttemptResult
from mailhub.store import contents
from mailhub.store.arrivals import arrive
from mailhub.store.orders import Order
from mailhub.store.sql import array_text, item, numbers_in, put_rows, storable
from mailhub.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Record:
    """What one call wants recorded, together or not at all."""

    token: int
    attempts: Sequence[Attempt]
    actor: Actor


@dataclass(slots=True)
class _Entry:
    """An entry while records are carried out, with what its message lends to the journal."""

    number: int
    message: int
    token: int
    attempts: int
    recipient: str
    sender: str
    account: int | None
    transaction: str
    message_id: str
    blob: tuple[int, int, int]
    last: Attempt | None = None
    warned: bool = False

    @property
    def ended(self) -> bool:
        """Whether its last attempt was its end."""
        return self.last is not None and self.last.due is None


@dataclass(slots=True)
class _Batch:
    tx: Transaction
    entries: dict[int, _Entry] = field(default_factory=dict)


def record_with(tx: Transaction, record: Record, notices: Sequence[Order]) -> Sequence[int]:
    """Records, and delivers `notices` with it. See `ports.Queue.record`."""
    batch = _looked_up(tx, [record])
    stale = _stale(batch, record)
    if stale:
        return stale
    for outcome in arrive(tx, notices):
        if isinstance(outcome, MailhubError):
            raise outcome
    _apply(batch, record)
    _write(batch)
    return ()


def record_all(tx: Transaction, records: Sequence[Record]) -> list[Sequence[int]]:
    """Carries the records out in their sequence; for each the numbers that it must not touch, and
    where there are any, nothing of it is done."""
    batch = _looked_up(tx, records)
    outcomes: list[Sequence[int]] = []
    for record in records:
        stale = _stale(batch, record)
        if not stale:
            _apply(batch, record)
        outcomes.append(stale)
    _write(batch)
    return outcomes


_LOOK_UP = f"""
    SELECT json_group_array(json_array(e.number, e.message, e.token, e.attempts, e.recipient,
        m.sender, m.account, m.transaction_id, m.message_id, m.segment, m.start, m.length))
    FROM json_each(:numbers) AS w CROSS JOIN queue_entry AS e CROSS JOIN queue_message AS m
    WHERE e.number = {item("w")} AND m.number = e.message ORDER BY w.key
"""


def _looked_up(tx: Transaction, records: Sequence[Record]) -> _Batch:
    numbers = {attempt.entry for record in records for attempt in record.attempts}
    rows = json.loads(tx.execute(_LOOK_UP, {"numbers": array_text(numbers)}).fetchone()[0])
    batch = _Batch(tx)
    for number, message, token, attempts, recipient, sender, *rest in rows:
        account, transaction, message_id, *blob = rest
        batch.entries[number] = _Entry(
            number=number,
            message=message,
            token=token,
            attempts=attempts,
            recipient=recipient,
            sender=sender,
            account=account,
            transaction=transaction,
            message_id=message_id,
            blob=(blob[0], blob[1], blob[2]),
        )
    return batch


def _stale(batch: _Batch, record: Record) -> tuple[int, ...]:
    """The record's entries that are gone or have seen a newer token."""
    stale = []
    for attempt in record.attempts:
        entry = batch.entries.get(attempt.entry)
        if entry is None or entry.ended or entry.token > record.token:
            stale.append(attempt.entry)
    return tuple(stale)


def _apply(batch: _Batch, record: Record) -> None:
    ended = []
    number = 0
    for attempt in record.attempts:
        entry = batch.entries[attempt.entry]
        entry.token = record.token
        entry.attempts += attempt.result is not AttemptResult.DISCARDED
        entry.last = attempt
        entry.warned = entry.warned or attempt.warned
        number = batch.tx.journal(
            attempt.result.value, record.actor, entry.account, detail=_detail(entry, attempt)
        )
        if attempt.due is None:
            ended.append(attempt.entry)
    if ended:
        batch.tx.tell(Dequeued(number, tuple(ended)))


def _detail(entry: _Entry, attempt: Attempt) -> str:
    return json.dumps(
        {
            "entry": entry.number,
            "message": entry.message,
            "transaction": entry.transaction,
            "message_id": entry.message_id,
            "sender": entry.sender,
            "recipient": entry.recipient,
            "attempt": entry.attempts,
            "at": attempt.at,
            "status": attempt.status,
            "reply": attempt.reply,
            "remote": attempt.remote,
            "source": attempt.source,
            "tls": attempt.tls,
            "due": attempt.due,
        }
    )


_UPDATE = """
    UPDATE queue_entry SET due = news.due, attempts = news.attempts, token = news.token,
        warned = max(queue_entry.warned, news.warned), tried = news.tried, status = news.status,
        reply = news.reply, remote = news.remote
    FROM news WHERE queue_entry.number = news.number
"""


def _write(batch: _Batch) -> None:
    touched = sorted(
        (entry for entry in batch.entries.values() if entry.last), key=lambda one: one.number
    )
    _write_ends(batch.tx, [entry for entry in touched if entry.ended])
    put_rows(
        batch.tx.cursor,
        "WITH news (number, due, attempts, token, warned, tried, status, reply, remote) AS (VALUES",
        [
            (
                entry.number,
                attempt.due,
                entry.attempts,
                entry.token,
                int(entry.warned),
                attempt.at,
                storable(attempt.status),
                storable(attempt.reply),
                storable(attempt.remote),
            )
            for entry in touched
            if (attempt := entry.last) is not None and not entry.ended
        ],
        ")" + _UPDATE,
    )


def _write_ends(tx: Transaction, ended: Sequence[_Entry]) -> None:
    """Deletes entries; messages with their last one."""
    if not ended:
        return
    tx.execute(
        f"DELETE FROM queue_entry WHERE number IN {numbers_in('numbers')}",
        {"numbers": array_text(entry.number for entry in ended)},
    )
    tx.execute(
        f"DELETE FROM queue_message WHERE number IN {numbers_in('numbers')}"
        " AND NOT EXISTS (SELECT 1 FROM queue_entry AS e WHERE e.message = queue_message.number)",
        {"numbers": array_text({entry.message for entry in ended})},
    )
    contents.forget_blobs(tx, {entry.blob for entry in ended})
