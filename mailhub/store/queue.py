"""Queued mail as rows: how it gets in, and what an administrator does to those that wait.

What attempts do to it is in `attempts`, how it is read in `queued`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from mailhub.model.change import Actor, Dequeued, Queued
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.message import BlobRef
from mailhub.model.queue import (
    Fresh,
    Onward,
    QueueEntry,
    QueueMessage,
    QueueSender,
    Slot,
)
from mailhub.store.sql import array_text, next_numbers, numbers_in, put_rows, storable
from mailhub.store.transaction import Transaction
from mailhub.wire import address

TLS_REQUIRED, TLS_OPTIONAL = 1, 2
"""`require_tls` as it is stored; 0: as the policies of the destination say."""

SMALL = 128 * 1024
"""Octets of a message that is told of whole."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message with the recipients that it goes on to. `digest`: SHA-256 of its bytes, which are
    in `view`. `plain`: as `ports.Spool`'s."""

    blob: BlobRef
    digest: bytes
    sender: QueueSender
    onward: Sequence[Onward]
    actor: Actor
    view: memoryview
    plain: bool


def folded(written: str) -> tuple[str, str]:
    """(an address as it is compared, its domain as A-label or literal). Any text will do: what is
    no address is at least found again."""
    try:
        local, domain = address.split(written)
    except Invalid:
        text = written.lower()
        return text, text.rpartition("@")[2]
    return address.join(address.fold(local), domain), domain


def add(tx: Transaction, outgoing: Sequence[Outgoing]) -> None:
    """A row for each message and for each recipient; journals and tells of every message.

    A message whose recipients have several senders (a list's beside its author) becomes one row
    for each of those, all on one blob."""
    messages = [part for one in outgoing for part in _by_sender(one)]
    recipients = sum(len(one.onward) for one in messages)
    fresh = next_numbers(tx.cursor, {"queue_message": len(messages), "queue_entry": recipients})
    entries = count(fresh["queue_entry"])
    message_rows: list[tuple[object, ...]] = []
    entry_rows: list[tuple[object, ...]] = []
    for number, one in enumerate(messages, fresh["queue_message"]):
        message_rows.append(_message_row(number, one, tx.now))
        tx.placed.append((0, one.blob.segment))
        slots = []
        for recipient, entry in zip(one.onward, entries, strict=False):
            written = storable(recipient.recipient)
            key, lane = folded(written)
            key = key if key != written else ""
            slots.append(Slot(entry, recipient.due, recipient.lane or lane))
            entry_rows.append(_entry_row(slots[-1], number, recipient, written, key))
        _tell_queued(tx, number, one, slots, _fresh(number, one, slots, tx.now))
    put_rows(
        tx.cursor,
        "INSERT INTO queue_message (number, account, created, segment, start, length, digest,"
        " sender, sender_key, ret, envid, body, utf8, require_tls, local, transaction_id,"
        " message_id) VALUES",
        message_rows,
    )
    put_rows(
        tx.cursor,
        "INSERT INTO queue_entry (number, message, due, held, lane, attempts, token, warned, route,"
        " home, tried, recipient, recipient_key, notify, orcpt, status, reply, remote) VALUES",
        entry_rows,
    )


def _by_sender(one: Outgoing) -> Sequence[Outgoing]:
    if all(recipient.sender is None for recipient in one.onward):
        return (one,)
    parts: dict[str, list[Onward]] = {}
    for recipient in one.onward:
        sender = one.sender.address if recipient.sender is None else recipient.sender
        parts.setdefault(sender, []).append(recipient)
    return [
        replace(one, sender=replace(one.sender, address=sender), onward=onward)
        for sender, onward in parts.items()
    ]


def _message_row(number: int, one: Outgoing, now: int) -> tuple[object, ...]:
    sender, blob = one.sender, one.blob
    return (
        number,
        sender.account,
        # What is held back (RFC 4865) grows old from its release on.
        max(now, min(recipient.due for recipient in one.onward)),
        blob.segment,
        blob.offset,
        blob.length,
        one.digest,
        storable(sender.address),
        storable(folded(sender.address)[0]),
        sender.ret,
        storable(sender.envid),
        sender.body,
        int(sender.utf8),
        TLS_REQUIRED if sender.require_tls else TLS_OPTIONAL * sender.tls_optional,
        int(sender.local),
        sender.transaction,
        storable(sender.message_id),
    )


def _entry_row(
    slot: Slot, message: int, one: Onward, recipient: str, key: str
) -> tuple[object, ...]:
    waiting = (slot.number, message, slot.due, 0, slot.lane)
    tried = (0, 0, 0, 0, one.home, 0)
    whom = (recipient, key, ",".join(one.notify), storable(one.orcpt))
    return (*waiting, *tried, *whom, "", "", "")


def _fresh(number: int, one: Outgoing, slots: Sequence[Slot], now: int) -> Fresh | None:
    """The message as it would be read back; None where it is not small, has to wait, or has
    anything that changes when it is stored."""
    sender, size = one.sender, len(one.view)
    said = (sender.address, sender.envid, sender.message_id)
    if not 0 < size <= SMALL or (sender.require_tls and sender.tls_optional):
        return None
    if any(slot.due > now for slot in slots) or any(storable(text) != text for text in said):
        return None
    entries = []
    for slot, to in zip(slots, one.onward, strict=True):
        if storable(to.recipient) != to.recipient or storable(to.orcpt) != to.orcpt:
            return None
        entries.append(
            QueueEntry(
                number=slot.number,
                message=number,
                sender=sender,
                recipient=to.recipient,
                notify=tuple(to.notify),
                orcpt=to.orcpt,
                size=size,
                created=now,
                due=slot.due,
                attempts=0,
                lane=slot.lane,
                home=to.home,
            )
        )
    message = QueueMessage(number, sender, one.blob, now)
    return Fresh(message, tuple(entries), bytes(one.view), one.plain)


def _tell_queued(
    tx: Transaction, number: int, one: Outgoing, slots: Sequence[Slot], fresh: Fresh | None
) -> None:
    detail = {
        "message": number,
        "transaction": one.sender.transaction,
        "entries": [slot.number for slot in slots],
    }
    entry = tx.journal("queued", one.actor, one.sender.account, detail=json.dumps(detail))
    tx.tell(Queued(entry, tuple(slots), fresh, new=True))


# -- acts on those that wait

_CHOSEN = (
    "SELECT json_group_array(json_array(e.number, e.due, e.lane, e.held))"
    f" FROM {numbers_in('numbers', distinct=True)} AS w"
    " CROSS JOIN queue_entry AS e WHERE e.number = w.value ORDER BY e.number"
)
_AMONG = f"WHERE number IN {numbers_in('numbers')}"


def hold(tx: Transaction, numbers: Sequence[int], held: bool, actor: Actor) -> int:
    """See `ports.Queue.hold`."""
    chosen = [slot for slot, is_held in _chosen(tx, numbers) if is_held is not held]
    if chosen:
        changed = [slot.number for slot in chosen]
        tx.execute(
            f"UPDATE queue_entry SET held = :held {_AMONG}",
            {"held": int(held), "numbers": array_text(changed)},
        )
        entry = _note(tx, "held" if held else "released", actor, changed)
        tx.tell(Dequeued(entry, tuple(changed)) if held else Queued(entry, tuple(chosen)))
    return len(chosen)


def retry(tx: Transaction, numbers: Sequence[int], due: int, actor: Actor) -> int:
    """See `ports.Queue.retry`."""
    chosen = [(Slot(slot.number, due, slot.lane), held) for slot, held in _chosen(tx, numbers)]
    return _set(tx, "due", due, chosen, "retried", actor)


def reroute(tx: Transaction, numbers: Sequence[int], route: int, actor: Actor) -> int:
    """See `ports.Queue.reroute`."""
    if route:
        known = tx.execute("SELECT 1 FROM route WHERE number = :route", {"route": route}).fetchone()
        if known is None:
            raise NotFound("No such route")
    return _set(tx, "route", route, _chosen(tx, numbers), "rerouted", actor)


def _set(
    tx: Transaction,
    column: str,
    value: int,
    chosen: Sequence[tuple[Slot, bool]],
    kind: str,
    actor: Actor,
) -> int:
    """Changes one column of the entries; those that are not held are told of."""
    if not chosen:
        return 0
    changed = [slot.number for slot, _ in chosen]
    tx.execute(
        f"UPDATE queue_entry SET {column} = :value {_AMONG}",
        {"value": value, "numbers": array_text(changed)},
    )
    entry = _note(tx, kind, actor, changed)
    waiting = tuple(slot for slot, held in chosen if not held)
    if waiting:
        tx.tell(Queued(entry, waiting))
    return len(chosen)


def _chosen(tx: Transaction, numbers: Sequence[int]) -> list[tuple[Slot, bool]]:
    """Those that exist, each with whether it is held, in number order."""
    rows = json.loads(tx.execute(_CHOSEN, {"numbers": array_text(numbers)}).fetchone()[0])
    return [(Slot(number, due, lane), bool(held)) for number, due, lane, held in sorted(rows)]


def _note(tx: Transaction, kind: str, actor: Actor, numbers: Sequence[int]) -> int:
    return tx.journal(kind, actor, detail=json.dumps({"entries": numbers}))
