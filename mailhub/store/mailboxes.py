"""Mailbox rows, their counters and subscriptions. The rules of names belong to core."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mailhub.model.change import Actor, MailboxChanged
from mailhub.model.errors import AlreadyExists, Conflict, NotFound
from mailhub.model.mailbox import Mailbox, NewMailbox
from mailhub.store import filters
from mailhub.store.conversations import thread_of
from mailhub.store.sql import Cursor, Row, next_number, number
from mailhub.store.transaction import Transaction

COUNTING = Actor(source="counting")
_SELECT = """
    SELECT b.account, b.number, b.id, b.name, b.uidvalidity, b.uidnext, b.highestmodseq,
        b.special_use, EXISTS (SELECT 1 FROM subscription s
            WHERE s.account = b.account AND s.name = b.name),
        b.messages, b.unseen, b.deleted, b.size, b.recent_from, b.created, b.retention,
        b.hidden
    FROM mailbox b
"""


def _mailbox(row: Row) -> Mailbox:
    return Mailbox(
        account=row[0],
        number=row[1],
        id=row[2],
        name=row[3],
        uidvalidity=row[4],
        uidnext=row[5],
        highestmodseq=row[6],
        special_use=row[7],
        subscribed=bool(row[8]),
        messages=row[9],
        unseen=row[10],
        deleted=row[11],
        size=row[12],
        recent_from=row[13],
        created=row[14],
        retention=row[15],
        hidden=bool(row[16]),
    )


def _one(cursor: Cursor, condition: str, parameters: Mapping[str, object]) -> Mailbox | None:
    row = cursor.execute(f"{_SELECT} WHERE {condition}", parameters).fetchone()
    return _mailbox(row) if row is not None else None


def every(cursor: Cursor, account: int) -> Sequence[Mailbox]:
    """The account's mailboxes by name, INBOX first."""
    rows = cursor.execute(
        f"{_SELECT} WHERE b.account = :account ORDER BY b.name <> 'INBOX', b.name",
        {"account": account},
    ).fetchall()
    return [_mailbox(row) for row in rows]


def get(cursor: Cursor, account: int, name: str) -> Mailbox | None:
    """The mailbox of this exact name."""
    return _one(
        cursor, "b.account = :account AND b.name = :name", {"account": account, "name": name}
    )


def by_number(cursor: Cursor, account: int, mailbox: int) -> Mailbox | None:
    """The mailbox with this number, if it is this account's."""
    return _one(
        cursor,
        "b.account = :account AND b.number = :mailbox",
        {"account": account, "mailbox": mailbox},
    )


def known(cursor: Cursor, account: int, mailbox: int) -> Mailbox:
    """As `by_number`; raises NotFound."""
    box = by_number(cursor, account, mailbox)
    if box is None:
        raise NotFound("No such mailbox")
    return box


def create(
    tx: Transaction, account: int, orders: Sequence[NewMailbox], actor: Actor
) -> Sequence[Mailbox]:
    """See `ports.Mailboxes.create`."""
    return [_create(tx, account, order, actor) for order in orders]


def _create(tx: Transaction, account: int, order: NewMailbox, actor: Actor) -> Mailbox:
    _require_free(tx.cursor, account, order.name)
    fresh = next_number(tx.cursor, "mailbox")
    tx.execute(
        "INSERT INTO mailbox (account, number, uidvalidity, uidnext, highestmodseq, messages,"
        " unseen, deleted, size, recent_from, id, name, special_use, created, retention, hidden)"
        " VALUES (:account, :number, :uidvalidity, 1, 1, 0, 0, 0, 0, 1, :id, :name, :special_use,"
        " :created, :retention, :hidden)",
        {
            "account": account,
            "number": fresh,
            "uidvalidity": _next_uidvalidity(tx, account),
            "id": order.id,
            "name": order.name,
            "special_use": order.special_use,
            "created": order.created,
            "retention": order.retention,
            "hidden": int(order.hidden),
        },
    )
    if order.subscribed:
        _put_subscription(tx, account, order.name)
    _told(tx, account, fresh, "created", order.name, "", actor, id=order.id)
    return known(tx.cursor, account, fresh)


def _next_uidvalidity(tx: Transaction, account: int) -> int:
    """Follows the clock, and grows even where the clock does not: a name that is deleted and made
    again must never show an old value (RFC 9051 2.3.1.1)."""
    given = number(
        tx.cursor,
        "UPDATE usage SET uidvalidity = max(uidvalidity + 1, :now) WHERE account = :account"
        " RETURNING uidvalidity",
        {"now": tx.now & 0x7FFFFFFF, "account": account},
    )
    if not given:
        raise NotFound("No such account")
    return given


def _require_free(cursor: Cursor, account: int, name: str) -> None:
    if get(cursor, account, name) is not None:
        raise AlreadyExists("This mailbox exists already", "mailbox")


def rename(tx: Transaction, account: int, moves: Sequence[tuple[int, str]], actor: Actor) -> None:
    """See `ports.Mailboxes.rename`. Subscriptions go with the names.

    Names may pass from one mailbox of `moves` to another, so each steps aside first.
    """
    boxes = [known(tx.cursor, account, mailbox) for mailbox, _ in moves]
    for box in boxes:
        _set_name(tx, account, box.number, f"\n{box.number}")
    for box, (_, name) in zip(boxes, moves, strict=True):
        _require_free(tx.cursor, account, name)
        _set_name(tx, account, box.number, name)
        if box.subscribed:
            _drop_subscription(tx, account, box.name)
    for box, (_, name) in zip(boxes, moves, strict=True):
        if box.subscribed:
            _put_subscription(tx, account, name)
        _told(tx, account, box.number, "renamed", name, box.name, actor, id=box.id)


def _set_name(tx: Transaction, account: int, mailbox: int, name: str) -> None:
    tx.execute(
        "UPDATE mailbox SET name = :name WHERE account = :account AND number = :mailbox",
        {"name": name, "account": account, "mailbox": mailbox},
    )


def remove(tx: Transaction, account: int, mailbox: int, actor: Actor, keep: bool = False) -> None:
    """See `ports.Mailboxes.remove`. Counters fall now; message rows are cleared later."""
    box = known(tx.cursor, account, mailbox)
    key: dict[str, object] = {"account": account, "mailbox": mailbox}
    tx.execute("DELETE FROM mailbox WHERE account = :account AND number = :mailbox", key)
    tx.execute(
        "INSERT INTO sweep (account, mailbox, source) VALUES (:account, :mailbox, :source)",
        key | {"source": mailbox if keep else 0},
    )
    _drop_subscription(tx, account, box.name)
    tx.execute(
        "UPDATE usage SET used_storage = used_storage - :size,"
        " used_messages = used_messages - :messages WHERE account = :account",
        {"size": box.size, "messages": box.messages, "account": account},
    )
    filters.mailbox_removed(tx, account, mailbox, actor)
    _told(tx, account, mailbox, "deleted", box.name, "", actor, id=box.id)


def subscribe(tx: Transaction, account: int, name: str, subscribed: bool, actor: Actor) -> None:
    """See `ports.Mailboxes.subscribe`."""
    if subscribed:
        _put_subscription(tx, account, name)
    else:
        _drop_subscription(tx, account, name)
    box = get(tx.cursor, account, name)
    what = "subscribed" if subscribed else "unsubscribed"
    _told(tx, account, box.number if box else 0, what, name, "", actor)


def _put_subscription(tx: Transaction, account: int, name: str) -> None:
    tx.execute(
        "INSERT INTO subscription (account, name) VALUES (:account, :name)"
        " ON CONFLICT (account, name) DO NOTHING",
        {"account": account, "name": name},
    )


def _drop_subscription(tx: Transaction, account: int, name: str) -> None:
    tx.execute(
        "DELETE FROM subscription WHERE account = :account AND name = :name",
        {"account": account, "name": name},
    )


def subscriptions(cursor: Cursor, account: int) -> Sequence[str]:
    """Subscribed names, mailboxes or not, sorted."""
    rows = cursor.execute(
        "SELECT name FROM subscription WHERE account = :account ORDER BY name",
        {"account": account},
    ).fetchall()
    return [row[0] for row in rows]


def by_id(cursor: Cursor, account: int, id: str) -> Mailbox | None:
    """The mailbox with this 24-hex id, if it is this account's."""
    return _one(cursor, "b.account = :account AND b.id = :id", {"account": account, "id": id})


def set_options(
    tx: Transaction, account: int, mailbox: int, retention: int, hidden: bool, actor: Actor
) -> None:
    """See `ports.Mailboxes.set_options`."""
    box = known(tx.cursor, account, mailbox)
    tx.execute(
        "UPDATE mailbox SET retention = :retention, hidden = :hidden"
        " WHERE account = :account AND number = :mailbox",
        {"retention": retention, "hidden": int(hidden), "account": account, "mailbox": mailbox},
    )
    if hidden:
        _drop_subscription(tx, account, box.name)
    _told(tx, account, mailbox, "updated", box.name, "", actor)


def number_from(
    tx: Transaction, account: int, mailbox: int, uidvalidity: int, uidnext: int, actor: Actor
) -> Mailbox:
    """See `ports.Mailboxes.number_from`."""
    box = known(tx.cursor, account, mailbox)
    if uidvalidity and uidvalidity != box.uidvalidity and box.uidnext > 1:
        raise Conflict("The mailbox has UIDs of its own")
    given = uidvalidity or _next_uidvalidity(tx, account)
    tx.execute(
        "UPDATE mailbox SET uidvalidity = :uidvalidity, uidnext = max(uidnext, :uidnext)"
        " WHERE account = :account AND number = :mailbox",
        {"uidvalidity": given, "uidnext": uidnext, "account": account, "mailbox": mailbox},
    )
    # A name that is made again later gets a greater one than any that it had.
    tx.execute(
        "UPDATE usage SET uidvalidity = max(uidvalidity, :given) WHERE account = :account",
        {"given": given, "account": account},
    )
    if given != box.uidvalidity:
        _told(tx, account, mailbox, "renumbered", box.name, "", actor)
    return known(tx.cursor, account, mailbox)


def count_again(tx: Transaction, account: int, mailbox: int) -> None:
    """See `ports.Mailboxes.count_again`. Raises NotFound."""
    box = known(tx.cursor, account, mailbox)
    key: dict[str, object] = {"account": account, "mailbox": mailbox}
    tx.execute(
        "UPDATE mailbox SET (messages, unseen, deleted, size, threads) = (SELECT count(*),"
        " count(CASE WHEN m.flags & 1 = 0 THEN 1 END), count(CASE WHEN m.flags & 8 = 8 THEN 1 END),"
        f" coalesce(sum(m.size), 0), count(DISTINCT {thread_of('m')}) FROM message AS m"
        " WHERE m.account = :account AND m.mailbox = :mailbox)"
        " WHERE account = :account AND number = :mailbox",
        key,
    )
    after = known(tx.cursor, account, mailbox)
    counters = (after.messages, after.unseen, after.deleted, after.size)
    if counters != (box.messages, box.unseen, box.deleted, box.size):
        _told(tx, account, mailbox, "updated", box.name, "", actor=COUNTING)


def set_special_use(
    tx: Transaction, account: int, mailbox: int, special_use: str, actor: Actor
) -> None:
    """Raises NotFound."""
    box = known(tx.cursor, account, mailbox)
    tx.execute(
        "UPDATE mailbox SET special_use = :use WHERE account = :account AND number = :mailbox",
        {"use": special_use, "account": account, "mailbox": mailbox},
    )
    _told(tx, account, mailbox, "special-use", box.name, "", actor)


def claim_recent(tx: Transaction, account: int, mailbox: int) -> int:
    """See `ports.Mailboxes.claim_recent`. Writes nothing where nothing is new."""
    key: dict[str, object] = {"account": account, "mailbox": mailbox}
    row = tx.execute(
        "SELECT recent_from, uidnext FROM mailbox WHERE account = :account AND number = :mailbox",
        key,
    ).fetchone()
    if row is None:
        raise NotFound("No such mailbox")
    recent_from, uidnext = row
    if recent_from < uidnext:
        tx.execute(
            "UPDATE mailbox SET recent_from = uidnext"
            " WHERE account = :account AND number = :mailbox",
            key,
        )
    return int(recent_from)


def _told(
    tx: Transaction,
    account: int,
    mailbox: int,
    what: str,
    name: str,
    old: str,
    actor: Actor,
    *,
    id: str = "",
) -> None:
    """`id`: for who reads of it when nobody finds the mailbox any more."""
    detail = {"what": what, "name": name} | ({"old_name": old} if old else {})
    detail |= {"id": id} if id else {}
    entry = tx.journal("mailboxchanged", actor, account, mailbox, detail=json.dumps(detail))
    tx.tell(MailboxChanged(entry, account, mailbox, what, name, old))
