"""The index beside the embedded store: files in its folder."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from mailhub.indexing.line import Say
from mailhub.indexing.reading import FileSlate, Lag, Reading, Steps, too_large
from mailhub.model.errors import Corrupt
from mailhub.model.indexed import Document
from mailhub.store import database
from mailhub.store.fulltext import building, schema
from mailhub.store.fulltext.building import Waiting
from mailhub.store.segments import Files

PATIENCE = 30.0
"""Seconds between two looks where nobody says anything."""
PAUSE = 1.0
"""Seconds between two makings of an index that is damaged again and again."""
LOG = 64 << 20
"""Octets of the index's log from which it is cut."""
MOMENT = 1000
"""Milliseconds for which searches are waited for then."""
REVIEW = 3600.0
"""Seconds between two counts of what was removed."""


class Follower:
    """One store's index."""

    def __init__(
        self,
        folder: Path,
        reading: Reading,
        ended: Callable[[float], bool],
        behind: Callable[[int], None] = lambda count: None,
        review: float = REVIEW,
    ) -> None:
        self._folder = folder
        self._reading = reading
        self._ended = ended
        """Waits so many seconds for news; whether the server is gone."""
        self._source = database.connect_reader(folder)
        self._files = Files(folder / "segments")
        self._steps = Steps(FileSlate(folder))
        self._lag = Lag(behind)
        self._review_every = review
        self._reviewed = 0.0
        self._too_long = LOG

    def run(self, say: Say) -> None:
        """Until the server is gone."""
        path = self._folder / schema.NAME
        while True:
            pause = 0.0
            try:
                if self._follows(path, say) or (self._ordered and self._again(say)):
                    break
            except (sqlite3.OperationalError, OSError) as error:
                say(f"waiting: {error}")  # a full disk, say
                schema.remove(self._folder / schema.NEXT)
                pause = PATIENCE
            except sqlite3.DatabaseError as error:
                say(f"damaged: {error}")
                schema.remove(path)
                pause = PAUSE
            if pause and self._ended(pause):
                break
        self._steps.done()

    @property
    def _ordered(self) -> bool:
        return (self._folder / schema.ORDERED).exists()

    def _opened(self, path: Path, say: Say) -> sqlite3.Connection:
        """The index that is there; else a new one."""
        try:
            target = schema.open_writer(path)
        except sqlite3.DatabaseError:
            target = None
        if target is not None:
            if not building.ahead(self._source, building.position(target, "main")):
                return target
            target.close()
        say("building")
        schema.place(self._new(), self._folder / schema.NEXT, path)
        return schema.open_writer(path)

    def _new(self) -> sqlite3.Connection:
        """An empty index beside the one that is used."""
        schema.remove(self._folder / schema.NEXT)
        return schema.create(self._folder / schema.NEXT)

    def _follows(self, path: Path, say: Say) -> bool:
        target = self._opened(path, say)
        try:
            return self._follow(target, say)
        finally:
            target.close()

    def _follow(self, target: sqlite3.Connection, say: Say) -> bool:
        """Until the server is gone, which is told, or the index is to be made anew."""
        while True:
            while self._step(target):
                if self._ended(0):
                    return True
            self._steps.done()
            self._lag.over()
            say("following")
            self._review(target)
            if self._ordered:
                return False
            if self._ended(PATIENCE):
                return True

    def _again(self, say: Say) -> bool:
        """Makes the index anew beside the old one, and puts it into its place. Whether the server
        is gone before that is done."""
        say("rebuilding")
        target = self._new()
        try:
            while self._step(target):
                if self._ended(0):
                    return True
            schema.place(target, self._folder / schema.NEXT, self._folder / schema.NAME)
        finally:
            target.close()
        (self._folder / schema.ORDERED).unlink(missing_ok=True)
        return False

    def _review(self, target: sqlite3.Connection) -> None:
        """Orders a new index where too much of this one is about mail that is gone."""
        now = time.monotonic()
        if self._reviewed and now - self._reviewed < self._review_every:
            return
        self._reviewed = now
        reader = schema.open_reader(self._folder)
        try:
            removed = building.removed(reader)
            documents = reader.execute("SELECT documents FROM found.state").fetchone()[0]
        finally:
            reader.close()
        if removed > max(building.REMOVED_LEAST, documents // 3):
            (self._folder / schema.ORDERED).touch(mode=0o600)

    # -- messages

    def _step(self, target: sqlite3.Connection) -> bool:
        """Takes in the next messages; whether there were any."""
        taken = building.waiting(self._source, building.position(target, "main"))
        if taken:
            alone = self._steps.careful(taken[0].content)
            taken = taken[:1] if alone else taken
            fatal = self._steps.take(taken[0].content, taken[-1].content, alone=alone)
            made = [(one, None if fatal else self._document(one)) for one in taken]
            building.put(target, "main", made)
            self._shorten(target)
            self._lag.step(self._source, taken[-1].content)
        return bool(taken)

    def _shorten(self, target: sqlite3.Connection) -> None:
        """Searches that follow one another without a gap keep the log from beginning anew."""
        log = schema.log_size(target)
        if log > self._too_long:
            begun = database.begin_log_anew(target, MOMENT)
            self._too_long = LOG if begun else 2 * log

    def _document(self, one: Waiting) -> Document | None:
        if too_large(one):
            return None
        try:
            (data,) = self._files.read([one.blob])
        except (Corrupt, OSError, MemoryError):  # searches look at it themselves
            return None
        return self._reading.document(one, data)
