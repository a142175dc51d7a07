"""Filters, automatic replies and what they did already, as rows. What they mean is core's."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

from mailhub.model.account import Encryption
from mailhub.model.change import Actor, RulesChanged
from mailhub.model.errors import LimitReached, NotFound
from mailhub.model.filter import Actions, Autoreply, Conditions, Filter, OwnedFilter, Ruling
from mailhub.store import authlog
from mailhub.store.sql import (
    Cursor,
    array_text,
    integers,
    item,
    like,
    next_number,
    number,
    one_moment,
    put_rows,
    span,
)
from mailhub.store.transaction import Transaction
from mailhub.wire import relayurl

_COLUMNS = "account, number, id, name, disabled, created, mailbox, conditions, actions, metadata"
_EVERYBODYS = """
    FROM mail_filter AS f JOIN account AS a ON a.number = f.account
    LEFT JOIN mailbox AS b ON b.account = f.account AND b.number = f.mailbox
    WHERE (:target = '' OR EXISTS (SELECT 1 FROM json_each(f.actions, '$.forwards') AS one
    WHERE one.value LIKE :pattern ESCAPE '\\') OR EXISTS (SELECT 1
    FROM json_each(f.actions, '$.uploads') AS one WHERE one.value LIKE :pattern ESCAPE '\\'))
"""
_MARKS = f"""
    SELECT json_group_array(json_array(m.account, m.key)) FROM json_each(:wanted) AS w
    CROSS JOIN mark AS m WHERE m.account = {item("w", 0)}
    AND m.key = json_extract(w.value, '$[1]') AND m.until > :now ORDER BY w.key
"""
_PURGED = 300
"""Marks that one step drops."""

Mark = tuple[int, str]
"""Account and key."""


def _filter(row: Sequence[Any]) -> Filter:
    account, number, id, name, disabled, created, mailbox, conditions, actions, metadata = row
    done = json.loads(actions) | {"mailbox": mailbox}
    for key in ("forwards", "uploads"):
        done[key] = tuple(done.get(key, ()))
    return Filter(
        account=account,
        id=id,
        created=created,
        name=name,
        conditions=Conditions(**json.loads(conditions)),
        actions=Actions(**done),
        disabled=bool(disabled),
        number=number,
        metadata=metadata,
    )


def _columns(one: Filter) -> dict[str, object]:
    actions = _given(one.actions)
    actions.pop("mailbox", None)
    return {
        "account": one.account,
        "number": one.number,
        "id": one.id,
        "name": one.name,
        "disabled": int(one.disabled),
        "created": one.created,
        "mailbox": one.actions.mailbox,
        "conditions": json.dumps(_given(one.conditions)),
        "actions": json.dumps(actions),
        "metadata": one.metadata,
    }


def _given(values: Conditions | Actions) -> dict[str, object]:
    """What is set; the rest is as in a new one."""
    fresh = type(values)()
    found = dataclasses.asdict(values)
    return {key: value for key, value in found.items() if value != getattr(fresh, key)}


def ruled(cursor: Cursor) -> Sequence[int]:
    """See `ports.Filters.ruled`."""
    row = cursor.execute(
        "SELECT group_concat(account) FROM (SELECT account FROM mail_filter WHERE disabled = 0"
        " UNION SELECT account FROM autoreply WHERE status = 1 UNION SELECT number FROM account"
        " WHERE targets <> '[]' OR spam_level <> 50"
        " OR (public_key <> '' AND encrypt_stored + encrypt_forwarded > 0)) AS found",
        {},
    ).fetchone()
    return integers(row[0])


def ruling(cursor: Cursor, account: int) -> Ruling:
    """See `ports.Filters.ruling`."""
    row = cursor.execute(
        "SELECT name, targets, spam_level, public_key, encrypt_stored, encrypt_forwarded"
        " FROM account WHERE number = :account",
        {"account": account},
    ).fetchone()
    if row is None:
        return Ruling()
    name, targets, level, key, stored, forwarded = row
    return Ruling(
        # What applications keep with a filter is nothing to a delivery.
        tuple(
            dataclasses.replace(one, metadata="")
            for one in of_account(cursor, account)
            if not one.disabled
        ),
        autoreply(cursor, account),
        tuple(json.loads(targets)),
        level,
        name,
        Encryption(key, bool(stored), bool(forwarded)),
    )


def of_account(cursor: Cursor, account: int) -> Sequence[Filter]:
    """See `ports.Filters.of_account`."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM mail_filter WHERE account = :account ORDER BY number",
        {"account": account},
    ).fetchall()
    return [_filter(row) for row in rows]


@one_moment
def page(
    cursor: Cursor, after: int, before: int, limit: int, target: str
) -> tuple[Sequence[OwnedFilter], int]:
    """See `ports.Filters.page`."""
    parameters = {
        "after": after,
        "before": before,
        "limit": limit,
        "target": target,
        "pattern": like(target),
    }
    columns = ", ".join(f"f.{name}" for name in _COLUMNS.split(", "))
    rows = cursor.execute(
        f"SELECT {columns}, a.id, b.id, b.name {_EVERYBODYS} {span('f', before)}", parameters
    ).fetchall()
    found = [
        OwnedFilter(_filter(row), owner, (box or "", name or "")) for *row, owner, box, name in rows
    ]
    total = number(cursor, f"SELECT count(*) {_EVERYBODYS}", parameters)
    return (found[::-1] if before else found), total


def add(tx: Transaction, one: Filter, most: int, actor: Actor) -> Filter:
    """See `ports.Filters.add`."""
    key = {"account": one.account}
    if not number(tx.cursor, "SELECT count(*) FROM account WHERE number = :account", key):
        raise NotFound("No such account")
    if number(tx.cursor, "SELECT count(*) FROM mail_filter WHERE account = :account", key) >= most:
        raise LimitReached("Too many filters")
    _require_mailbox(tx, one)
    made = dataclasses.replace(one, number=next_number(tx.cursor, "mail_filter"))
    tx.execute(
        f"INSERT INTO mail_filter ({_COLUMNS}) VALUES (:account, :number, :id, :name, :disabled,"
        " :created, :mailbox, :conditions, :actions, :metadata)",
        _columns(made),
    )
    _told(tx, "filterchanged", "created", made, actor)
    authlog.done(tx, one.account, "filter added", actor, target=made.id, target_name=made.name)
    _note_forwards(tx, made, (), actor)
    return made


def _note_forwards(tx: Transaction, one: Filter, before: Sequence[str], actor: Actor) -> None:
    """Who gets at a mailbox likes to pass its mail on: its owner shall see that."""
    for target in (*one.actions.forwards, *one.actions.uploads):
        if target not in before:
            named = relayurl.shown(target)
            authlog.done(
                tx, one.account, "filter forward added", actor, target=named, target_name=one.id
            )


def replace(tx: Transaction, one: Filter, actor: Actor) -> None:
    """See `ports.Filters.replace`."""
    _require_mailbox(tx, one)
    before = next((old for old in of_account(tx.cursor, one.account) if old.id == one.id), one)
    changed = tx.execute(
        "UPDATE mail_filter SET name = :name, disabled = :disabled, mailbox = :mailbox,"
        " conditions = :conditions, actions = :actions, metadata = :metadata"
        " WHERE account = :account AND id = :id",
        _columns(one),
    )
    if changed.rowcount == 0:
        raise NotFound("No such filter")
    _told(tx, "filterchanged", "updated", one, actor)
    _note_forwards(tx, one, (*before.actions.forwards, *before.actions.uploads), actor)


def remove(tx: Transaction, account: int, id: str, actor: Actor) -> None:
    """See `ports.Filters.remove`."""
    known = next((one for one in of_account(tx.cursor, account) if one.id == id), None)
    if known is None:
        raise NotFound("No such filter")
    _drop(tx, known, actor)


def mailbox_removed(tx: Transaction, account: int, mailbox: int, actor: Actor) -> None:
    """Filters that would put messages into a mailbox go with it."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM mail_filter WHERE account = :account AND mailbox = :mailbox",
        {"account": account, "mailbox": mailbox},
    ).fetchall()
    for row in rows:
        _drop(tx, _filter(row), actor)


def _drop(tx: Transaction, one: Filter, actor: Actor) -> None:
    tx.execute(
        "DELETE FROM mail_filter WHERE account = :account AND number = :number",
        {"account": one.account, "number": one.number},
    )
    _told(tx, "filterchanged", "removed", one, actor)


def _require_mailbox(tx: Transaction, one: Filter) -> None:
    """Raises NotFound."""
    if one.actions.mailbox and not number(
        tx.cursor,
        "SELECT count(*) FROM mailbox WHERE account = :account AND number = :mailbox",
        {"account": one.account, "mailbox": one.actions.mailbox},
    ):
        raise NotFound("No such mailbox")


def _told(tx: Transaction, kind: str, what: str, one: Filter, actor: Actor) -> None:
    detail: dict[str, object] = {"what": what, "id": one.id}
    if what != "removed" and one.actions.forwards:
        detail["forwards"] = list(one.actions.forwards)
    entry = tx.journal(kind, actor, one.account, detail=json.dumps(detail))
    tx.tell(RulesChanged(entry, one.account, "filter"))


# -- automatic replies


def autoreply(cursor: Cursor, account: int) -> Autoreply | None:
    """See `ports.Filters.autoreply`."""
    row = cursor.execute(
        "SELECT account, status, name, subject, text, html, starts, ends FROM autoreply"
        " WHERE account = :account",
        {"account": account},
    ).fetchone()
    return Autoreply(row[0], bool(row[1]), *row[2:]) if row is not None else None


def set_autoreply(tx: Transaction, one: Autoreply, actor: Actor) -> None:
    """See `ports.Filters.set_autoreply`."""
    key = {"account": one.account}
    if not number(tx.cursor, "SELECT count(*) FROM account WHERE number = :account", key):
        raise NotFound("No such account")
    tx.execute(
        "INSERT INTO autoreply (account, status, name, subject, text, html, starts, ends)"
        " VALUES (:account, :status, :name, :subject, :text, :html, :starts, :ends)"
        " ON CONFLICT (account) DO UPDATE SET status = excluded.status, name = excluded.name,"
        " subject = excluded.subject, text = excluded.text, html = excluded.html,"
        " starts = excluded.starts, ends = excluded.ends",
        dataclasses.asdict(one) | {"status": int(one.status)},
    )
    _told_reply(tx, one.account, "on" if one.status else "off", actor)


def remove_autoreply(tx: Transaction, account: int, actor: Actor) -> None:
    """See `ports.Filters.remove_autoreply`."""
    gone = tx.execute("DELETE FROM autoreply WHERE account = :account", {"account": account})
    if gone.rowcount:
        _told_reply(tx, account, "removed", actor)


def _told_reply(tx: Transaction, account: int, what: str, actor: Actor) -> None:
    entry = tx.journal("autoreplychanged", actor, account, detail=json.dumps({"what": what}))
    tx.tell(RulesChanged(entry, account, "autoreply"))


# -- what was done once


def marked(cursor: Cursor, wanted: Iterable[Mark], now: int) -> set[Mark]:
    """Those of `wanted` that hold at `now`."""
    row = cursor.execute(_MARKS, {"wanted": array_text(wanted), "now": now}).fetchone()
    return {(account, key) for account, key in json.loads(row[0])}


def mark(tx: Transaction, rows: Sequence[tuple[int, str, int]]) -> None:
    """Writes account, key, and until when it holds."""
    put_rows(
        tx.cursor,
        "INSERT INTO mark (account, key, until) VALUES",
        rows,
        "ON CONFLICT (account, key) DO UPDATE SET until = excluded.until",
    )


def purge_marks(tx: Transaction) -> bool:
    """Drops some marks that hold no more; whether there were any."""
    gone = tx.execute(
        "DELETE FROM mark WHERE (account, key) IN (SELECT account, key FROM mark"
        " WHERE until <= :now LIMIT :step)",
        {"now": tx.now, "step": _PURGED},
    )
    return gone.rowcount > 0


def keys_marked(cursor: Cursor, account: int, keys: Iterable[str], now: int) -> set[str]:
    """See `ports.Filters.marked`."""
    return {key for _, key in marked(cursor, [(account, key) for key in keys], now)}
