"""Opening the SQLite database: how it is tuned, made, and brought to the newest schema."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import struct
from pathlib import Path

from mailhub.model.errors import InUse, Unavailable
from mailhub.store import marks, schema

NAME = "mail.sqlite"
PAGE_SIZE = 4096
CACHED_STATEMENTS = 512

_PATIENCE = "PRAGMA busy_timeout = 10000"
_COMMON = f"""
    {_PATIENCE};
    PRAGMA temp_store = MEMORY;
    PRAGMA secure_delete = OFF;
    PRAGMA cache_size = -32768;
    PRAGMA wal_autocheckpoint = 0;
"""
# mmap_size stays 0: a disk error under a map is a signal that kills the process, not an error.
_WRITER = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
"""


def connect_writer(folder: Path) -> sqlite3.Connection:
    """The one connection that writes. Raises sqlite3.Error."""
    _make_private(folder)
    connection = _connect(folder)
    connection.executescript(f"PRAGMA page_size = {PAGE_SIZE};{_COMMON}{_WRITER}")
    return connection


def _make_private(folder: Path) -> None:
    """Makes the file where it is missing: SQLite would make it readable for all. The log takes the
    database's mode.

    One that exists is not opened, for closing it again would drop the locks that SQLite has on it
    (see `LogLength`).
    """
    try:
        os.close(os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return


def connect_reader(folder: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = _connect(folder)
    connection.executescript(f"{_COMMON} PRAGMA query_only = ON;")
    return connection


def connect_checkpointer(folder: Path) -> sqlite3.Connection:
    """A connection for moving the log's pages into the database."""
    connection = _connect(folder)
    connection.executescript(f"{_COMMON} PRAGMA synchronous = FULL;")
    return connection


def begin_log_anew(connection: sqlite3.Connection, wait: int) -> bool:
    """Moves the whole log into the database and cuts it to nothing; whether it is. Nobody writes
    meanwhile; who reads has `wait` milliseconds to come to the end. To be called between commits,
    on a connection that writes."""
    try:
        connection.execute(f"PRAGMA busy_timeout = {wait}")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        return False  # a checkpoint that failed changed nothing that matters
    finally:
        connection.execute(_PATIENCE)
    return not busy


def _connect(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        folder / NAME,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=CACHED_STATEMENTS,
    )


def prepare(folder: Path) -> None:
    """Makes the database, or brings an older one to `schema.HEAD` after copying it.

    Raises Unavailable for a database that a newer mailhub wrote.
    """
    connection = connect_writer(folder)
    try:
        revision = make_ready(connection)
    finally:
        connection.close()
    marks.refuse(revision)
    if revision and revision != schema.HEAD:
        # Alembic and SQLAlchemy cost half a second to import: only who migrates pays that.
        from mailhub.store.migrate import migrate

        migrate(folder / NAME, revision)


def make_ready(connection: sqlite3.Connection) -> str:
    """Makes the tables where there are none; else the revision that they are of, whichever."""
    revision = _revision(connection)
    if not revision:
        _make(connection)
    return revision


def require_current(connection: sqlite3.Connection) -> None:
    """Raises Unavailable for a schema that is not this version's."""
    revision = _revision(connection)
    marks.refuse(revision)
    if revision != schema.HEAD:
        raise Unavailable("The store is of another version: start the server once to migrate it")


def lock(folder: Path) -> int:
    """Takes the store for this process; the handle that holds it. Raises InUse."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise InUse("Another process has this store open") from None
    return handle


def _revision(connection: sqlite3.Connection) -> str:
    """The schema's revision; empty for a database without tables."""
    made = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'"
    ).fetchone()
    if made is None:
        return ""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        raise Unavailable("The database has no schema revision")
    return str(row[0])


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in schema.TABLES:
        connection.execute(statement)
    connection.execute("INSERT INTO alembic_version VALUES (:head)", {"head": schema.HEAD})
    connection.execute("COMMIT")


class LogLength:
    """How many pages stand in the write-ahead log.

    Read from the log's index, whose header holds the count of committed frames 16 bytes from its
    start (SQLite's walformat, section 2.1): asking SQLite would need a checkpoint.

    The file stays open as long as connections are. The kernel gives up all locks that a process
    has on a file when it closes any handle of it, SQLite's too: the next process that opens the
    database, `mailhub verify` say, would take the log's index for abandoned and cut it to nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{NAME}-shm"
        self._handle = -1

    def pages(self) -> int:
        """0 when there is no log."""
        try:
            if self._handle < 0 or not os.fstat(self._handle).st_nlink:
                # The last connection closed, and SQLite made another file since.
                self.close()
                self._handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            field = os.pread(self._handle, 4, 16)
        except OSError:
            return 0
        return int(struct.unpack("=I", field)[0]) if len(field) == 4 else 0

    def close(self) -> None:
        """Only when no connection is open."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)
