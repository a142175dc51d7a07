"""Holding two stores against each other: every row, and every body where that is wanted. Nothing
is written here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from mailhub.model.errors import Corrupt
from mailhub.store.moving.bodies import GONE, Place, batches, place_of
from mailhub.store.moving.ends import Source
from mailhub.store.moving.rows import Window, difference, keyed, windows
from mailhub.store.moving.tables import Table, tables
from mailhub.store.sql import number

LISTED = 20
"""Accounts of a table that are named; more are counted."""


class Told(Protocol):
    """See `mover.Told`."""

    def step(self, what: str, done: int, total: int) -> None: ...


@dataclass(slots=True)
class Compared:
    """A table. `rows`: of the source. `differing`: rows that are missing, too many or other.
    `accounts`: whose they are, the first few. `bodies`, `octets`: that were read and are whole."""

    table: str
    rows: int = 0
    differing: int = 0
    accounts: list[int] = field(default_factory=list)
    bodies: int = 0
    octets: int = 0


def compare(
    source: Source, target: Source, table: Table, told: Told, *, bodies: bool = False
) -> Compared:
    """All rows of a table; with `bodies`, what the target's rows stand on as well."""
    found = Compared(table.name)
    total = number(source.connection, f"SELECT count(*) FROM {table.name}", {})
    for window in windows(source, target, table):
        found.rows += len(window.here)
        told.step(table.name, found.rows, total)
        wrong = difference(table, window)
        found.differing += len({*keyed(table, wrong.fresh), *wrong.gone})
        if wrong:
            _note(found, table, window)
        if bodies and table.bodies:
            _read(found, target, table, window)
    return found


def _note(found: Compared, table: Table, window: Window) -> None:
    for account in sorted(_owners(table, window)):
        if len(found.accounts) < LISTED and account not in found.accounts:
            found.accounts.append(account)


def _owners(table: Table, window: Window) -> set[int]:
    """Whose rows of the window differ."""
    if "account" not in table.columns:
        return set()
    place = table.place("account")
    wrong = difference(table, window)
    rows = [*wrong.fresh, *(window.there[key] for key in wrong.gone)]
    return {row[place] for row in rows if row[place] is not None}


def differing(source: Source, target: Source, table: Table) -> set[int]:
    """Whose rows of the table differ."""
    return {
        account for window in windows(source, target, table) for account in _owners(table, window)
    }


def _read(found: Compared, target: Source, table: Table, window: Window) -> None:
    """What is missing or damaged in the source is so in the target, and no difference."""
    places = [place_of(table, row) for row in window.there.values()]
    for chosen in batches([place for place in places if place.ref.segment != GONE.segment]):
        for place, data in _datas(target, chosen):
            if data is None or sha256(data).digest() != place.digest:
                found.differing += 1
            else:
                found.bodies += 1
                found.octets += len(data)


def _datas(target: Source, places: Sequence[Place]) -> Iterator[tuple[Place, bytes | None]]:
    try:
        yield from zip(places, target.read([place.ref for place in places]), strict=True)
    except Corrupt:
        for place in places:
            yield place, _one(target, place)


def _one(target: Source, place: Place) -> bytes | None:
    try:
        return target.read([place.ref])[0]
    except Corrupt:
        return None


def compare_all(source: Source, target: Source, told: Told) -> Sequence[Compared]:
    """Every table, with bodies."""
    return [compare(source, target, table, told, bodies=True) for table in tables().values()]
