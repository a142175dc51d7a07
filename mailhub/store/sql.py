"""What every statement of the store shares: the driver's shape, and statements about sets.

SQL is written as text, in the dialect that SQLite (3.35 and later) and PostgreSQL have in common,
with named parameters. No connection is opened here and no table is named.

Two rules come from measurement. A statement that returns many rows gives the interpreter lock
away once a row, and beside a busy reactor each one waits for it anew (10,000 rows: 3.7 s instead
of 5 ms). So bulk reads fold their rows into one with aggregates, and bulk writes put many rows
into one statement.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from mailhub.model.uids import UidSet

Row = tuple[Any, ...]
Parameters = Mapping[str, object] | Sequence[object]


class Rows(Protocol):
    """A statement's outcome."""

    @property
    def rowcount(self) -> int: ...
    @property
    def description(self) -> Any:
        """A tuple for each column, its name first."""
        ...

    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Cursor(Protocol):
    """What runs statements: a driver's connection or cursor."""

    def execute(self, sql: str, parameters: Parameters = ..., /) -> Rows: ...


P = ParamSpec("P")
T = TypeVar("T")


def one_moment(
    work: Callable[Concatenate[Cursor, P], T],
) -> Callable[Concatenate[Cursor, P], T]:
    """For a reading function of several statements: all of them see the same commit."""

    def inside(cursor: Cursor, /, *args: P.args, **kwargs: P.kwargs) -> T:
        cursor.execute("BEGIN", {})
        try:
            return work(cursor, *args, **kwargs)
        finally:
            cursor.execute("COMMIT", {})

    inside.__doc__ = work.__doc__
    return inside


def number(cursor: Cursor, sql: str, parameters: Parameters) -> int:
    """The one integer that the statement returns; 0 for NULL or no row."""
    row = cursor.execute(sql, parameters).fetchone()
    return int(row[0] or 0) if row is not None else 0


def next_number(cursor: Cursor, name: str, count: int = 1) -> int:
    """The first of `count` fresh numbers of the counter `name`."""
    return next_numbers(cursor, {name: count})[name]


def next_numbers(cursor: Cursor, counts: Mapping[str, int]) -> Mapping[str, int]:
    """As `next_number`, of several counters in one statement."""
    rows = ", ".join(["(?, ?)"] * len(counts))
    last = cursor.execute(
        f"INSERT INTO counter (name, value) VALUES {rows} ON CONFLICT (name)"
        " DO UPDATE SET value = counter.value + excluded.value RETURNING name, value",
        [one for pair in counts.items() for one in pair],
    ).fetchall()
    return {name: value - counts[name] + 1 for name, value in last}


# -- numbers out of JSON arrays, which SQL has to be told are numbers


def item(row: str, place: int | None = None) -> str:
    """SQL for the number that a row of `json_each` is, or holds at `place`."""
    value = f"{row}.value" if place is None else f"json_extract({row}.value, '$[{place}]')"
    return f"CAST({value} AS BIGINT)"


def numbers_in(parameter: str, *, distinct: bool = False) -> str:
    """SQL for the numbers that a parameter holds as an array, in a column `value`."""
    once = "DISTINCT " if distinct else ""
    return f"(SELECT {once}CAST(value AS BIGINT) AS value FROM json_each(:{parameter}))"


# -- statements about sets of UIDs

_MANY = (
    "BETWEEN :low AND :high AND {uid} IN (SELECT w.uid FROM json_each(:ranges) AS span"
    " CROSS JOIN message AS w WHERE w.account = :account AND w.mailbox = :mailbox"
    f" AND w.uid BETWEEN {item('span', 0)} AND {item('span', 1)})"
)


class Ranged:
    """A statement about messages in a set of UIDs: `{uids:NAME}` stands for "NAME is in the set".

    Two forms are kept, for one range and for many, so the driver's cache knows both.
    """

    __slots__ = ("_many", "_one")

    def __init__(self, template: str) -> None:
        head, _, rest = template.partition("{uids:")
        name, _, tail = rest.partition("}")
        self._one = f"{head}{name} BETWEEN :low AND :high{tail}"
        self._many = f"{head}{name} {_MANY.format(uid=name)}{tail}"

    def run(self, cursor: Cursor, uids: UidSet, parameters: dict[str, object]) -> Rows:
        """Runs it for a non-empty set. `parameters` hold `account` and `mailbox`; the set is
        added to them."""
        ranges = uids.ranges
        parameters["low"] = ranges[0][0]
        parameters["high"] = ranges[-1][1]
        if len(ranges) == 1:
            return cursor.execute(self._one, parameters)
        parameters["ranges"] = json.dumps(ranges, separators=(",", ":"))
        return cursor.execute(self._many, parameters)


# -- many rows in one statement

_CHUNKS = (64, *range(32, 0, -1))
"""Rows of one statement. Each statement gives the interpreter lock away three times, and a busy
reactor takes it: one of them for twenty rows, not five, is worth the many that are kept."""


@lru_cache(maxsize=512)
def _values(prefix: str, width: int, count: int, suffix: str) -> str:
    row = "(" + ",".join("?" * width) + ")"
    return f"{prefix} {','.join([row] * count)} {suffix}"


def put_rows(
    cursor: Cursor, prefix: str, rows: Sequence[Sequence[object]], suffix: str = ""
) -> None:
    """Runs `prefix (?, …), (?, …) suffix` over all rows, up to 64 of them a statement."""
    position = 0
    left = len(rows)
    for size in _CHUNKS:
        while left >= size:
            chunk = rows[position : position + size]
            sql = _values(prefix, len(chunk[0]), size, suffix)
            cursor.execute(sql, [value for row in chunk for value in row])
            position += size
            left -= size


def integers(text: str | None) -> list[int]:
    """What `group_concat` of integers returned; an empty list for NULL."""
    return json.loads(f"[{text}]") if text else []


_ENCODER = json.JSONEncoder(separators=(",", ":"))


def array_text(values: Iterable[object]) -> str:
    """Values as the JSON array that `json_each` takes."""
    return _ENCODER.encode(list(values))


def like(query: str) -> str:
    """`query` as a LIKE pattern for substrings (with ESCAPE '\\'); its wildcards are plain."""
    escaped = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def span(table: str, before: int) -> str:
    """The end of a page's SELECT: rows after `:after` upwards, or before `:before` downwards."""
    if before:
        return f"AND {table}.number < :before ORDER BY {table}.number DESC LIMIT :limit"
    return f"AND {table}.number > :after ORDER BY {table}.number LIMIT :limit"


def storable(text: str) -> str:
    """`text` without what a database text cannot hold (NUL, lone surrogates)."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
