"""Making the tables in an empty database, and knowing whose they are."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.errors import Unavailable
from mailhub.store import marks, schema
from mailhub.store.faults import DriverError
from mailhub.store.postgres import bodies, kept, keyring, news, roll, search, stepping
from mailhub.store.postgres.connection import AgainError, Connection
from mailhub.store.postgres.steps import BASE, STEPS, Step, newest
from mailhub.store.postgres.translation import table

TABLES = (
    # Who follows all accounts' mail goes by the order in which it came.
    "CREATE INDEX content_key ON content (key)",
    *bodies.TABLES,
    kept.TABLE,
    *keyring.TABLES,
    news.TABLE,
    *roll.TABLES,
    stepping.TABLE,
    *search.TABLES,
)
"""What this store has beyond the tables of all."""
_MAKING = 5_640_114
"""A lock's number: two processes that start together make the tables once."""


LOCKED = "55P03"
"""SQLSTATE: a lock was not had in time."""
TRIES = 5
BRIEF = 2000
"""How often a new step is tried, and milliseconds that it waits for a table that others read:
meanwhile they wait for it."""


def prepare(where: str, steps: Sequence[Step] = STEPS) -> None:
    """Makes the tables where there are none, and takes the first part of steps that are missing.
    Raises Outdated for a schema that is past what this version knows, Unavailable for one that it
    never knew, or a database that is away."""
    connection = Connection(where)
    try:
        for left in reversed(range(TRIES)):
            try:
                _prepare(connection, steps)
                return
            except DriverError as error:
                connection.roll_back()
                state = getattr(error.__cause__, "sqlstate", None)
                if not left or not (isinstance(error, AgainError) or state == LOCKED):
                    raise
    finally:
        connection.close()


def _prepare(connection: Connection, steps: Sequence[Step]) -> None:
    connection.begin()
    connection.execute(f"SELECT pg_advisory_xact_lock({_MAKING})")
    head = steps[-1].head if steps else BASE
    if not _made(connection, steps):
        for statement in (*schema.TABLES, *TABLES):
            connection.execute(table(statement))
        connection.execute("INSERT INTO alembic_version VALUES (:head)", {"head": head})
        stepping.made(connection, steps)
    else:
        # As every commit does: nobody writes meanwhile.
        connection.execute("SELECT value FROM counter WHERE name = 'journal' FOR UPDATE")
        connection.wait(BRIEF)
        if stepping.expand(connection, steps):
            connection.execute("UPDATE alembic_version SET version_num = :head", {"head": head})
    connection.commit()


def _made(connection: Connection, steps: Sequence[Step]) -> bool:
    there = connection.execute("SELECT to_regclass('alembic_version')").fetchone()[0]
    if there is None:
        return False
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    revision = row[0] if row is not None else ""
    marks.refuse(revision)
    stands = connection.execute("SELECT to_regclass('schema_step')").fetchone()[0] is not None
    newer = stands and stepping.newest_taken(connection) > newest(steps)
    if not stands or not (newer or revision in {BASE, *(one.head for one in steps)}):
        raise Unavailable("The database was made by another version of this program")
    return True
