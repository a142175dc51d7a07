"""Making the tables in an empty database, and knowing whose they are."""

from __future__ import annotations

from mailhub.model.errors import Unavailable
from mailhub.store import marks, schema
from mailhub.store.postgres import bodies, kept, keyring, news, roll, search, stepping
from mailhub.store.postgres.connection import Connection
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


def prepare(where: str) -> None:
    """Makes the tables where there are none. Raises Unavailable for a schema that is not this
    version's, or a database that is away."""
    connection = Connection(where)
    try:
        connection.begin()
        connection.execute(f"SELECT pg_advisory_xact_lock({_MAKING})")
        if not _made(connection):
            for statement in (*schema.TABLES, *TABLES):
                connection.execute(table(statement))
            connection.execute("INSERT INTO alembic_version VALUES (:head)", {"head": schema.HEAD})
        connection.commit()
    finally:
        connection.close()


def _made(connection: Connection) -> bool:
    there = connection.execute("SELECT to_regclass('alembic_version')").fetchone()[0]
    if there is None:
        return False
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    marks.refuse(row[0] if row is not None else "")
    if row is None or row[0] != schema.HEAD:
        raise Unavailable("The database was made by another version of this program")
    return True
