"""Keeps the full-text index, in a process of its own: `python -m mailhub.indexing FOLDER …`.

Reading mail for an index takes the interpreter for a millisecond a message; here that costs no
session anything, and what a hostile message does to it, it does to nobody else. The server tells
it on standard input that there is something new, and that it ends; it answers with what it does.
It reads the store and writes to the index alone, and may be killed at any instant.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mailhub.core.search_words import document
from mailhub.model.errors import Corrupt
from mailhub.model.indexed import Document
from mailhub.papers import Papers
from mailhub.store import database
from mailhub.store.fulltext import building, schema
from mailhub.store.fulltext.building import Waiting
from mailhub.store.segments import Files
from mailhub.wire import mime

PATIENCE = 30.0
"""Seconds between two looks where nobody says anything."""
PAUSE = 1.0
"""Seconds between two makings of an index that is damaged again and again."""
READING = "search.reading"
"""A file that says what is being read."""
TRIES = 2
"""Times that a message is read alone."""
REVIEW = 3600.0
"""Seconds between two counts of what was removed."""
MEMORY = 1 << 30
"""Bytes of address space."""
Say = Callable[[str], None]


class Follower:
    """One store's index."""

    def __init__(self, folder: Path, papers: Papers | None, ended: Callable[[float], bool]) -> None:
        self._folder = folder
        self._papers = papers
        self._ended = ended
        """Waits so many seconds for news; whether the server is gone."""
        self._source = database.connect_reader(folder)
        self._files = Files(folder / "segments")
        self._steps = Steps(folder)
        self._reviewed = 0.0

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
        if self._reviewed and now - self._reviewed < REVIEW:
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
        return bool(taken)

    def _document(self, one: Waiting) -> Document | None:
        if one.blob.length > building.LARGEST:
            return None
        try:
            (data,) = self._files.read([one.blob])
            message = one.prefix + data
            read = self._papers
            papers = read.of(message, mime.scan(message)) if read is not None else ()
            return document(message, one.header_length, papers)
        except (Corrupt, OSError, MemoryError):  # searches look at it themselves
            return None


class Steps:
    """Which messages are being read, in a file: so one that ends the process, whatever it does to
    it, does so three times at most. After the first those of its batch are read one by one; one
    over which a process ended twice, alone, is left to searches. Once may be chance: somebody
    killed it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / READING
        self._first = self._last = 0
        self._tries = 0
        try:
            first, last, tries = map(int, self._path.read_text("ascii").split())
        except (OSError, ValueError):
            return
        self._first, self._last, self._tries = first, last, tries

    def careful(self, content: int) -> bool:
        """Whether a message is among those that were read when a process ended."""
        return self._first <= content <= self._last

    def take(self, first: int, last: int, *, alone: bool) -> bool:
        """Notes what is read now. Whether processes ended over just that message, alone."""
        tries = 0
        if alone:
            tries = 1 + (self._tries if first == self._first else 0)
            last = self._last
        self._path.write_text(f"{first} {last} {tries}", "ascii")
        return tries > TRIES

    def done(self) -> None:
        """Nothing is read now."""
        self._last = 0
        self._path.unlink(missing_ok=True)


def ended(seconds: float) -> bool:
    """Waits for a word on standard input, so long; whether it was closed."""
    ready, _, _ = select.select([0], [], [], seconds)
    return bool(ready) and not os.read(0, 4096)


def main(folder: Path, niceness: int, read: bool) -> int:
    """Follows the store in `folder` until standard input ends. `read`: documents, too."""
    os.nice(niceness)
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    handle = os.open(folder / "search.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)  # one that belonged to a server before ends soon
    papers = Papers() if read else None
    last = ""

    def say(what: str) -> None:
        nonlocal last
        if what != last:
            last = what
            os.write(1, what.encode("utf-8", "replace") + b"\n")

    try:
        Follower(folder, papers, ended).run(say)
    except BrokenPipeError:
        return 0
    finally:
        if papers is not None:
            papers.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "read"))
