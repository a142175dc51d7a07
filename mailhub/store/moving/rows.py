"""Holding a table of one store against another's, and making them alike. What bodies are is not
known here: who moves rows that refer to them says where they are now.

Every step reads a few rows, and sees what is committed just then: no reading lasts, so none keeps
a server's log from being emptied. Rows that change meanwhile are found by the next round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from mailhub.store.moving.ends import Source, Target
from mailhub.store.moving.tables import PLACE, Table
from mailhub.store.sql import Row, put_rows
from mailhub.store.transaction import Transaction

Key = tuple[Any, ...]
_KEPT = {
    # Counters of the store's own: of bodies, commits, processes.
    "counter": "name NOT IN ('journal', 'seal', 'blob', 'object', 'database',"
    " 'bucket looked through', 'bodies held until')"
    " AND name NOT LIKE 'node %'",
}
"""Rows that are spoken of, where not all are."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows between two keys: those of the source by key, in order, and those of the target."""

    here: dict[Key, Row]
    there: dict[Key, Row]


@dataclass(slots=True)
class Difference:
    """What makes the target's rows the source's. `fresh`: to be written, in order. `gone`: keys to
    be deleted, of changed rows as well."""

    fresh: list[Row] = field(default_factory=list)
    gone: list[Key] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.fresh) + len(self.gone)


def windows(
    source: Source,
    target: Source,
    table: Table,
    account: int | None = None,
    after: Key | None = None,
) -> Iterator[Window]:
    """All rows of both, of one account where one is named, a few at a time; from behind a key on,
    where one is given."""
    sides = (source, target)
    while True:
        found = [_read(side, table, account, after) for side in sides]
        ends = [next(reversed(rows)) for rows in found if len(rows) >= table.chunk]
        until = min(ends) if ends else None
        yield Window(*(_before(rows, until) for rows in found))
        if until is None:
            return
        after = until


def _read(side: Source, table: Table, account: int | None, after: Key | None) -> dict[Key, Row]:
    ordered = [f"{name}{side.collation if name in table.words else ''}" for name in table.key]
    conditions: list[str] = [_KEPT[table.name]] if table.name in _KEPT else []
    values: list[object] = []
    if account is not None:
        conditions.append("account = ?")
        values.append(account)
    if after is not None:
        conditions.append(f"({', '.join(ordered)}) > ({', '.join('?' * len(ordered))})")
        values += after
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = side.connection.execute(
        f"SELECT {', '.join(table.columns)} FROM {table.name}{where}"
        f" ORDER BY {', '.join(ordered)} LIMIT {table.chunk}",
        values,
    ).fetchall()
    return keyed(table, rows)


def keyed(table: Table, rows: Sequence[Row]) -> dict[Key, Row]:
    """The rows by their keys."""
    places = [table.place(name) for name in table.key]
    if len(places) == 1:
        (place,) = places
        return {(row[place],): row for row in rows}
    of = itemgetter(*places)
    return {of(row): row for row in rows}


def _before(rows: dict[Key, Row], until: Key | None) -> dict[Key, Row]:
    if until is None or not rows or next(reversed(rows)) <= until:
        return rows
    return {key: row for key, row in rows.items() if key <= until}


def sameness(table: Table) -> Callable[[Row, Row], bool]:
    """Whether two rows of the table say the same, wherever their bodies are."""
    if not table.bodies:
        return lambda one, other: one == other
    kept = itemgetter(*(at for at, name in enumerate(table.columns) if name not in PLACE))
    return lambda one, other: bool(kept(one) == kept(other))


def difference(table: Table, window: Window) -> Difference:
    """What has to be done so that the target's rows in the window are the source's."""
    same = sameness(table)
    found = Difference()
    for key, row in window.here.items():
        old = window.there.get(key)
        if old is None:
            found.fresh.append(row)
        elif not same(row, old):
            found.fresh.append(row)
            found.gone.append(key)
    if table.name not in _KEPT:
        found.gone += [key for key in window.there if key not in window.here]
    return found


def delete(tx: Transaction, table: Table, keys: Sequence[Key]) -> None:
    """Deletes these rows."""
    names = ", ".join(table.key)
    columns = names if len(table.key) == 1 else f"({names})"
    put_rows(tx.cursor, f"DELETE FROM {table.name} WHERE {columns} IN (VALUES", keys, ")")


def make_alike(
    source: Source,
    target: Target,
    table: Table,
    account: int | None = None,
    write: Callable[[Window, Difference], None] | None = None,
    after: Key | None = None,
) -> int:
    """Makes the target's rows the source's; how many were written or deleted.

    `write`: does it for a window, where more than the rows has to be written.
    """

    def plainly(window: Window, found: Difference) -> None:
        if found:
            apply(target, table, found)

    if table.exclusive:
        # What is in the way of others goes first; then comes what is missing.
        for window in windows(source, target, table, account, after):
            plainly(window, Difference(gone=difference(table, window).gone))
    changed = 0
    for window in windows(source, target, table, account, after):
        found = difference(table, window)
        changed += len(found)
        (write or plainly)(window, found)
    return changed


def apply(target: Target, table: Table, found: Difference) -> None:
    """Carries out a difference in one commit."""

    def work(tx: Transaction, _: object) -> None:
        delete(tx, table, found.gone)
        target.insert(tx, table.name, table.columns, found.fresh)

    target.write((), work)
