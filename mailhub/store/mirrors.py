"""Which accounts a directory keeps, as rows. What follows from it is core's."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Sequence

from mailhub.model.change import Actor
from mailhub.model.directory import Mirror
from mailhub.model.errors import NotFound
from mailhub.store.services import Runner
from mailhub.store.sql import Cursor, Row, number
from mailhub.store.transaction import Transaction

_COLUMNS = "account, key, place, digest, addresses, seen, locked"


def _get(cursor: Cursor, account: int) -> Mirror | None:
    row = cursor.execute(
        f"SELECT {_COLUMNS} FROM mirror WHERE account = :account", {"account": account}
    ).fetchone()
    return None if row is None else _mirror(row)


def _by_key(cursor: Cursor, key: str) -> Mirror | None:
    row = cursor.execute(f"SELECT {_COLUMNS} FROM mirror WHERE key = :key", {"key": key}).fetchone()
    return None if row is None else _mirror(row)


def _all(cursor: Cursor) -> Sequence[Mirror]:
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM mirror ORDER BY account", {}).fetchall()
    return [_mirror(row) for row in rows]


def _put(tx: Transaction, mirror: Mirror, actor: Actor) -> None:
    account = {"account": mirror.account}
    if not number(tx.cursor, "SELECT count(*) FROM account WHERE number = :account", account):
        raise NotFound("No such account")
    values = {
        **account,
        "key": mirror.key,
        "place": mirror.place,
        "digest": mirror.digest,
        "addresses": json.dumps(mirror.addresses),
        "seen": mirror.seen,
        "locked": int(mirror.locked),
    }
    before = _get(tx.cursor, mirror.account)
    # Whoever had the key before is gone here, or was given another one there.
    tx.cursor.execute("DELETE FROM mirror WHERE key = :key OR account = :account", values)
    tx.cursor.execute(
        f"INSERT INTO mirror ({_COLUMNS})"
        " VALUES (:account, :key, :place, :digest, :addresses, :seen, :locked)",
        values,
    )
    if before is None or (before.digest, before.locked) != (mirror.digest, mirror.locked):
        detail = json.dumps({"key": mirror.key, "locked": mirror.locked})
        tx.journal("mirrored", actor, mirror.account, detail=detail)


def _mirror(row: Row) -> Mirror:
    account, key, place, digest, addresses, seen, locked = row
    return Mirror(account, key, place, digest, tuple(json.loads(addresses)), seen, bool(locked))


class MirrorService:
    """`ports.Mirrors`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def get(self, account: int) -> Awaitable[Mirror | None]:
        return self._runner.read(_get, account)

    def by_key(self, key: str) -> Awaitable[Mirror | None]:
        return self._runner.read(_by_key, key)

    def all(self) -> Awaitable[Sequence[Mirror]]:
        return self._runner.read(_all)

    def put(self, mirror: Mirror, actor: Actor) -> Awaitable[None]:
        return self._runner.write(_put, mirror, actor)
