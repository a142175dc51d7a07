"""Taking bodies along: each is read, held against its digest, written once, and read back.

A body that several rows of the source stand on is one body afterwards too, whoever the rows are
for: which ones are such is noted in the target while it is being filled. No row is compared here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from mailhub.model.errors import Corrupt
from mailhub.model.message import BlobRef
from mailhub.store.moving.ends import Source, Target
from mailhub.store.moving.tables import Table
from mailhub.store.sql import Row, array_text, item, put_rows
from mailhub.store.transaction import Transaction

BATCH = 8 << 20
"""Bytes of bodies that are written at once; a larger body is written alone."""
GONE = BlobRef(0, 0, 0)
"""Where a body is said to be that the source has lost: reading it fails there as it did before."""


@dataclass(frozen=True, slots=True)
class Place:
    """A body that rows refer to. `digest`: of the bytes as they came."""

    ref: BlobRef
    digest: bytes


@dataclass(slots=True)
class Tally:
    """What was taken along so far."""

    rows: int = 0
    bodies: int = 0
    octets: int = 0
    damaged: int = 0
    """Bodies that the source has lost or that are not what they were."""


def place_of(table: Table, row: Row) -> Place:
    """The body that a row refers to."""
    segment, start, length, digest = (
        row[table.place(name)] for name in ("segment", "start", "length", "digest")
    )
    return Place(BlobRef(segment, start, length), bytes(digest))


def standing(table: Table, row: Row, ref: BlobRef) -> Row:
    """The row with its body there."""
    changed = list(row)
    changed[table.place("segment")], changed[table.place("start")] = ref.segment, ref.offset
    return tuple(changed)


def batches(places: Sequence[Place]) -> Iterator[list[Place]]:
    """In the order in which they stand, as many at a time as may be written at once."""
    chosen: list[Place] = []
    size = 0
    for place in sorted(set(places), key=lambda one: (one.ref.segment, one.ref.offset)):
        if chosen and size + place.ref.length > BATCH:
            yield chosen
            chosen, size = [], 0
        chosen.append(place)
        size += place.ref.length
    if chosen:
        yield chosen


class BodyMover:
    """Takes bodies from one store to another."""

    def __init__(self, source: Source, target: Target, tally: Tally) -> None:
        self._source = source
        self._target = target
        self._tally = tally

    def known(self, places: Sequence[Place]) -> dict[bytes, BlobRef]:
        """Where bodies are that were taken along for another row; by their digests."""
        wanted = array_text(place.digest.hex() for place in places)
        rows = self._target.connection.execute(
            "SELECT m.name, m.segment, m.start, m.length FROM json_each(:wanted) AS w"
            " CROSS JOIN moving_body AS m WHERE m.name = w.value AND (EXISTS (SELECT 1"
            " FROM content AS c WHERE c.segment = m.segment AND c.start = m.start) OR EXISTS"
            " (SELECT 1 FROM queue_message AS q WHERE q.segment = m.segment"
            " AND q.start = m.start))",
            {"wanted": wanted},
        ).fetchall()
        return {bytes.fromhex(name): BlobRef(*ref) for name, *ref in rows}

    def read(self, places: Sequence[Place]) -> Sequence[bytes | None]:
        """The bytes of each, whatever they are; None for what is not there."""
        try:
            return list(self._source.read([place.ref for place in places]))
        except Corrupt:
            if len(places) == 1:
                return [None]
        return [data for place in places for data in self.read([place])]

    def shared(self, places: Sequence[Place]) -> set[Place]:
        """Those that more than one row of the source stands on."""
        by_ref = {(place.ref.segment, place.ref.offset): place for place in places}
        condition = f"segment = {item('w', 0)} AND start = {item('w', 1)}"
        rows = self._source.connection.execute(
            f"SELECT {item('w', 0)}, {item('w', 1)} FROM json_each(:wanted) AS w WHERE"
            f" (SELECT count(*) FROM content WHERE {condition})"
            f" + (SELECT count(*) FROM queue_message WHERE {condition}) > 1",
            {"wanted": array_text(by_ref)},
        ).fetchall()
        return {by_ref[segment, start] for segment, start in rows}

    def remember(self, tx: Transaction, chosen: Sequence[tuple[Place, BlobRef]]) -> None:
        """Notes where bodies are that more rows will come for."""
        put_rows(
            tx.cursor,
            "INSERT INTO moving_body (name, segment, start, length) VALUES",
            [(one.digest.hex(), ref.segment, ref.offset, ref.length) for one, ref in chosen],
            "ON CONFLICT (name) DO UPDATE SET segment = excluded.segment, start = excluded.start",
        )

    def read_back(
        self, places: Sequence[Place], datas: Sequence[bytes | None], refs: Sequence[BlobRef]
    ) -> None:
        """Holds what stands there now against what was read. Raises Corrupt."""
        there = [ref for ref in refs if ref != GONE]
        written = [data for data in datas if data is not None]
        for data, again in zip(written, self._target.read(there), strict=True):
            if data != again:
                raise Corrupt("A body that was just written is not what was written")
        for place, one in zip(places, datas, strict=True):
            self._tally.bodies += 1
            self._tally.octets += place.ref.length
            self._tally.damaged += one is None or sha256(one).digest() != place.digest
