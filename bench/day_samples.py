"""What a server holds at a moment, and whether it grows: samples, straight lines through them, and
the verdict. Knows nothing of what the server is asked meanwhile.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

MEMORY, FEW, DISK = 0.10, 5.0, 0.05
"""What may come in an hour: a share of the memory, descriptors or threads of one process, a share
of what is on disk beyond the mail."""
SURE = 2.0
"""Standard errors by which a growth has to be above what may come to count."""
SEGMENT = "segment"
"""A descriptor of a file of messages: each thread that reads keeps the 64 that it read last."""
RECORDS = (
    "journal",
    "trail",
    "authlog",
    "sample",
    "report",
    "tally",
    "handover",
)
"""Tables that tell what happened, kept for days by their settings: a part of what acts cost, and no
part of what should stay as it is."""
_KEPT = (
    "SELECT (SELECT coalesce(sum(used_storage), 0) FROM usage),"
    " (SELECT coalesce(sum(used_messages), 0) FROM usage),"
    " (SELECT coalesce(sum(size), 0) FROM archived),"
    " (SELECT count(*) FROM queue_entry),"
    " (SELECT coalesce(max(number), 0) FROM journal)"
)


@dataclass(frozen=True)
class Held:
    """By one process: octets of its own, octets altogether, descriptors by kind, threads."""

    own: int
    resident: int
    descriptors: Mapping[str, int]
    threads: int

    @classmethod
    def by(cls, pid: int) -> Held:
        """Raises OSError where it is gone."""
        folder = Path(f"/proc/{pid}")
        pages = dict(
            line.split(":", 1)
            for line in (folder / "smaps_rollup").read_text().splitlines()[1:]
            if ":" in line
        )
        size = {name: int(text.split()[0]) * 1024 for name, text in pages.items()}
        kinds: Counter[str] = Counter()
        for path in (folder / "fd").iterdir():
            try:
                kinds[_kind(path.readlink())] += 1
            except OSError:  # closed meanwhile
                continue
        return cls(
            size["Private_Clean"] + size["Private_Dirty"],
            size["Rss"],
            dict(kinds),
            sum(1 for _ in (folder / "task").iterdir()),
        )


def _kind(target: Path) -> str:
    text = str(target)
    if ".segment" in text:
        return SEGMENT
    if text.startswith("/"):
        return "file"
    return text.partition(":")[0]


@dataclass
class Sample:
    """`at`: seconds since the day began. `disk`: octets by what they are for. `tables`: what the
    database is made of. `others`: octets of memory of programs beside the server. `most`: octets
    of mail that were ever there at once until then."""

    at: float
    processes: dict[str, Held] = field(default_factory=dict)
    disk: dict[str, int] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    mail: int = 0
    messages: int = 0
    archived: int = 0
    queued: int = 0
    changes: int = 0
    most: int = 0

    def count(self, row: Sequence[Any] | None) -> None:
        """What `_KEPT` finds."""
        assert row is not None
        self.mail, self.messages, self.archived, self.queued, self.changes = map(int, row)

    @property
    def records(self) -> int:
        """Octets of them."""
        return sum(size for name, size in self.tables.items() if name.startswith(RECORDS))

    @property
    def beyond(self) -> int:
        """Octets on disk beside mail and records. A database does not give back what mail took
        that is gone, the next mail goes there: so the most that was kept at once counts."""
        return sum(self.disk.values()) - self.records - self.most

    def __str__(self) -> str:
        parts = [f"{self.at:6.0f} s"]
        for name, held in self.processes.items():
            count = sum(held.descriptors.values())
            parts.append(f"{name}: {held.own / 2**20:.1f} MiB {count} fds {held.threads} threads")
        parts.append(f"mail {self.mail / 2**20:.1f} MiB in {self.messages:,}")
        parts.append(f"beyond {self.beyond / 2**20:.1f} records {self.records / 2**20:.1f} MiB")
        parts.append(f"queued {self.queued}")
        return " | ".join(parts)

    def figures(self) -> Iterator[tuple[str, float]]:
        """Everything by name."""
        for name, held in self.processes.items():
            yield f"{name}: own memory", held.own
            yield f"{name}: resident", held.resident
            segments = held.descriptors.get(SEGMENT, 0)
            yield f"{name}: descriptors", sum(held.descriptors.values()) - segments
            yield f"{name}: open segments", segments
            yield f"{name}: threads", held.threads
        for name, size in self.disk.items():
            yield f"disk: {name}", size
        for name, size in self.tables.items():
            yield f"table: {name}", size
        for name, size in self.others.items():
            yield f"memory of {name}", size
        yield "mail kept", self.mail
        yield "messages kept", self.messages
        yield "deleted, to be had back", self.archived
        yield "queued", self.queued
        yield "changes so far", self.changes
        yield "records", self.records
        yield "disk beyond mail and records", self.beyond


def folder_sizes(folder: Path) -> dict[str, int]:
    """Octets that files take, by what they are."""
    found: Counter[str] = Counter()
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            try:
                found[_part(path.relative_to(folder))] += path.stat().st_blocks * 512
            except OSError:  # removed meanwhile
                continue
    return dict(found)


def _part(path: Path) -> str:
    name = path.name
    if name.startswith("mail.sqlite"):
        return "log of the database" if name.endswith("-wal") else "database"
    if name.startswith("search."):
        return "index"
    return path.parent.name or "other files"


def look_into_sqlite(file: Path, sample: Sample) -> None:
    """What is kept, and sizes of tables with their indexes, into `sample`."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
        sample.count(connection.execute(_KEPT).fetchone())
        sample.tables = dict(
            connection.execute(
                "SELECT coalesce(m.tbl_name, d.name), sum(d.pgsize) FROM dbstat AS d LEFT JOIN"
                " sqlite_schema AS m ON m.name = d.name WHERE d.aggregate = TRUE GROUP BY 1"
            ).fetchall()
        )
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        page = connection.execute("PRAGMA page_size").fetchone()[0]
        sample.tables["(free)"] = free * page


def look_into_postgres(where: str, sample: Sample) -> None:
    """The same of PostgreSQL, with all that belongs to a table; and the whole database's size."""
    with psycopg.connect(where) as connection:
        sample.count(connection.execute(_KEPT).fetchone())
        sample.tables = {
            str(name): int(size)
            for name, size in connection.execute(
                "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
                " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            ).fetchall()
        }
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None
        sample.disk["database"] = int(row[0])


@dataclass(frozen=True)
class Line:
    """Through a figure's samples: its level where it begins, what it grows by in an hour, and the
    standard error of that."""

    level: float
    growth: float
    error: float

    @classmethod
    def through(cls, points: Sequence[tuple[float, float]]) -> Line:
        """By least squares. `points`: seconds and values, three or more."""
        count = len(points)
        middle = sum(at for at, _ in points) / count
        mean = sum(value for _, value in points) / count
        spread = sum((at - middle) ** 2 for at, _ in points)
        slope = sum((at - middle) * (value - mean) for at, value in points) / spread
        rest = sum((value - mean - slope * (at - middle)) ** 2 for at, value in points)
        error = math.sqrt(rest / max(1, count - 2) / spread)
        return cls(mean + slope * (points[0][0] - middle), slope * 3600, error * 3600)

    def above(self, bound: float) -> bool:
        """Whether it surely grows by more in an hour."""
        return self.growth - SURE * self.error > bound


def lines(samples: Sequence[Sample]) -> dict[str, Line]:
    """Of every figure that all samples have."""
    values: dict[str, list[tuple[float, float]]] = {}
    for sample in samples:
        for name, value in sample.figures():
            values.setdefault(name, []).append((sample.at, value))
    whole = {name: points for name, points in values.items() if len(points) == len(samples)}
    return {name: Line.through(points) for name, points in whole.items()}


def bound(name: str, found: Mapping[str, Line]) -> float | None:
    """What a figure may grow by in an hour; None where it is only told."""
    if name.endswith(": own memory"):
        return found[name].level * MEMORY
    if name.endswith((": descriptors", ": threads")):
        return FEW
    if name == "disk beyond mail and records":
        return found["mail kept"].level * DISK
    return None
