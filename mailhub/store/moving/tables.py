"""What the tables are like, as `schema` makes them: columns, keys, and whose rows they hold.

Read from the schema itself, so that a table that comes later is moved like the others. No row is
read or written here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache

from mailhub.store import schema

MAIL = frozenset({"message", "archived"})
"""What stands on contents: they go with these rows."""
HEAVY = frozenset({"message", "expunged", "thread_reference", "stored_piece"})
"""Grows with an account's mail, and does not change without its journal or a row of another table;
the others are gone through whole."""
PLACE = ("segment", "start")
"""Where a body is, in the store that the row is in: what differs between two stores."""
_CHUNKS = {
    "stored_piece": 8,
    "zone_signature": 8,
    "script": 50,
    "trail": 200,
    "handover": 20_000,
    "suppression": 20_000,
    "api_session": 20_000,
    "report": 20_000,
}
"""Rows that are compared at a time: few where they are large, many where another engine has no
index in the order of their bytes."""
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Table:
    """`key`: the columns that tell its rows apart. `exclusive`: whether further columns have to be
    unique, so that rows in one another's way must go before others come."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    words: frozenset[str]
    """Columns of the key that hold text."""
    exclusive: bool
    of_account: bool
    """Whether each row belongs to one account, and is in the way of none of another's."""

    @property
    def heavy(self) -> bool:
        """See `HEAVY`."""
        return self.name in HEAVY

    @property
    def chunk(self) -> int:
        """Rows that are held in memory at a time."""
        return _CHUNKS.get(self.name, _CHUNK)

    def place(self, column: str) -> int:
        """Where in a row the column stands."""
        return self.columns.index(column)

    @property
    def bodies(self) -> bool:
        """Whether its rows refer to bodies."""
        return PLACE[0] in self.columns


@lru_cache(maxsize=1)
def tables() -> Mapping[str, Table]:
    """Every table of the schema by its name, in the schema's order."""
    with closing(sqlite3.connect(":memory:")) as empty:
        for statement in schema.TABLES:
            empty.execute(statement)
        names = [
            name
            for (name,) in empty.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid"
            )
        ]
        return {name: _table(empty, name) for name in names if name != "alembic_version"}


def _table(empty: sqlite3.Connection, name: str) -> Table:
    columns = empty.execute(f"PRAGMA table_info({name})").fetchall()
    key = sorted((place, column, kind) for _, column, kind, _, _, place in columns if place)
    others = [
        [column for _, _, column in empty.execute(f"PRAGMA index_info({index})")]
        for _, index, unique, origin, _ in empty.execute(f"PRAGMA index_list({name})").fetchall()
        if unique and origin != "pk"
    ]
    return Table(
        name=name,
        columns=tuple(column for _, column, *_ in columns),
        key=tuple(column for _, column, _ in key),
        words=frozenset(column for _, column, kind in key if kind == "TEXT"),
        exclusive=bool(others),
        of_account=all(names[0] == "account" for names in ([key[0][1]], *others)),
    )
