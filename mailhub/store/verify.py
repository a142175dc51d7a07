"""Reads the whole store and says what is wrong with it: every row, counter, reference and byte.

Runs beside a server (reading only) or, to repair, alone. Nothing here is on the path of mail.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from mailhub.model.errors import MailhubError, NotFound
from mailhub.model.message import BlobRef
from mailhub.store import database
from mailhub.store.checks import CHECKS, Check
from mailhub.store.segments import ENTRY_SIZE, Files, Found, entry_at

LISTED = 1000
"""Findings of one kind that are listed; more are counted."""
CHUNK = 256
"""Blobs that are looked up at a time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong. `kind`: which rule. `where`: rows or bytes of what. `repaired`: done now."""

    kind: str
    where: str
    text: str
    repairable: bool
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at and what was found."""

    findings: tuple[Finding, ...]
    accounts: int
    mailboxes: int
    messages: int
    blobs: int
    bytes: int

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong, or no longer."""
        return all(finding.repaired for finding in self.findings)


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
            findings, counts = _check_rows(connection, repair)
            reading = _Reading(connection, folder / "segments")
            damaged = list(reading.findings(progress))
        finally:
            connection.close()
    finally:
        if lock >= 0:
            os.close(lock)
    return Report((*findings, *damaged), *counts, reading.blobs, reading.size)


def _check_rows(
    connection: sqlite3.Connection, repair: bool
) -> tuple[list[Finding], tuple[int, int, int]]:
    """All rules, on one snapshot. A database too damaged to be asked is a finding as well."""
    connection.execute("BEGIN IMMEDIATE" if repair else "BEGIN")
    findings: list[Finding] = []
    steps: list[Callable[[], list[Finding]]] = [partial(_integrity, connection)]
    steps += [partial(_run, connection, check, repair) for check in CHECKS]
    for step in steps:
        try:
            findings += step()
        except sqlite3.DatabaseError as error:
            findings.append(Finding("database", "file", str(error), False))
    accounts, mailboxes, messages = (
        _count(connection, table) for table in ("account", "mailbox", "message")
    )
    try:
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        findings.append(Finding("database", "file", str(error), False))
    return findings, (accounts, mailboxes, messages)


def _count(connection: sqlite3.Connection, table: str) -> int:
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    except sqlite3.DatabaseError:
        return 0  # The rules above have said so already.


def _integrity(connection: sqlite3.Connection) -> list[Finding]:
    return [
        Finding("database", "file", str(text), False)
        for (text,) in connection.execute("PRAGMA integrity_check").fetchall()
        if text != "ok"
    ]


def _run(connection: sqlite3.Connection, check: Check, repair: bool) -> list[Finding]:
    broken = connection.execute(check.query).fetchmany(LISTED)
    repaired = False
    if broken and repair and check.repairs:
        for statement in check.repairs:
            connection.execute(statement)
        repaired = connection.execute(check.query).fetchone() is None
    return [
        Finding(check.kind, "rows", str(text), bool(check.repairs), repaired) for (text,) in broken
    ]


_BLOBS = """
    SELECT segment, start, length, digest FROM (
        SELECT segment, start, length, digest FROM content
        WHERE (segment, start) > (:segment, :start)
        UNION SELECT segment, start, length, digest FROM queue_message
        WHERE (segment, start) > (:segment, :start))
    ORDER BY segment, start LIMIT :limit
"""
_TOTAL = """
    SELECT coalesce(sum(length), 0) FROM (SELECT segment, start, length FROM content
        UNION SELECT segment, start, length FROM queue_message)
"""
_STANDING = """
    SELECT 'account ' || m.account || ' mailbox ' || m.mailbox || ' uid ' || m.uid
    FROM content AS c JOIN message AS m ON m.account = c.account AND m.content = c.key
    WHERE c.segment = :segment AND c.start = :start
    UNION ALL SELECT 'queued message ' || number FROM queue_message
    WHERE segment = :segment AND start = :start
"""


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
            yield Finding("database", "file", str(error), False)
        self._files.close()

    def _go_through(self, progress: Callable[[int, int], None] | None) -> Iterator[Finding]:
        total = int(self._connection.execute(_TOTAL).fetchone()[0])
        place: dict[str, object] = {"segment": 0, "start": 0, "limit": CHUNK}
        while rows := self._connection.execute(_BLOBS, place).fetchall():
            for segment, start, length, digest in rows:
                ref = BlobRef(segment, start, length)
                self.blobs += 1
                self.size += length
                wrong = self._wrong(ref, digest)
                if wrong:
                    yield from self._standing(ref, wrong)
            place["segment"], place["start"] = rows[-1][0], rows[-1][1]
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
        for (text,) in self._connection.execute(_STANDING, key).fetchall():
            yield Finding("damaged-bytes", where, f"{text}: {wrong}", False)
