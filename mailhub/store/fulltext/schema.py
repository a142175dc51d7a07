"""The index's own database: its file, tables and how it is opened.

It holds nothing that cannot be made again from the store, so it is never migrated: one that is
missing, damaged or of another version is made anew. A commit here is not synced to the disk; after
a power cut the database is as it was a little earlier, and goes on from there.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from mailhub.store import database

NAME = "search.sqlite"
NEXT = "search.next.sqlite"
"""The one that is being made to take its place."""
ORDERED = "search.rebuild"
"""A file that stands here while it is to be made anew."""
VERSION = 3
"""Of the tables and of what documents are made of; another one is made anew."""
ACCOUNT_SHIFT = 32
"""A document's number is ACCOUNT << 32 | COUNT: what belongs to an account stands together."""

# position: the newest content that was looked at. documents: how many there are.
TABLES: tuple[str, ...] = (
    "CREATE TABLE {schema}.state (position BIGINT NOT NULL, documents BIGINT NOT NULL)",
    "INSERT INTO {schema}.state VALUES (0, 0)",
    # incomplete: something of the message is not in the index, or nothing is.
    """
    CREATE TABLE {schema}.document (
        number INTEGER PRIMARY KEY,
        content BIGINT NOT NULL,
        incomplete INTEGER NOT NULL
    )
    """,
    "CREATE INDEX {schema}.document_incomplete ON document (number) WHERE incomplete",
    # The words of a message in order, where there is more than one.
    """
    CREATE TABLE {schema}.phrases (
        number INTEGER PRIMARY KEY,
        fields TEXT NOT NULL,
        text TEXT NOT NULL
    )
    """,
    # Words come ready: what stands between spaces is one. Each begins with its account: FTS5 reads
    # what all documents have of words that begin alike, whichever of them are asked for.
    "CREATE VIRTUAL TABLE {schema}.words USING fts5 (text, content = '', detail = none,"
    " columnsize = 0, tokenize = \"ascii tokenchars '._:~'\")",
    "CREATE VIRTUAL TABLE {schema}.pieces USING fts5 (text, content = '', detail = none,"
    " columnsize = 0, tokenize = 'trigram case_sensitive 1')",
)
_TUNING = """
    PRAGMA {schema}.journal_mode = WAL;
    PRAGMA {schema}.synchronous = NORMAL;
    PRAGMA {schema}.cache_size = -16384;
    PRAGMA {schema}.wal_autocheckpoint = 4000;
"""


def make(connection: sqlite3.Connection, schema: str) -> None:
    """Makes the tables in an attached, empty database."""
    for statement in TABLES:
        connection.execute(statement.format(schema=schema))
    connection.execute(f"PRAGMA {schema}.user_version = {VERSION}")


def create(path: Path) -> sqlite3.Connection:
    """A connection that writes to a new index at `path`."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.executescript(_TUNING.format(schema="main"))
    connection.execute("BEGIN IMMEDIATE")
    make(connection, "main")
    connection.execute("COMMIT")
    return connection


def place(connection: sqlite3.Connection, path: Path, target: Path) -> None:
    """Closes the index at `path` and puts it where another one may be, in one instant."""
    connection.execute("PRAGMA wal_checkpoint (TRUNCATE)")
    connection.close()
    # The other one's log must be gone first: it would be read as the new one's.
    remove(target)
    path.replace(target)


def open_writer(path: Path) -> sqlite3.Connection:
    """A connection that writes to the index at `path`. Raises sqlite3.DatabaseError where it is
    missing, damaged or another version's."""
    connection = sqlite3.connect(
        f"file:{path}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        _require_current(connection, "main")
        connection.executescript(_TUNING.format(schema="main"))
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def open_reader(folder: Path) -> sqlite3.Connection:
    """The metadata, with the index beside it as `found`; neither can be written. Raises
    sqlite3.DatabaseError as above."""
    if not (folder / NAME).exists():  # ATTACH would make it
        raise sqlite3.DatabaseError("There is no index")
    connection = database.connect_reader(folder)
    try:
        connection.execute("ATTACH ? AS found", (str(folder / NAME),))
        _require_current(connection, "found")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _require_current(connection: sqlite3.Connection, schema: str) -> None:
    if connection.execute(f"PRAGMA {schema}.user_version").fetchone()[0] != VERSION:
        raise sqlite3.DatabaseError("The index is of another version")
    try:
        connection.execute(f"SELECT position FROM {schema}.state").fetchone()
        connection.execute(f"SELECT number FROM {schema}.phrases LIMIT 1").fetchone()
        for table in ("words", "pieces"):
            connection.execute(
                f"SELECT rowid FROM {schema}.{table} WHERE {table} MATCH 'any' LIMIT 1"
            ).fetchone()
    except sqlite3.OperationalError as error:
        raise sqlite3.DatabaseError(f"The index lacks a table: {error}") from None


def log_size(connection: sqlite3.Connection) -> int:
    """Octets of the log of an index that a connection writes to."""
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    try:
        return Path(f"{path}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def remove(path: Path) -> None:
    """Deletes the index at `path` and its log."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
