"""App passwords as rows. Which of them a password is, and what it opens, is core's."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mailhub.model.account import Scope, ScramKeys
from mailhub.model.change import Actor
from mailhub.model.errors import LimitReached, NotFound
from mailhub.model.identity import AppPassword, NewAppPassword
from mailhub.store import accounts, authlog
from mailhub.store.sql import Cursor, Row, number
from mailhub.store.transaction import Transaction

_COLUMNS = (
    "account, number, id, description, scopes, salt, iterations, stored_key, server_key, created,"
    " ttl, expires, last_used, last_address, last_event"
)


def every(cursor: Cursor, account: int, now: int) -> Sequence[AppPassword]:
    """Those that did not expire before `now`, oldest first."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM app_password WHERE account = :account"
        " AND (expires = 0 OR expires > :now) ORDER BY number",
        {"account": account, "now": now},
    ).fetchall()
    return [_password(row) for row in rows]


def add(
    tx: Transaction, account: int, order: NewAppPassword, most: int, actor: Actor
) -> AppPassword:
    """See `ports.AppPasswords.add`. Clears away the account's expired ones."""
    accounts.known(tx.cursor, account)
    key: dict[str, object] = {"account": account, "now": tx.now}
    tx.execute(
        "DELETE FROM app_password WHERE account = :account AND expires > 0 AND expires <= :now", key
    )
    count = number(tx.cursor, "SELECT count(*) FROM app_password WHERE account = :account", key)
    if count >= most:
        raise LimitReached(f"There are {most} app passwords already, remove one first")
    place = 1 + number(
        tx.cursor, "SELECT max(number) FROM app_password WHERE account = :account", key
    )
    made = AppPassword(
        account,
        place,
        order.id,
        order.description,
        order.scopes,
        order.keys,
        tx.now,
        order.ttl,
        tx.now + order.ttl if order.ttl else 0,
    )
    tx.execute(
        f"INSERT INTO app_password ({_COLUMNS}) VALUES (:account, :number, :id, :description,"
        " :scopes, :salt, :iterations, :stored, :server, :now, :ttl, :expires, 0, '', '')",
        {
            **key,
            "number": place,
            "id": made.id,
            "description": made.description,
            "scopes": " ".join(sorted(scope.value for scope in made.scopes)),
            "salt": made.keys.salt,
            "iterations": made.keys.iterations,
            "stored": made.keys.stored_key,
            "server": made.keys.server_key,
            "ttl": made.ttl,
            "expires": made.expires,
        },
    )
    _journal(tx, account, "created", made.id, actor)
    authlog.done(tx, account, "create asp", actor, target=made.id, target_name=made.description)
    return made


def remove(tx: Transaction, account: int, id: str, actor: Actor) -> None:
    """See `ports.AppPasswords.remove`."""
    key = {"account": account, "id": id}
    row = tx.execute(
        "SELECT description FROM app_password WHERE account = :account AND id = :id", key
    ).fetchone()
    if row is None:
        raise NotFound("No such app password")
    tx.execute("DELETE FROM app_password WHERE account = :account AND id = :id", key)
    _journal(tx, account, "removed", id, actor)
    authlog.done(tx, account, "delete asp", actor, target=id, target_name=row[0])
    accounts.end_sessions(tx, account, actor, "")


def _journal(tx: Transaction, account: int, what: str, id: str, actor: Actor) -> None:
    tx.journal("apppasswordchanged", actor, account, detail=json.dumps({"what": what, "id": id}))


def _password(row: Row) -> AppPassword:
    account, place, id, description, scopes, salt, iterations, stored, server, *rest = row
    keys = ScramKeys(salt, iterations, stored, server)
    return AppPassword(
        account, place, id, description, frozenset(map(Scope, scopes.split())), keys, *rest
    )
