"""Where stores are: making one ready to be filled, knowing that nobody works on one, and marking
what has become of it. What is in them is moved elsewhere (`mover`)."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from mailhub.model.errors import InUse, NotFound
from mailhub.store import database, marks, schema
from mailhub.store.fulltext import schema as fulltext
from mailhub.store.moving import state
from mailhub.store.moving.ends import Source, Target
from mailhub.store.moving.folder import FolderSource, FolderTarget
from mailhub.store.sql import Cursor, number
from mailhub.store.transaction import Transaction


class Place(Protocol):
    """A store by where it is."""

    @property
    def name(self) -> str:
        """For people; without passwords."""
        ...

    def source(self) -> Source:
        """To be read. Raises NotFound where there is no store."""
        ...

    def target(self) -> Target:
        """To be filled; made where it is missing. Raises InUse where somebody has it open."""
        ...

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        """For a few statements of one's own in one transaction, beside a server."""
        ...

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Nobody writes to it meanwhile. Raises InUse where somebody may."""
        ...

    def complete(self, source: Source, target: Target) -> None:
        """Makes a target that was filled a store that servers start on."""
        ...


class FolderPlace:
    """SQLite and segments in `folder`."""

    def __init__(self, folder: Path, segment_size: int) -> None:
        self._folder = folder
        self._size = segment_size

    @property
    def name(self) -> str:
        return str(self._folder)

    def source(self) -> FolderSource:
        self._require()
        return FolderSource(self._folder)

    def _require(self) -> None:
        if not (self._folder / database.NAME).exists():
            raise NotFound(f"There is no store in {self._folder}")

    def target(self) -> FolderTarget:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = FolderTarget(self._folder, self._size)
        database.make_ready(target.connection)
        return target

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        self._require()
        with closing(database.connect_writer(self._folder)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        lock = database.lock(self._folder)
        try:
            yield
        finally:
            os.close(lock)

    def complete(self, source: Source, target: Target) -> None:
        # It was of other mail, or is older than this: the server makes it anew.
        for path in self._folder.glob(f"{fulltext.NAME}*"):
            path.unlink()
        served(source, target)


def served(source: Source, target: Target) -> None:
    """Takes the marks off a target."""
    last = source.last_number()

    def work(tx: Transaction, _: object) -> None:
        newest = number(tx.cursor, "SELECT max(number) FROM journal", {})
        if newest < last:
            # Numbers are never given twice, not even those whose rows were forgotten.
            tx.journal_number = last - 1
            tx.journal("moved", state.MOVER)
        tx.journal_number = max(last, newest)
        for table in state.NAMES:
            tx.execute(f"DROP TABLE IF EXISTS {table}", {})
        tx.finish()
        state.set_revision(tx.cursor, schema.HEAD)

    target.write((), work)


def lineage_of(place: Place) -> str:
    """The name by which the mail of this store is known wherever it is moved; given when it is
    first asked for."""
    with closing(place.source()) as source:
        known = state.lineages(source.connection)
    if known:
        return min(known)
    fresh = secrets.token_hex(8)
    with place.writing() as cursor:
        cursor.execute(
            "INSERT INTO counter (name, value) VALUES (:name, 1)",
            {"name": state.LINEAGE + fresh},
        )
    return fresh


def mark_moved(place: Place, lineage: str, to: str) -> None:
    """No server starts on it any more."""
    with place.writing() as cursor:
        cursor.execute(state.TABLES[0], {})
        state.say(cursor, "lineage", lineage)
        state.say(cursor, "to", to)
        state.set_revision(cursor, marks.MOVED)


def reopen(place: Place) -> str:
    """Takes the mark off again that says that the mail is elsewhere; where that was. Raises InUse
    where there is none."""
    with place.at_rest(), place.writing() as cursor:
        if state.revision(cursor) != marks.MOVED:
            raise InUse(f"{place.name} was not moved away")
        to = state.said(cursor, "to")
        for table in state.NAMES:
            cursor.execute(f"DROP TABLE IF EXISTS {table}", {})
        state.set_revision(cursor, schema.HEAD)
    return to
