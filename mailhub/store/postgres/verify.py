"""Reads all of a database's store and says what is wrong with it, beside the servers that use it.

The same rules as everywhere (`checks`), and each body against its digest, wherever it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from mailhub.model.errors import Corrupt
from mailhub.model.message import BlobRef
from mailhub.store.checks import CHECKS, Check
from mailhub.store.faults import DRIVER
from mailhub.store.sql import Cursor, number
from mailhub.store.verifying import (
    STANDING,
    TOTAL,
    Body,
    Finding,
    Report,
    bodies,
    check_rows,
    damaged,
)

OWN = (
    Check(
        "counter",
        "SELECT 'the counter journal is behind' FROM counter AS c WHERE c.name = 'journal'"
        " AND c.value < (SELECT max(number) FROM journal)",
    ),
)
"""Rules of this store alone."""
PIECE = 8 << 20
"""Bytes of bodies that are in memory at a time; a larger body is alone there."""
Read = Callable[[Sequence[BlobRef]], Sequence[bytes]]
Progress = Callable[[int, int], None]


def verify(
    cursor: Cursor, read: Read, repair: bool = False, progress: Progress | None = None
) -> Report:
    """Checks the store that `cursor` reads, in transactions of its own, and the bodies that `read`
    reads; with `repair`, which no server may run beside, mends what can be mended without losing
    mail. `progress` hears (bytes read, bytes in all)."""
    begin = "BEGIN ISOLATION LEVEL READ COMMITTED" if repair else "BEGIN"
    findings, counts = check_rows(cursor, begin, repair, checks=(*CHECKS, *OWN))
    reading = _Reading(cursor, read)
    wrong = list(reading.findings(progress))
    return Report((*findings, *wrong), *counts, reading.blobs, reading.size)


class _Reading:
    """Reads every body that a row stands on."""

    def __init__(self, cursor: Cursor, read: Read) -> None:
        self._cursor = cursor
        self._read = read
        self.blobs = 0
        self.size = 0

    def findings(self, progress: Progress | None) -> Iterator[Finding]:
        """Goes through all of them in order. Servers may write meanwhile."""
        try:
            yield from self._go_through(progress)
        except DRIVER as error:
            yield damaged(error)

    def _go_through(self, progress: Progress | None) -> Iterator[Finding]:
        total = number(self._cursor, TOTAL, {})
        for rows in bodies(self._cursor):
            for chosen in _pieces(rows):
                yield from self._piece(chosen)
            if progress is not None:
                progress(self.size, total)

    def _piece(self, chosen: Sequence[tuple[BlobRef, bytes]]) -> Iterator[Finding]:
        datas = self._datas([ref for ref, _ in chosen])
        for (ref, digest), data in zip(chosen, datas, strict=True):
            self.blobs += 1
            self.size += ref.length
            if data is None:
                yield from self._standing(ref, "cannot be read")
            elif sha256(data).digest() != digest:
                yield from self._standing(ref, "bytes do not match their checksum")

    def _datas(self, refs: Sequence[BlobRef]) -> Sequence[bytes | None]:
        try:
            return list(self._read(refs))
        except Corrupt:
            if len(refs) == 1:
                return [None]
        return [data for ref in refs for data in self._datas([ref])]

    def _standing(self, ref: BlobRef, wrong: str) -> Iterator[Finding]:
        """A finding for each row on the body; none where the last one went meanwhile."""
        key = {"segment": ref.segment, "start": ref.offset}
        where = f"body {ref.segment} length {ref.length}"
        for (text,) in self._cursor.execute(STANDING, key).fetchall():
            yield Finding("damaged-bytes", where, f"{text}: {wrong}", False)


def _pieces(rows: Sequence[Body]) -> Iterator[list[tuple[BlobRef, bytes]]]:
    chosen: list[tuple[BlobRef, bytes]] = []
    size = 0
    for segment, start, length, digest in rows:
        if chosen and size + length > PIECE:
            yield chosen
            chosen, size = [], 0
        chosen.append((BlobRef(segment, start, length), digest))
        size += length
    if chosen:
        yield chosen
