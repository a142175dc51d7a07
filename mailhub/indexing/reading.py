"""What an index keeps of one message, whichever index: read within bounds, and not again and again
where that ends the process."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Protocol

from mailhub.core.search_documents import document
from mailhub.model.errors import Corrupt
from mailhub.model.indexed import Document
from mailhub.papers import Papers
from mailhub.store.fulltext import building
from mailhub.store.fulltext.building import Waiting
from mailhub.store.sql import Cursor
from mailhub.wire import mime

READING = "search.reading"
"""A file that says what is being read."""
COUNTED = 5.0
"""Seconds between two counts of what waits."""
TRIES = 2
"""Times that a message is read alone."""


class Reading:
    """Reads messages. `papers`: what reads the documents among their attachments."""

    def __init__(self, papers: Papers | None) -> None:
        self._papers = papers

    def document(self, one: Waiting, data: bytes) -> Document | None:
        """What the index keeps of a message whose blob is `data`; None where searches are to look
        at it themselves."""
        try:
            message = one.prefix + data
            read = self._papers
            papers = read.of(message, mime.scan(message)) if read is not None else ()
            return document(message, one.header_length, papers)
        except (Corrupt, OSError, MemoryError):
            return None


class Lag:
    """Says now and then how many messages wait, where more do than are taken in at once. `say`: to
    the server. `seconds`: a monotonic clock."""

    def __init__(
        self, say: Callable[[int], None], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._seconds = seconds
        self._next = -inf
        self._said = 0

    def step(self, source: Cursor, position: int) -> None:
        """After a batch: it ends at `position`."""
        now = self._seconds()
        if now >= self._next:
            self._next = now + COUNTED
            self._tell(building.behind(source, position))

    def over(self) -> None:
        """Nothing waits."""
        self._tell(0)

    def _tell(self, count: int) -> None:
        if count != self._said:
            self._said = count
            self._say(count)


def too_large(one: Waiting) -> bool:
    """Whether it is not even fetched."""
    return one.blob.length > building.LARGEST


class Slate(Protocol):
    """Where it is written down what is being read: it outlives the process."""

    def read(self) -> tuple[int, int, int]:
        """The first and the last content, and how often the first was read alone; zeros where
        nothing is written."""
        ...

    def write(self, first: int, last: int, tries: int) -> None: ...

    def wipe(self) -> None: ...


class FileSlate:
    """A file in the store's folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / READING

    def read(self) -> tuple[int, int, int]:
        """See `Slate`."""
        try:
            first, last, tries = map(int, self._path.read_text("ascii").split())
        except (OSError, ValueError):
            return 0, 0, 0
        return first, last, tries

    def write(self, first: int, last: int, tries: int) -> None:
        """See `Slate`."""
        self._path.write_text(f"{first} {last} {tries}", "ascii")

    def wipe(self) -> None:
        """See `Slate`."""
        self._path.unlink(missing_ok=True)


class Steps:
    """Which messages are being read, on a slate: so one that ends the process, whatever it does to
    it, does so three times at most. After the first those of its batch are read one by one; one
    over which a process ended twice, alone, is left to searches. Once may be chance: somebody
    killed it."""

    def __init__(self, slate: Slate) -> None:
        self._slate = slate
        self._first, self._last, self._tries = slate.read()

    def careful(self, content: int) -> bool:
        """Whether a message is among those that were read when a process ended."""
        return self._first <= content <= self._last

    def take(self, first: int, last: int, *, alone: bool) -> bool:
        """Notes what is read now. Whether processes ended over just that message, alone."""
        tries = 0
        if alone:
            tries = 1 + (self._tries if first == self._first else 0)
            last = self._last
        self._slate.write(first, last, tries)
        return tries > TRIES

    def done(self) -> None:
        """Nothing is read now."""
        self._last = 0
        self._slate.wipe()
