"""Reading the queue: entries, messages, and when who is due.

Bulk reads fold their rows into one (see `sql`). What narrows a list reads through all entries,
which takes some 10 ms for 100,000 of them: indexes would cost every delivery a page for each
domain. A sender has one, and as messages and entries are numbered in one order, its entries come
out of it without a sort.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mailhub.model.message import BlobRef
from mailhub.model.queue import (
    Attempt,
    AttemptResult,
    Destination,
    Fresh,
    Loaded,
    QueueEntry,
    QueueFilter,
    QueueMessage,
    QueueSender,
    Slot,
    Suppression,
)
from mailhub.store.queue import TLS_OPTIONAL, TLS_REQUIRED, folded
from mailhub.store.sql import Cursor, array_text, item, like, number, numbers_in, one_moment

ATTEMPTS = 1000
"""Most tries of one entry that are shown, the newest."""
_SENDER = (
    "m.sender, m.ret, m.envid, m.body, m.utf8, m.account, m.transaction_id, m.message_id,"
    " m.require_tls, m.local"
)
_SENDER_WIDTH = 10
_ENTRY = (
    "e.number, e.message, e.recipient, e.notify, e.orcpt, m.length, m.created, e.due, e.attempts,"
    " e.lane, e.held, e.warned, e.route, e.home, e.status, e.reply, e.remote, e.tried"
)
_LOAD = (
    f"SELECT json_group_array(json_array({_SENDER}, {_ENTRY}, m.segment, m.start, m.length,"
    f" m.created)) FROM {numbers_in('numbers', distinct=True)} AS w"
    " CROSS JOIN queue_entry AS e CROSS JOIN queue_message AS m"
    " WHERE e.number = w.value AND m.number = e.message ORDER BY e.number"
)
_SUPPRESSED = (
    "SELECT s.key, s.status, s.reply, s.created FROM json_each(:numbers) AS w"
    f" CROSS JOIN queue_entry AS e CROSS JOIN suppression AS s WHERE e.number = {item('w')}"
    " AND s.key = coalesce(nullif(e.recipient_key, ''), e.recipient)"
)
_ENTRIES = f"SELECT json_group_array(json_array({_SENDER}, {_ENTRY})) FROM"


def _sender(row: Sequence[Any]) -> QueueSender:
    address, ret, envid, body, utf8, account, transaction, message_id, require_tls, local = row
    return QueueSender(
        address=address,
        ret=ret,
        envid=envid,
        body=body,
        utf8=bool(utf8),
        account=account,
        transaction=transaction,
        message_id=message_id,
        require_tls=require_tls == TLS_REQUIRED,
        tls_optional=require_tls == TLS_OPTIONAL,
        local=bool(local),
    )


def _entry(row: Sequence[Any], sender: QueueSender | None = None) -> QueueEntry:
    entry, message, recipient, notify, orcpt, size, created, due, *rest = row[_SENDER_WIDTH:]
    attempts, lane, held, warned, route, home, status, reply, remote, tried = rest
    return QueueEntry(
        number=entry,
        message=message,
        sender=sender or _sender(row[:_SENDER_WIDTH]),
        recipient=recipient,
        notify=tuple(notify.split(",")) if notify else (),
        orcpt=orcpt,
        size=size,
        created=created,
        due=due,
        attempts=attempts,
        lane=lane,
        held=bool(held),
        warned=bool(warned),
        route=route,
        home=home,
        status=status,
        reply=reply,
        remote=remote,
        tried=tried,
    )


def _folded_rows(cursor: Cursor, sql: str, parameters: dict[str, object]) -> list[list[Any]]:
    rows: list[list[Any]] = json.loads(cursor.execute(sql, parameters).fetchone()[0])
    return rows


def _conditions(wanted: QueueFilter) -> tuple[list[str], dict[str, object]]:
    """What narrows the entries, and the values in it."""
    found: list[str] = []
    values: dict[str, object] = {}
    if wanted.numbers:
        found.append(f"e.number IN {numbers_in('numbers')}")
        values["numbers"] = array_text(wanted.numbers)
    if wanted.message:
        found.append("e.message = :message")
        values["message"] = wanted.message
    if wanted.sender is not None:
        found.append("m.sender_key = :sender")
        values["sender"] = folded(wanted.sender)[0]
    if wanted.recipient:
        found.append(":recipient IN (e.recipient, e.recipient_key)")
        values["recipient"] = folded(wanted.recipient)[0]
    if wanted.domain:
        found.append("e.lane = :domain")
        values["domain"] = folded("x@" + wanted.domain)[1]
    if wanted.before:
        found.append("m.created < :before")
        values["before"] = wanted.before
    if wanted.held is not None:
        found.append("e.held <> 0" if wanted.held else "e.held = 0")
    if wanted.query:
        found.append("(e.recipient LIKE :query ESCAPE '\\' OR m.sender LIKE :query ESCAPE '\\')")
        values["query"] = like(wanted.query)
    if wanted.account:
        found.append("m.account = :account")
        values["account"] = wanted.account
    if wanted.transaction:
        found.append("m.transaction_id = :transaction")
        values["transaction"] = wanted.transaction
    return found, values


_JOIN = "queue_entry AS e CROSS JOIN queue_message AS m"
_BY_SENDER = "queue_message AS m CROSS JOIN queue_entry AS e"
_ALONE = "queue_entry AS e"


@one_moment
def page(
    cursor: Cursor, after: int, limit: int, wanted: QueueFilter | None
) -> tuple[Sequence[QueueEntry], int]:
    """See `ports.Queue.page`."""
    wanted = wanted or QueueFilter()
    conditions, values = _conditions(wanted)
    narrowed = "".join(f" AND {one}" for one in conditions)
    values |= {"after": after, "limit": limit}
    if wanted.sender is not None:
        tables, order = _BY_SENDER, "m.number, e.number"
        from_message = (
            " AND m.number >= coalesce((SELECT message FROM queue_entry WHERE number <= :after"
            " ORDER BY number DESC LIMIT 1), 0)"
        )
    else:
        tables, order, from_message = _JOIN, "e.number", ""
    rows = _folded_rows(
        cursor,
        f"SELECT json_group_array(json(row)) FROM (SELECT json_array({_SENDER}, {_ENTRY}) AS row"
        f" FROM {tables} WHERE e.message = m.number AND e.number > :after{from_message}{narrowed}"
        f" ORDER BY {order} LIMIT :limit) AS page",
        values,
    )
    joined = any("m." in one for one in conditions)
    counted = f"{tables} WHERE e.message = m.number" if joined else f"{_ALONE} WHERE 1 = 1"
    total = number(cursor, f"SELECT count(*) FROM {counted}{narrowed}", values)
    return [_entry(row) for row in rows], total


def destinations(cursor: Cursor, limit: int) -> Sequence[Destination]:
    """See `ports.Queue.destinations`."""
    rows = cursor.execute(
        "SELECT json_group_array(json_array(lane, entries, held, due, attempts, tried)) FROM"
        " (SELECT lane, count(*) AS entries, sum(held) AS held,"
        " coalesce(min(CASE WHEN held = 0 THEN due END), 0) AS due, max(attempts) AS attempts,"
        " max(tried) AS tried FROM queue_entry GROUP BY lane"
        " ORDER BY count(*) DESC, lane LIMIT :limit) AS busiest",
        {"limit": limit},
    ).fetchone()
    return [Destination(*row) for row in json.loads(rows[0])]


def entries(cursor: Cursor, numbers: Sequence[int]) -> Sequence[QueueEntry]:
    """See `ports.Queue.entries`."""
    rows = _folded_rows(
        cursor,
        f"{_ENTRIES} {numbers_in('numbers', distinct=True)} AS w CROSS JOIN {_JOIN}"
        " WHERE e.number = w.value AND m.number = e.message ORDER BY e.number",
        {"numbers": array_text(numbers)},
    )
    return sorted((_entry(row) for row in rows), key=lambda one: one.number)


@one_moment
def load(
    cursor: Cursor, numbers: Sequence[int], each: int, together: int, known: Mapping[int, Fresh]
) -> tuple[Loaded, Sequence[BlobRef]]:
    """See `ports.Queue.load`; the blobs are those of the messages whose `data` is still empty: they
    are not `known`, or a database that went back has another one under the number."""
    values: dict[str, object] = {"numbers": array_text(numbers)}
    rows = _folded_rows(cursor, _LOAD, values)
    rows.sort(key=lambda row: int(row[_SENDER_WIDTH]))
    messages: dict[int, QueueMessage] = {}
    entries = []
    for *row, segment, start, length, created in rows:
        number = row[_SENDER_WIDTH + 1]
        message = messages.get(number)
        if message is None:
            ref = BlobRef(segment, start, length)
            message = QueueMessage(number, _sender(row[:_SENDER_WIDTH]), ref, created)
            messages[number] = message
        entries.append(_entry(row, message.sender))
    same = {n: one for n, one in known.items() if n in messages and one.message == messages[n]}
    small: dict[int, bytes] = {}
    for number, message in messages.items():
        if 0 < message.size <= min(each, together):
            small[number] = same[number].data if number in same else b""
            together -= message.size
    found = cursor.execute(_SUPPRESSED, values).fetchall()
    suppressed = [Suppression(*row) for row in found]
    refs = [messages[number].blob for number, data in small.items() if not data]
    plain = frozenset(number for number in small if number in same and same[number].plain)
    return Loaded(entries, messages, small, suppressed, plain), refs


def messages(cursor: Cursor, numbers: Sequence[int]) -> Sequence[QueueMessage]:
    """See `ports.Queue.messages`."""
    rows = _folded_rows(
        cursor,
        f"SELECT json_group_array(json_array({_SENDER}, m.number, m.segment, m.start, m.length,"
        f" m.created)) FROM {numbers_in('numbers', distinct=True)} AS w"
        " CROSS JOIN queue_message AS m WHERE m.number = w.value ORDER BY m.number",
        {"numbers": array_text(numbers)},
    )
    found = []
    for row in rows:
        message, segment, start, length, created = row[_SENDER_WIDTH:]
        ref = BlobRef(segment, start, length)
        found.append(QueueMessage(message, _sender(row[:_SENDER_WIDTH]), ref, created))
    return sorted(found, key=lambda one: one.number)


def slots(cursor: Cursor, after: int, limit: int) -> Sequence[Slot]:
    """See `ports.Queue.slots`."""
    rows = _folded_rows(
        cursor,
        "SELECT json_group_array(json_array(number, due, lane)) FROM (SELECT number, due, lane"
        " FROM queue_entry WHERE number > :after AND held = 0 ORDER BY number LIMIT :limit) AS s",
        {"after": after, "limit": limit},
    )
    return [Slot(*row) for row in rows]


def attempts(cursor: Cursor, entry: int) -> Sequence[Attempt]:
    """See `ports.Queue.attempts`. Of an entry that waits, no other kind of row is there."""
    rows = cursor.execute(
        "SELECT detail FROM journal WHERE kind = 'deferred'"
        " AND json_extract(detail, '$.entry') = :entry ORDER BY number DESC LIMIT :limit",
        {"entry": entry, "limit": ATTEMPTS},
    ).fetchall()
    return [_attempt(json.loads(detail)) for (detail,) in reversed(rows)]


def _attempt(detail: Mapping[str, Any]) -> Attempt:
    return Attempt(
        entry=detail["entry"],
        at=detail["at"],
        result=AttemptResult.DEFERRED,
        status=detail["status"],
        reply=detail["reply"],
        remote=detail["remote"],
        tls=detail["tls"],
        due=detail["due"],
        source=detail.get("source", ""),
    )


def count(cursor: Cursor) -> int:
    """How many recipients wait."""
    return number(cursor, "SELECT count(*) FROM queue_entry", {})


def newest(cursor: Cursor) -> int:
    """See `ports.Queue.newest`."""
    return number(cursor, "SELECT coalesce(max(number), 0) FROM queue_entry", {})
