"""Sieve scripts as rows. What they mean is core's."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailhub.model.change import Actor, RulesChanged
from mailhub.model.errors import AlreadyExists, InUse, LimitReached, NotFound, OverQuota
from mailhub.model.script import Allowance, Script
from mailhub.store.sql import Cursor, Row, integers, number, storable
from mailhub.store.transaction import Transaction, found

_COLUMNS = "account, name, source, active, created, modified, failure, failed"
_KEY = "WHERE account = :account AND name = :name"


def _script(row: Row) -> Script:
    account, name, source, active, *rest = row
    return Script(account, name, source, bool(active), *rest)


def scripted(cursor: Cursor) -> Sequence[int]:
    """See `ports.Scripts.scripted`."""
    row = cursor.execute(
        "SELECT group_concat(account) FROM script WHERE active = 1 ORDER BY account", {}
    ).fetchone()
    return integers(row[0])


def of_account(cursor: Cursor, account: int) -> Sequence[Script]:
    """See `ports.Scripts.of_account`."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM script WHERE account = :account ORDER BY name",
        {"account": account},
    ).fetchall()
    return [_script(row) for row in rows]


def get(cursor: Cursor, account: int, name: str) -> Script | None:
    """See `ports.Scripts.get`."""
    key = {"account": account, "name": name}
    row = cursor.execute(f"SELECT {_COLUMNS} FROM script {_KEY}", key).fetchone()
    return _script(row) if row is not None else None


def active(cursor: Cursor, account: int) -> Script | None:
    """See `ports.Scripts.active`."""
    row = cursor.execute(
        f"SELECT {_COLUMNS} FROM script WHERE account = :account AND active = 1",
        {"account": account},
    ).fetchone()
    return _script(row) if row is not None else None


def put(tx: Transaction, one: Script, allowance: Allowance, actor: Actor) -> None:
    """See `ports.Scripts.put`."""
    key = {"account": one.account}
    if not number(tx.cursor, "SELECT count(*) FROM account WHERE number = :account", key):
        raise NotFound("No such account")
    count, total = tx.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM script"
        " WHERE account = :account AND name <> :name",
        {"account": one.account, "name": one.name},
    ).fetchone()
    if count >= allowance.scripts:
        raise LimitReached("Too many scripts")
    if total + one.size > allowance.total:
        raise OverQuota("The scripts take too much room together")
    tx.execute(
        "INSERT INTO script (account, name, source, size, active, created, modified, failed,"
        " failure) VALUES (:account, :name, :source, :size, 0, :now, :now, 0, '')"
        " ON CONFLICT (account, name) DO UPDATE SET source = excluded.source,"
        " size = excluded.size, modified = excluded.modified, failed = 0, failure = ''",
        {
            "account": one.account,
            "name": one.name,
            "source": one.source,
            "size": one.size,
            "now": tx.now,
        },
    )
    _told(tx, one.account, "written", one.name, actor)


def activate(tx: Transaction, account: int, name: str, actor: Actor) -> None:
    """See `ports.Scripts.activate`."""
    if name and get(tx.cursor, account, name) is None:
        raise NotFound("No such script")
    key = {"account": account, "name": name}
    gone = tx.execute(
        "UPDATE script SET active = 0 WHERE account = :account AND active = 1 AND name <> :name",
        key,
    ).rowcount
    came = tx.execute(f"UPDATE script SET active = 1 {_KEY} AND active = 0", key).rowcount
    if gone or came:
        _told(tx, account, "activated" if name else "deactivated", name, actor)


def rename(tx: Transaction, account: int, name: str, new_name: str, actor: Actor) -> None:
    """See `ports.Scripts.rename`."""
    if get(tx.cursor, account, name) is None:
        raise NotFound("No such script")
    if get(tx.cursor, account, new_name) is not None:
        raise AlreadyExists("A script with this name exists")
    tx.execute(
        f"UPDATE script SET name = :new {_KEY}",
        {"account": account, "name": name, "new": new_name},
    )
    _told(tx, account, "renamed", new_name, actor)


def remove(tx: Transaction, account: int, name: str, actor: Actor) -> None:
    """See `ports.Scripts.remove`."""
    known = get(tx.cursor, account, name)
    if known is not None and known.active:
        raise InUse("The script is active")
    key = {"account": account, "name": name}
    found(tx.execute(f"DELETE FROM script {_KEY}", key), "script")
    _told(tx, account, "removed", name, actor)


def note_failure(tx: Transaction, account: int, name: str, failure: str) -> None:
    """See `ports.Scripts.note_failure`."""
    tx.execute(
        f"UPDATE script SET failed = :now, failure = :failure {_KEY}",
        {"account": account, "name": name, "now": tx.now, "failure": storable(failure)},
    )


def _told(tx: Transaction, account: int, what: str, name: str, actor: Actor) -> None:
    detail = json.dumps({"what": what, "name": name})
    entry = tx.journal("scriptchanged", actor, account, detail=detail)
    tx.tell(RulesChanged(entry, account, "script"))
