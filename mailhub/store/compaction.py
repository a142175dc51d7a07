"""Giving garbage back: what lives in a mostly dead segment is copied forward, then its file goes.

Copying runs by account, a megabyte a commit, between the commits of others. Readers lose nothing:
a place that was looked up before stays readable for `GRACE` seconds after the last row left it.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailhub.model.message import BlobRef
from mailhub.store.batch import Bytes, Job
from mailhub.store.orders import Blob
from mailhub.store.segments import HEAD, numbers, path_of
from mailhub.store.sql import Cursor, number
from mailhub.store.transaction import Transaction

STEP = 1 << 20
"""Bytes copied in one commit."""
ENOUGH = 16 << 20
"""Bytes of new garbage that are worth looking at all segments again."""
GRACE = 600.0
FULL_GRACE = 20.0
"""Seconds that a file stays after nothing refers to it: longer than a reader holds a place, and
when the disk is full still longer than most do."""


class Reading(Protocol):
    """What this asks of the readers."""

    def query(self, work: Callable[..., Any], *args: object) -> Deferred[Any]: ...
    def read(self, refs: Sequence[BlobRef]) -> Deferred[Sequence[bytes]]: ...


class Writing(Protocol):
    """What this asks of the writer."""

    def submit(self, job: Job) -> Deferred[Any]: ...


@dataclass(frozen=True, slots=True)
class Usage:
    """A closed segment: its file's size and how much of it is in use."""

    segment: int
    size: int
    live: int

    @property
    def wasteful(self) -> bool:
        """Whether more than half of it is garbage."""
        return not self.live or self.live * 2 < self.size - len(HEAD)


def survey(cursor: Cursor, folder: Path, current: int) -> list[Usage]:
    """Every segment that has a file, but for the one being written. Files after `current` were
    begun meanwhile: the rows on them may be on their way."""
    live: Counter[int] = Counter()
    for table in ("content", "queue_message"):
        # Goes through the index alone; a blob that both stand on counts twice, to no harm.
        rows = cursor.execute(
            "SELECT segment, sum(length) FROM (SELECT DISTINCT segment, start, length"
            f" FROM {table}) AS blobs GROUP BY segment",
            {},
        ).fetchall()
        live.update(dict(rows))
    return [
        Usage(one, path_of(folder, one).stat().st_size, live[one])
        for one in numbers(folder)
        if one < current
    ]


def places(cursor: Cursor, segment: int) -> list[tuple[BlobRef, bytes]]:
    """Blobs of the segment that rows stand on, with their digests, by account."""
    rows = cursor.execute(
        "SELECT json_group_array(json_array(start, length, hex(digest))) FROM (SELECT start,"
        " length, digest, min(account) FROM content WHERE segment = :segment GROUP BY start"
        " UNION ALL SELECT start, length, digest, 0 FROM queue_message WHERE segment = :segment"
        " ORDER BY 4) AS found",
        {"segment": segment},
    ).fetchone()
    found: dict[BlobRef, bytes] = {}
    for start, length, digest in json.loads(rows[0]):
        found.setdefault(BlobRef(segment, start, length), bytes.fromhex(digest))
    return list(found.items())


def relocate(tx: Transaction, put: Sequence[Blob], refs: Sequence[BlobRef]) -> None:
    """Points rows from the old places to the new ones. Rows that went meanwhile are no matter."""
    for old, new in zip(refs, put, strict=True):
        moved = 0
        for table in ("content", "queue_message"):
            moved += tx.execute(
                f"UPDATE {table} SET segment = :new_segment, start = :new_start"
                " WHERE segment = :segment AND start = :start",
                {
                    "new_segment": new.ref.segment,
                    "new_start": new.ref.offset,
                    "segment": old.segment,
                    "start": old.offset,
                },
            ).rowcount
        if moved:
            tx.freed += old.length


def unused(cursor: Cursor, segment: int) -> bool:
    """Whether no row stands in the segment."""
    return not number(
        cursor,
        "SELECT EXISTS (SELECT 1 FROM content WHERE segment = :segment)"
        " OR EXISTS (SELECT 1 FROM queue_message WHERE segment = :segment)",
        {"segment": segment},
    )


def remove_file(cursor: Cursor, folder: Path, segment: int) -> None:
    """Deletes the file unless a row stands in it after all. Emptied first, since readers that
    still have it open would keep its space; but not where a backup links to the same bytes."""
    path = path_of(folder, segment)
    if path.exists() and unused(cursor, segment):
        if path.stat().st_nlink == 1:
            os.truncate(path, 0)
        path.unlink()


class Compaction:
    """Goes over all segments, a round at a time."""

    _log = Logger()

    def __init__(
        self,
        folder: Path,
        readers: Reading,
        writer: Writing,
        current: Callable[[], int],
        freed: Callable[[], int],
        full: Callable[[], bool],
        seconds: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._readers = readers
        self._writer = writer
        self._current = current
        self._freed = freed
        self._full = full
        self._seconds = seconds
        self._next_survey = 0
        self._emptied: dict[int, float] = {}
        self._damaged: set[int] = set()

    async def round(self) -> None:
        """Copies out of what is wasteful, and removes the files that were emptied long ago. On a
        full disk any garbage is worth it, and nobody is waited for long."""
        if self._full() or self._freed() >= self._next_survey:
            self._next_survey = self._freed() + ENOUGH
            await self._survey()
        await self._remove_files()

    async def _survey(self) -> None:
        usages = await self._readers.query(survey, self._folder, self._current())
        for usage in sorted(usages, key=lambda usage: usage.live):
            skipped = usage.segment in self._damaged or usage.segment in self._emptied
            if usage.wasteful and not skipped:
                await self._copy_forward(usage.segment)

    async def _copy_forward(self, segment: int) -> None:
        chunk: list[tuple[BlobRef, bytes]] = []
        size = 0
        for ref, digest in await self._readers.query(places, segment):
            chunk.append((ref, digest))
            size += ref.length
            if size >= STEP:
                await self._copy(chunk)
                chunk, size = [], 0
        if chunk:
            await self._copy(chunk)
        if await self._readers.query(unused, segment):
            self._emptied[segment] = self._seconds()

    async def _copy(self, chunk: Sequence[tuple[BlobRef, bytes]]) -> None:
        datas = await self._readers.read([ref for ref, _ in chunk])
        bodies: list[Bytes] = []
        refs: list[BlobRef] = []
        for (ref, digest), data in zip(chunk, datas, strict=True):
            if sha256(data).digest() != digest:
                # Never copied under a new, right digest: it stays for `verify` to report.
                self._damaged.add(ref.segment)
                self._log.error(
                    "Damaged bytes in segment {segment} at {offset}",
                    segment=ref.segment,
                    offset=ref.offset,
                )
                continue
            bodies.append(Bytes(memoryview(data), digest))
            refs.append(ref)
        await self._writer.submit(Job(bodies, call=partial(relocate, refs=refs), urgent=True))

    async def _remove_files(self) -> None:
        now = self._seconds()
        grace = FULL_GRACE if self._full() else GRACE
        for segment, since in list(self._emptied.items()):
            if now - since < grace:
                continue
            del self._emptied[segment]
            await self._readers.query(remove_file, self._folder, segment)
