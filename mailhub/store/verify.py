"""Reads the whole store and says what is wrong with it: every row, counter, reference and byte.

Runs beside a server (reading only) or, to repair, alone. Nothing here is on the path of mail.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

from mailhub.model.errors import MailhubError, NotFound
from mailhub.model.message import BlobRef
from mailhub.store import database
from mailhub.store.segments import ENTRY_SIZE, Files, Found, entry_at
from mailhub.store.verifying import (
    STANDING,
    TOTAL,
    Finding,
    Report,
    bodies,
    check_rows,
    damaged,
)

__all__ = ["Finding", "Report", "verify"]


def verify(
    folder: Path, repair: bool = False, progress: Callable[[int, int], None] | None = None
) -> Report:
    """Checks the store in `folder`; with `repair`, mends what can be mended without losing mail.

    `progress` hears (bytes read, bytes in all). Raises NotFound where there is no store, InUse
    for a repair while a server has it open, Unavailable for a schema that is not this version's.
    """
    if not (folder / database.NAME).exists():
        raise NotFound("There is no store in this folder")
    lock = database.lock(folder) if repair else -1
    try:
        connection = database.connect_writer(folder) if repair else database.connect_reader(folder)
        try:
            database.require_current(connection)
            begin = "BEGIN IMMEDIATE" if repair else "BEGIN"
            whole = [partial(_integrity, connection)]
            findings, counts = check_rows(connection, begin, repair, whole)
            reading = _Reading(connection, folder / "segments")
            wrong = list(reading.findings(progress))
        finally:
            connection.close()
    finally:
        if lock >= 0:
            os.close(lock)
    return Report((*findings, *wrong), *counts, reading.blobs, reading.size)


def _integrity(connection: sqlite3.Connection) -> list[Finding]:
    return [
        Finding("database", "file", str(text), False)
        for (text,) in connection.execute("PRAGMA integrity_check").fetchall()
        if text != "ok"
    ]


class _Reading:
    """Reads every blob that a row stands on and holds it against its entry and its digest."""

    def __init__(self, connection: sqlite3.Connection, segments: Path) -> None:
        self._connection = connection
        self._files = Files(segments)
        self.blobs = 0
        self.size = 0

    def findings(self, progress: Callable[[int, int], None] | None) -> Iterator[Finding]:
        """Goes through all segments in order. A server may write and compact meanwhile."""
        try:
            yield from self._go_through(progress)
        except sqlite3.DatabaseError as error:
            yield damaged(error)
        self._files.close()

    def _go_through(self, progress: Callable[[int, int], None] | None) -> Iterator[Finding]:
        total = int(self._connection.execute(TOTAL).fetchone()[0])
        for rows in bodies(self._connection):
            for segment, start, length, digest in rows:
                ref = BlobRef(segment, start, length)
                self.blobs += 1
                self.size += length
                wrong = self._wrong(ref, digest)
                if wrong:
                    yield from self._standing(ref, wrong)
            if progress is not None:
                progress(self.size, total)

    def _wrong(self, ref: BlobRef, digest: bytes) -> str:
        """What is wrong with the bytes; empty when nothing is."""
        whole = BlobRef(ref.segment, ref.offset - ENTRY_SIZE, ref.length + ENTRY_SIZE)
        try:
            data = self._files.read([whole])[0]
        except (MailhubError, OSError) as error:
            return f"cannot be read: {error}"
        if sha256(memoryview(data)[ENTRY_SIZE:]).digest() != digest:
            return "bytes do not match their checksum"
        if entry_at(data, ref.segment, ref.offset) != Found(ref, digest):
            return "entry does not match its row"
        return ""

    def _standing(self, ref: BlobRef, wrong: str) -> Iterator[Finding]:
        """A finding for each row on the blob; none when compaction moved it meanwhile."""
        key = {"segment": ref.segment, "start": ref.offset}
        where = f"segment {ref.segment} offset {ref.offset} length {ref.length}"
        for (text,) in self._connection.execute(STANDING, key).fetchall():
            yield Finding("damaged-bytes", where, f"{text}: {wrong}", False)
