"""How messages come in: deliveries and appends, a whole batch of them at a time.

Everything that is waiting is looked up, checked, given its UIDs and written together, in about
a dozen statements whatever the count (see `sql` for why that matters). Each order in the batch
succeeds or fails on its own: it is checked in full before any of it takes effect.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mailhub.model.change import Arrived, ArrivedRow
from mailhub.model.decision import Once
from mailhub.model.errors import LimitReached, MailhubError, NotFound, OverQuota
from mailhub.model.message import Arrival, BlobRef
from mailhub.store import filters, flag_notes, queue
from mailhub.store.arriving import Batch, Box, Usage, write
from mailhub.store.expiry import expires
from mailhub.store.keywords import encode
from mailhub.store.orders import Entry, Order
from mailhub.store.schema import KEY_SHIFT
from mailhub.store.sql import array_text, item, storable
from mailhub.store.threads import Threads
from mailhub.store.transaction import Transaction

SAME_DATE = 60
"""Seconds between taking a message in and its commit, which is its final delivery: the time that
INTERNALDATE tells (RFC 9051 2.3.3)."""
_USES = 2
"""Where `uses` stands in a content row."""

_THREAD = 8
"""Where `thread` stands in it."""

Outcome = Sequence[Arrival] | MailhubError


def arrive(tx: Transaction, orders: Sequence[Order]) -> list[Outcome]:
    """Carries the orders out in their sequence; one outcome each."""
    batch = Batch(tx, Threads(tx))
    entries = [entry for order in orders for entry in order.entries]
    _look_up_tokens(batch, [order.token for order in orders if order.again and order.token])
    _look_up_boxes(batch, entries)
    _look_up_marks(batch, orders)
    batch.threads.look_up((entry.account, entry.rendered) for entry in entries)
    outcomes = [_carry_out(batch, order) for order in orders]
    write(batch)
    return outcomes


def _look_up_tokens(batch: Batch, tokens: Sequence[str]) -> None:
    if not tokens:
        return
    rows = batch.tx.execute(
        "SELECT token, arrivals FROM handover"
        " WHERE token IN (SELECT value FROM json_each(:tokens))",
        {"tokens": array_text(tokens)},
    ).fetchall()
    for token, arrivals in rows:
        batch.known[token] = [Arrival(*row) for row in json.loads(arrivals)]


_BOXES = """
    SELECT json_group_array(json_array(b.account, b.number, b.uidvalidity, b.uidnext,
        b.highestmodseq, b.retention, u.used_storage, u.used_messages, u.limit_storage,
        u.limit_messages))
    FROM json_each(:wanted) AS wanted CROSS JOIN mailbox AS b CROSS JOIN usage AS u
    WHERE u.account = b.account AND b.account =
"""
_INBOXES = _BOXES + f"{item('wanted')} AND b.name = 'INBOX' ORDER BY wanted.key"
_NUMBERED = _BOXES + f"{item('wanted', 0)} AND b.number = {item('wanted', 1)} ORDER BY wanted.key"


def _look_up_marks(batch: Batch, orders: Sequence[Order]) -> None:
    wanted = {
        (one.account, one.once.key)
        for order in orders
        for one in order.outgoing
        if one.once is not None
    }
    if wanted:
        batch.done = filters.marked(batch.tx.cursor, wanted, batch.tx.now)


def _look_up_boxes(batch: Batch, entries: Sequence[Entry]) -> None:
    inboxes = {entry.account for entry in entries if entry.mailbox is None}
    numbers = {(entry.account, entry.mailbox) for entry in entries if entry.mailbox is not None}
    if inboxes:
        for row in _aggregated(batch.tx, _INBOXES, array_text(inboxes)):
            # The INBOX may be named by its number elsewhere in the batch: one counter for both.
            box = Box(*row[:6])
            batch.boxes[box.account, None] = batch.boxes[box.account, box.number] = box
            batch.usages[box.account] = Usage(*row[6:])
    numbers -= batch.boxes.keys()
    if numbers:
        for row in _aggregated(batch.tx, _NUMBERED, array_text(numbers)):
            box = Box(*row[:6])
            batch.boxes[box.account, box.number] = box
            batch.usages[box.account] = Usage(*row[6:])


def _aggregated(tx: Transaction, sql: str, wanted: str) -> list[list[int]]:
    rows: list[list[int]] = json.loads(tx.execute(sql, {"wanted": wanted}).fetchone()[0])
    return rows


def _carry_out(batch: Batch, order: Order) -> Outcome:
    if order.again and order.token in batch.known:
        return batch.known[order.token]
    try:
        _check(batch, order)
        codes = [
            encode(batch.tx, entry.account, entry.flags)
            if entry.flags.keywords
            else entry.flags.system
            for entry in order.entries
        ]
    except MailhubError as refused:
        return refused
    arrivals = _place(batch, order, codes)
    _send(batch, order)
    if order.again and order.token:
        batch.known[order.token] = arrivals
        batch.handovers.append((order.token, batch.tx.now, _arrivals_text(arrivals)))
    return arrivals


def _send(batch: Batch, order: Order) -> None:
    """Queues what leaves, and writes down what is not done again soon."""
    for one in order.outgoing:
        blob = one.blob
        if one.once is not None and (one.account, one.once.key) in batch.done:
            batch.tx.freed += blob.ref.length
            continue
        if one.once is not None:
            _mark(batch, one.account, one.once)
        outgoing = queue.Outgoing(
            blob.ref, blob.digest, one.sender, one.onward, order.actor, blob.view, blob.plain
        )
        batch.outgoing.append(outgoing)
    for account, once in order.marks:
        _mark(batch, account, once)
    for note in order.notes:
        batch.tx.journal(note.kind, order.actor, note.account, detail=json.dumps(note.detail))


def _mark(batch: Batch, account: int, once: Once) -> None:
    batch.done.add((account, once.key))
    batch.marks[account, once.key] = batch.tx.now + once.seconds


def _arrivals_text(arrivals: Sequence[Arrival]) -> str:
    return array_text((a.account, a.mailbox, a.uidvalidity, a.uid, a.modseq) for a in arrivals)


def _check(batch: Batch, order: Order) -> None:
    """Raises NotFound, OverQuota or LimitReached for the order as a whole."""
    if len(order.entries) >= 1 << KEY_SHIFT:
        raise LimitReached("Too many messages at once")
    added: dict[int, tuple[int, int]] = {}
    for entry in order.entries:
        if (entry.account, entry.mailbox) not in batch.boxes:
            raise NotFound("No such mailbox")
        storage, messages = added.get(entry.account, (0, 0))
        size = len(entry.prefix) + entry.blob.ref.length
        added[entry.account] = storage + size, messages + 1
    for account, (storage, messages) in added.items():
        usage = batch.usages[account]
        limit = usage.limit_storage or batch.tx.quota
        if limit and usage.storage + storage > limit:
            raise OverQuota
        if usage.limit_messages and usage.messages + messages > usage.limit_messages:
            raise OverQuota


class _Shared:
    """Content rows of one order: copies that are alike in one account stand on one row."""

    __slots__ = ("first_key", "rows")

    def __init__(self, first_key: int) -> None:
        self.first_key = first_key
        self.rows: dict[tuple[int, bytes, BlobRef], list[Any]] = {}


def _place(batch: Batch, order: Order, codes: Sequence[int]) -> Sequence[Arrival]:
    """Gives out UIDs; one MODSEQ, journal row and change for each mailbox and order."""
    arrivals: list[Arrival] = []
    news: dict[int, tuple[Box, list[ArrivedRow]]] = {}
    shared = _Shared(batch.tx.journal_number + 1 << KEY_SHIFT)
    for entry, code in zip(order.entries, codes, strict=True):
        box = batch.boxes[entry.account, entry.mailbox]
        fresh = news.get(box.number)
        if fresh is None:
            box.modseq += 1
            fresh = news[box.number] = (box, [])
        size = len(entry.prefix) + entry.blob.ref.length
        uid = box.take(size, code)
        usage = batch.usages[entry.account]
        usage.storage += size
        usage.messages += 1
        content, thread = _content(batch, entry, shared)
        batch.count_thread(box, content, thread)
        now = batch.tx.now
        date = entry.internaldate
        if order.token and 0 <= now - date <= SAME_DATE:
            date = now
        if date == now:
            box.keep_steady(uid)
        leaves = expires(now, box.retention)
        joined = 0 if thread == content else thread
        row = (uid, box.modseq, code, date, now, size, content, leaves, joined)
        batch.messages.append((box.account, box.number, *row))
        fresh[1].append(ArrivedRow(uid, code, size, date))
        arrivals.append(Arrival(box.account, box.number, box.uidvalidity, uid, box.modseq))
    for box, rows in news.values():
        first, last = rows[0].uid, rows[-1].uid
        uids = str(first) if first == last else f"{first}:{last}"
        noted: dict[str, object] = {"transaction": order.token} if order.token else {}
        if any(row.flags for row in rows):
            pairs = [(row.uid, row.flags) for row in rows]
            noted |= flag_notes.noted(pairs, {row.flags for row in rows})
        detail = json.dumps(noted) if noted else ""
        number = batch.tx.journal(
            "arrived", order.actor, box.account, box.number, box.modseq, uids, detail
        )
        batch.tx.tell(Arrived(number, box.account, box.number, box.modseq, rows))
    return arrivals


def _content(batch: Batch, entry: Entry, shared: _Shared) -> tuple[int, int]:
    """The key of the entry's content row, and its thread."""
    ref = entry.blob.ref
    alike = (entry.account, entry.prefix, ref)
    row = shared.rows.get(alike)
    if row is not None:
        row[_USES] += 1
        return row[0], row[_THREAD]
    batch.tx.placed.append((entry.account, ref.segment))
    key = shared.first_key + len(shared.rows)
    rendered = entry.rendered
    shared.rows[alike] = row = [
        key,
        entry.account,
        1,
        ref.segment,
        ref.offset,
        ref.length,
        entry.blob.digest,
        rendered.header_length + len(entry.prefix),
        batch.threads.thread(entry.account, key, rendered),
        rendered.sent_at,
        int(rendered.attachments),
        entry.prefix,
        rendered.envelope,
        rendered.bodystructure,
        storable(rendered.subject),
        storable(rendered.message_id),
        storable("\n".join(rendered.references)),
        storable(rendered.preview),
    ]
    batch.contents.append(row)
    return key, row[_THREAD]
