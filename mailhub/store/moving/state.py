"""What a target knows of its filling, in tables of its own that go when it is done: how far the
source's journal was followed for each account, and where bodies are that several rows stand on."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.change import Actor
from mailhub.model.errors import InUse, Unavailable
from mailhub.store import marks, schema
from mailhub.store.moving.ends import Source, Target
from mailhub.store.sql import Cursor, number
from mailhub.store.transaction import Transaction

TABLES = (
    # name: lineage, to, revision. Says what is moved where.
    "CREATE TABLE IF NOT EXISTS moving (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # journal: the source's newest row before the account was gone through.
    "CREATE TABLE IF NOT EXISTS moving_account (account BIGINT PRIMARY KEY, journal BIGINT"
    " NOT NULL)",
    # name: a digest in hex.
    "CREATE TABLE IF NOT EXISTS moving_body (name TEXT PRIMARY KEY, segment BIGINT NOT NULL,"
    " start BIGINT NOT NULL, length BIGINT NOT NULL)",
)
NAMES = ("moving", "moving_account", "moving_body")
MOVER = Actor(source="mailhub migrate")
LINEAGE = "lineage "
"""Begins the name of a counter: two stores that have it in common hold the same mail at different
times."""


def revision(cursor: Cursor) -> str:
    """The schema's, or a mark."""
    row = cursor.execute("SELECT version_num FROM alembic_version", {}).fetchone()
    return str(row[0]) if row is not None else ""


def set_revision(cursor: Cursor, value: str) -> None:
    cursor.execute("UPDATE alembic_version SET version_num = :value", {"value": value})


def require_served(cursor: Cursor) -> None:
    """Raises Unavailable where no server of this version could be on it."""
    found = revision(cursor)
    marks.refuse(found)
    if found != schema.HEAD:
        raise Unavailable("The store is of another version: start the server once to migrate it")


def said(cursor: Cursor, name: str) -> str:
    """What was kept under a name; empty for nothing."""
    row = cursor.execute("SELECT value FROM moving WHERE name = :name", {"name": name}).fetchone()
    return str(row[0]) if row is not None else ""


def say(cursor: Cursor, name: str, value: str) -> None:
    cursor.execute(
        "INSERT INTO moving (name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        {"name": name, "value": value},
    )


def lineages(cursor: Cursor) -> set[str]:
    """Moves that this store's mail has come through."""
    rows = cursor.execute(f"SELECT name FROM counter WHERE name LIKE '{LINEAGE}%'", {}).fetchall()
    return {name.removeprefix(LINEAGE) for (name,) in rows}


def begin(source: Source, target: Target, lineage: str) -> None:
    """Marks the target as being filled, by what it was: an empty store, one that a run before was
    filling, or one that the source's mail was in before. Raises InUse for anything else."""
    found = revision(target.connection)
    _require_movable(source.connection, target.connection, found, lineage)
    if found == schema.HEAD:
        _require_empty(target.connection)
    elif found == marks.MOVED:
        if said(target.connection, "lineage") not in lineages(source.connection):
            raise InUse("What is to be filled is a store whose mail went somewhere else")
    elif found != marks.FILLING:
        raise Unavailable("What is to be filled is a store of another version")
    else:
        before = said(target.connection, "lineage")
        if before and before != lineage:
            raise InUse("What is to be filled is being filled from another store")
        return

    def work(tx: Transaction, _: object) -> None:
        for statement in TABLES:
            tx.execute(statement, {})
        tx.execute("DELETE FROM moving_account", {})
        say(tx.cursor, "lineage", lineage)
        set_revision(tx.cursor, marks.FILLING)

    target.write((), work)


def moved_before(source: Cursor, target: Cursor) -> bool:
    """Whether a run did all of it, and was perhaps ended before it could say so."""
    marked = revision(source) == marks.MOVED and revision(target) == schema.HEAD
    return marked and said(source, "lineage") in lineages(target)


def _require_movable(source: Cursor, target: Cursor, found: str, lineage: str) -> None:
    """Raises Unavailable for a source that is not one that servers start on, unless a run was ended
    just after it had marked it."""
    begun = found == marks.FILLING and said(target, "lineage") == lineage
    if not (begun and revision(source) == marks.MOVED):
        require_served(source)


def _require_empty(cursor: Cursor) -> None:
    for table in ("account", "domain", "journal", "queue_message"):
        if number(cursor, f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1) AS one", {}):
            raise InUse("What is to be filled holds a store already; it has to be empty")


def note(target: Target, account: int, journal: int) -> None:
    """An account was gone through."""
    target.connection.execute(
        "INSERT INTO moving_account (account, journal) VALUES (:account, :journal)"
        " ON CONFLICT (account) DO UPDATE SET journal = excluded.journal",
        {"account": account, "journal": journal},
    )


def all_noted(target: Target, journal: int) -> None:
    """Every account was gone through whose changes are before that row of the journal."""
    target.connection.execute(
        "UPDATE moving_account SET journal = :journal WHERE journal < :journal",
        {"journal": journal},
    )


def noted(cursor: Cursor, first: int, last: int) -> dict[int, int]:
    """How far each of the accounts between these two was followed."""
    return dict(
        cursor.execute(
            "SELECT account, journal FROM moving_account WHERE account BETWEEN :first AND :last",
            {"first": first, "last": last},
        ).fetchall()
    )


def lowest(cursor: Cursor) -> int:
    """How far all of them were followed that were gone through at all."""
    return number(cursor, "SELECT min(journal) FROM moving_account", {})


def changed_since(cursor: Cursor, after: int) -> Sequence[tuple[int, int]]:
    """Accounts that the journal speaks of after that row, each with its newest row."""
    rows = cursor.execute(
        "SELECT account, max(number) FROM journal WHERE number > :after AND account IS NOT NULL"
        " GROUP BY account",
        {"after": after},
    ).fetchall()
    return [(int(account), int(newest)) for account, newest in rows]
