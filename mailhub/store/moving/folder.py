"""SQLite and segments in a folder, as what is moved from and to."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from mailhub.model.message import BlobRef
from mailhub.store import database, segments
from mailhub.store.batch import Bytes
from mailhub.store.journal import last
from mailhub.store.moving.ends import Work
from mailhub.store.readers import FolderDesk
from mailhub.store.sql import Row
from mailhub.store.sqlite import resumed
from mailhub.store.transaction import Transaction

SEGMENTS = "segments"
LOG_PAGES = 16_000
"""Pages of the log after which it is moved into the database: 64 MB."""


class FolderSource:
    """`ends.Source`, beside a server."""

    collation = ""

    def __init__(self, folder: Path) -> None:
        self._desk = FolderDesk(folder, folder / SEGMENTS)

    @property
    def connection(self) -> sqlite3.Connection:
        connection = self._desk.connection
        connection.text_factory = _text
        return connection

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        return self._desk.read(refs)

    def last_number(self) -> int:
        return last(self.connection)

    def close(self) -> None:
        self._desk.close()


def _text(octets: bytes) -> str:
    """A text as every database can hold it: PostgreSQL's have no NUL, and SQLite takes anything."""
    return octets.decode("utf-8", "replace").replace("\0", "")


class FolderTarget:
    """`ends.Target`. The store's lock is held while this is open. Raises InUse."""

    collation = ""

    def __init__(self, folder: Path, segment_size: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = database.lock(folder)
        blobs = folder / SEGMENTS
        blobs.mkdir(mode=0o700, exist_ok=True)
        self.connection = database.connect_writer(folder)
        self._files = segments.Files(blobs)
        self._size = segment_size
        self._appender: segments.Appender | None = None
        self._log = database.LogLength(folder)

    def write(self, bodies: Sequence[Bytes], work: Work) -> Sequence[BlobRef]:
        try:
            return self._written(bodies, work)
        except BaseException:
            # The bytes stay as garbage; the next ones go to another segment.
            if self._appender is not None:
                self._appender.abandon()
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def _written(self, bodies: Sequence[Bytes], work: Work) -> Sequence[BlobRef]:
        if bodies and self._appender is None:
            # Behind what rows stand on: what a run that was ended left there is cut off.
            self._appender = resumed(self._folder, self._folder / SEGMENTS, self._size)
        refs: list[BlobRef] = []
        if bodies and self._appender is not None:
            refs = [blob.ref for blob in self._appender.append(bodies)]
        self.connection.execute("BEGIN IMMEDIATE")
        work(Transaction(self.connection, int(time.time()), 0, 0), refs)
        if bodies and self._appender is not None:
            self._appender.sync()
        self.connection.execute("COMMIT")
        if self._log.pages() > LOG_PAGES:
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return refs

    def insert(
        self, tx: Transaction, table: str, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        marks = ", ".join("?" * len(columns))
        head = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        self.connection.executemany(head, rows)

    def share(self, tx: Transaction, segments: Collection[int]) -> None:
        """Bytes of segments are anybody's."""

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        return self._files.read(refs)

    def last_number(self) -> int:
        return last(self.connection)

    def close(self) -> None:
        if self._appender is not None:
            self._appender.abandon()
        self._files.close()
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()
        self._log.close()
        for path in (self._folder, self._folder.parent):
            segments.sync_folder(path)
        os.close(self._lock)
