"""A database and the list of what it refers to in a bucket, both as of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from heapq import merge
from pathlib import Path

from mailhub.model.errors import Unavailable
from mailhub.store import sealing
from mailhub.store.carrying import lists
from mailhub.store.carrying.lists import Body
from mailhub.store.faults import DriverError
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.dump import dump
from mailhub.store.s3.names import OBJECT, is_sealed
from mailhub.store.sql import Cursor, number

LIST = "bodies"
"""The list's name, beside the database's copy."""
PAGE = 1000
"""Rows that are read at a time."""


def copy(where: str, to: Path) -> None:
    """Writes the database into the file `to`, and what it refers to in the bucket beside it.
    Blocks. Raises StorageFull, Unavailable."""
    try:
        with closing(Connection(where)) as connection:
            # It waits for the copy, which may take as long as it likes.
            connection.execute("SET idle_in_transaction_session_timeout = 0")
            connection.execute("BEGIN")
            moment = connection.execute("SELECT pg_export_snapshot()").fetchone()[0]
            lists.write(to.with_name(LIST), identity(connection), objects(connection))
            dump(where, to, moment)
    except DriverError as error:
        raise Unavailable(f"The database cannot be read: {error.__cause__}") from error


def identity(cursor: Cursor) -> str:
    """The database's own name, as its bucket has it; empty where it has put nothing there."""
    found = number(cursor, "SELECT value FROM counter WHERE name = 'database'", {})
    return f"{found:014x}" if found else ""


def objects(cursor: Cursor) -> Iterator[Body]:
    """What rows refer to in the bucket, in the order of numbers."""
    last = 0
    for segment, length in merge(_of(cursor, "content"), _of(cursor, "queue_message")):
        if segment != last:
            last = segment
            yield Body(segment, sealing.sealed_size(length) if is_sealed(segment) else length)


def _of(cursor: Cursor, table: str) -> Iterator[tuple[int, int]]:
    after = OBJECT - 1
    page = (
        f"SELECT DISTINCT segment, length FROM {table} WHERE segment > :after"
        " ORDER BY segment LIMIT :page"
    )
    while rows := cursor.execute(page, {"after": after, "page": PAGE}).fetchall():
        yield from rows
        after = rows[-1][0]
