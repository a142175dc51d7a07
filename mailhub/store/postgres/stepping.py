"""Which steps of the schema a database has, and taking those that it has not.

What a step is, is told in `steps`; when they are taken, in `making` and `nodes`.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.errors import Outdated
from mailhub.store.postgres.steps import Step, newest
from mailhub.store.postgres.translation import table
from mailhub.store.sql import Cursor, number, put_rows
from mailhub.store.transaction import Transaction

TABLE = """
    CREATE TABLE schema_step (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        expanded BIGINT NOT NULL,
        contracted BIGINT NOT NULL
    )
"""
"""expanded, contracted: when that part of it was done, epoch seconds; contracted: 0 for not, which
stays so where a step has no such part."""
_NOW = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)"
_PUT = "INSERT INTO schema_step (number, name, expanded, contracted) VALUES"
_OLDEST = "SELECT min(step) FROM node"
_NODES = "SELECT count(*) FROM node"
_DONE = "UPDATE schema_step SET contracted = :now WHERE number = :number"


def made(cursor: Cursor, steps: Sequence[Step]) -> None:
    """Notes that a new database is as it is after all steps."""
    now = number(cursor, _NOW, {})
    rows = [(one.number, one.name, now, now if one.contract else 0) for one in steps]
    if rows:
        put_rows(cursor, _PUT, rows)


def newest_taken(cursor: Cursor) -> int:
    """The last step that any version took here; 0 for none."""
    return number(cursor, "SELECT max(number) FROM schema_step", {})


def check(cursor: Cursor, known: int) -> None:
    """Raises Outdated where who knows steps only up to `known` may not write here."""
    done = number(cursor, "SELECT max(number) FROM schema_step WHERE contracted > 0", {})
    if done > known:
        raise Outdated(
            f"The database's schema has step {done}, and this mailhub knows only those up to"
            f" {known}: it is too old for the others that use the database"
        )


def expand(cursor: Cursor, steps: Sequence[Step]) -> Sequence[int]:
    """Takes the first part of the steps that are missing; their numbers. Raises Outdated."""
    check(cursor, newest(steps))
    rows = cursor.execute("SELECT number FROM schema_step", {}).fetchall()
    have = {one for (one,) in rows}
    taken = [step for step in steps if step.number not in have]
    now = number(cursor, _NOW, {})
    for step in taken:
        for statement in step.expand:
            cursor.execute(table(statement), {})
        put_rows(cursor, _PUT, [(step.number, step.name, now, 0)])
    return [step.number for step in taken]


def contract(tx: Transaction, steps: Sequence[Step]) -> Sequence[int]:
    """Takes the second part of steps that every node knows, in their order; their numbers. A node
    that was not heard of for some minutes counts until it is forgotten."""
    rows = tx.execute("SELECT number, contracted FROM schema_step", {}).fetchall()
    have = dict(rows)
    known = number(tx.cursor, _OLDEST, {}) if number(tx.cursor, _NODES, {}) else newest(steps)
    taken: list[int] = []
    for step in steps:
        if not step.contract or have.get(step.number, 1):
            continue
        if step.number > known:
            break
        for statement in step.contract:
            tx.execute(table(statement), {})
        tx.execute(_DONE, {"now": number(tx.cursor, _NOW, {}), "number": step.number})
        taken.append(step.number)
    return taken
