"""Rows that stand on bodies: messages' contents, and what waits in the queue.

Rows and bodies are written in one transaction, so that none is ever without the other. What a row
says of its body's place is true in its own store only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mailhub.model.message import BlobRef
from mailhub.store.batch import Bytes
from mailhub.store.moving.bodies import GONE, BodyMover, Place, batches, place_of, standing
from mailhub.store.moving.ends import Source, Target
from mailhub.store.moving.rows import (
    Difference,
    Key,
    Window,
    delete,
    difference,
    keyed,
    make_alike,
)
from mailhub.store.moving.tables import Table, tables
from mailhub.store.sql import Row, array_text, numbers_in
from mailhub.store.transaction import Transaction

_NARROW = ("key", "account", "uses", "length", "digest", "thread")
"""What of a content may change, and what tells it; the rest stays as it was first written."""


class Standing:
    """Moves such rows of one table."""

    def __init__(self, source: Source, target: Target, bodies: BodyMover, table: Table) -> None:
        self._source = source
        self._target = target
        self._bodies = bodies
        self._table = table

    def write(self, window: Window, found: Difference) -> None:
        """For `rows.make_alike`."""
        kept, new = self._divided(found.fresh, window.there)
        places = {self._key(row): place_of(self._table, row) for row in new}
        known = self._bodies.known(list(places.values())) if places else {}
        again: list[Row] = []
        for row in new:
            ref = known.get(places[self._key(row)].digest)
            if ref is not None:
                again.append(standing(self._table, row, ref))
        if found.gone or kept or again:
            self._put(found.gone, kept, again)
        self._bring([row for row in new if places[self._key(row)].digest not in known])

    def _key(self, row: Row) -> Key:
        return next(iter(keyed(self._table, [row])))

    def _divided(
        self, rows: Sequence[Row], old: Mapping[Key, Row]
    ) -> tuple[Sequence[Row], Sequence[Row]]:
        """Rows whose bodies are there already, standing on them; and the others."""
        kept: list[Row] = []
        new: list[Row] = []
        for row in rows:
            before = old.get(self._key(row))
            if before is not None:
                body, mine = place_of(self._table, row), place_of(self._table, before)
                alike = (body.digest, body.ref.length) == (mine.digest, mine.ref.length)
                if alike and mine.ref.segment != GONE.segment:
                    kept.append(standing(self._table, row, mine.ref))
                    continue
            new.append(row)
        return kept, new

    def _put(self, gone: Sequence[Key], kept: Sequence[Row], again: Sequence[Row]) -> None:
        """Rows that go, and rows whose bodies are there: `kept` for the same row, `again` for
        another one."""

        def work(tx: Transaction, _: object) -> None:
            tx.left += self._segments(tx, gone)
            delete(tx, self._table, gone)
            self._insert(tx, [*kept, *again])
            self._place(tx, again)
            self._target.share(tx, {segment for _, segment in tx.placed})

        self._target.write((), work)

    def _insert(self, tx: Transaction, rows: Sequence[Row]) -> None:
        self._target.insert(tx, self._table.name, self._table.columns, rows)

    def _segments(self, tx: Transaction, keys: Sequence[Key]) -> list[int]:
        rows = tx.execute(
            f"SELECT DISTINCT segment FROM {self._table.name}"
            f" WHERE {self._table.key[0]} IN {numbers_in('keys')}",
            {"keys": array_text(key[0] for key in keys)},
        ).fetchall()
        return [segment for (segment,) in rows]

    def _place(self, tx: Transaction, rows: Sequence[Row]) -> None:
        segment = self._table.place("segment")
        if self._table.name == "queue_message":
            tx.placed += [(0, row[segment]) for row in rows]
        else:
            account = self._table.place("account")
            tx.placed += [(row[account], row[segment]) for row in rows]

    def _bring(self, rows: Sequence[Row]) -> None:
        """Writes the rows with their bodies, some at a time."""
        waiting: dict[Place, list[Row]] = {}
        for row in rows:
            waiting.setdefault(place_of(self._table, row), []).append(row)
        for places in batches(list(waiting)):
            self._bring_together([(place, waiting[place]) for place in places])

    def _bring_together(self, chosen: Sequence[tuple[Place, Sequence[Row]]]) -> None:
        places = [place for place, _ in chosen]
        datas = self._bodies.read(places)
        missing = [rows for (_, rows), data in zip(chosen, datas, strict=True) if data is None]
        lost = self._again([row for rows in missing for row in rows]) if missing else {}
        whole: list[tuple[Place, Sequence[Row], bytes | None]] = []
        for (place, rows), data in zip(chosen, datas, strict=True):
            if data is not None:
                whole.append((place, rows, data))
            elif stayed := [lost[key] for key in map(self._key, rows) if key in lost]:
                whole.append((place_of(self._table, stayed[0]), stayed, self._once_more(stayed)))
        if not whole:
            return
        self._write(whole)

    def _write(self, whole: Sequence[tuple[Place, Sequence[Row], bytes | None]]) -> None:
        places = [place for place, _, _ in whole]
        datas = [data for _, _, data in whole]
        shared = self._bodies.shared(places)
        bodies = [
            Bytes(memoryview(data), place.digest) for place, _, data in whole if data is not None
        ]

        def work(tx: Transaction, put: Sequence[BlobRef]) -> None:
            where = refs(put)
            rows = [
                standing(self._table, row, ref)
                for (_, rows, _), ref in zip(whole, where, strict=True)
                for row in rows
            ]
            self._insert(tx, rows)
            self._place(tx, rows)
            pairs = zip(places, where, strict=True)
            chosen = [pair for pair in pairs if pair[0] in shared and pair[1] != GONE]
            self._bodies.remember(tx, chosen)

        def refs(put: Sequence[BlobRef]) -> list[BlobRef]:
            left = iter(put)
            return [GONE if data is None else next(left) for data in datas]

        self._bodies.read_back(places, datas, refs(self._target.write(bodies, work)))

    def _again(self, rows: Sequence[Row]) -> Mapping[Key, Row]:
        """The rows as they are now, by their keys: those whose bodies were moved meanwhile, and
        those whose bodies are lost; without the ones that are gone."""
        return read_rows(self._source, self._table, [row[0] for row in rows])

    def _once_more(self, rows: Sequence[Row]) -> bytes | None:
        return self._bodies.read([place_of(self._table, rows[0])])[0]


def read_rows(side: Source, table: Table, keys: Iterable[object]) -> dict[Key, Row]:
    """Rows of a table with one number for a key."""
    rows = side.connection.execute(
        f"SELECT {', '.join(table.columns)} FROM {table.name}"
        f" WHERE {table.key[0]} IN {numbers_in('keys')}",
        {"keys": array_text(keys)},
    ).fetchall()
    return keyed(table, rows)


class Contents:
    """The contents that an account's messages stand on, moved with them. `whole`: every column of
    those that are there already is compared, not only what may change."""

    def __init__(
        self, source: Source, target: Target, bodies: BodyMover, *, whole: bool = False
    ) -> None:
        self._source = source
        self._target = target
        self._table = tables()["content"]
        self._narrow = self._table if whole else replace(self._table, columns=_NARROW)
        self._standing = Standing(source, target, bodies, self._table)

    def follow(self, table: Table, window: Window) -> int:
        """Makes those alike that messages of the window stand on, and drops those that no message
        of the source stands on any more. How many were changed."""
        place = table.place("content")
        here = {row[place] for row in window.here.values()}
        there = {row[place] for row in window.there.values()}
        found = self._compared(here | there)
        if found:
            self.bring(found)
        return len(found)

    def _compared(self, keys: set[int]) -> Difference:
        narrow = self._narrow
        sides = (read_rows(side, narrow, keys) for side in (self._source, self._target))
        return difference(narrow, Window(*sides))

    def bring(self, found: Difference) -> None:
        """Carries out a difference of which only the keys are known."""
        keys = [row[0] for row in found.fresh]
        fresh = read_rows(self._source, self._table, keys)
        old = read_rows(self._target, self._table, keys)
        self._standing.write(
            Window(fresh, old), Difference(fresh=list(fresh.values()), gone=found.gone)
        )

    def sweep(self) -> int:
        """Makes all contents alike, whoever's they are, by their keys and uses alone: finds what a
        run that was ended left. How many were changed."""
        narrow = replace(self._table, columns=("key", "account", "uses"))
        return make_alike(
            self._source, self._target, narrow, write=lambda _, found: self.bring(found)
        )
