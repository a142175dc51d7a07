"""Threads that read: each at a desk of its own, with a connection and what bodies are read from."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from twisted.internet.defer import Deferred

from mailhub.model.errors import Corrupt, MailhubError
from mailhub.model.measure import Worst
from mailhub.model.message import BlobRef
from mailhub.store import database
from mailhub.store.faults import DRIVER, kind_of
from mailhub.store.hop import Hop
from mailhub.store.segments import Files
from mailhub.store.sql import Cursor

P = ParamSpec("P")
T = TypeVar("T")


class Desk(Protocol):
    """What one reading thread has at hand."""

    @property
    def connection(self) -> Cursor: ...

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        """See `ports.Blobs.read`."""
        ...

    def close(self) -> None:
        """After an error too: the next reading opens everything anew."""
        ...


class FolderDesk:
    """A database and segments in folders."""

    def __init__(self, folder: Path, segments: Path) -> None:
        self._folder = folder
        self._connection: sqlite3.Connection | None = None
        self._files = Files(segments)

    @property
    def connection(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = database.connect_reader(self._folder)
        return self._connection

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        return self._files.read(refs)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._files.close()


_Job = tuple[Callable[[Desk], Any], "Deferred[Any]", float]
"""What is to be done, who is told, and since when it waits."""


class Readers:
    """A bounded pool: one hop there and one back for each call. `waited`: for a thread that is
    free. `took`: on it. `report` hears, on its threads, of what the disk or the database made fail.
    `seconds`: a monotonic clock."""

    def __init__(
        self,
        desk: Callable[[], Desk],
        count: int,
        hop: Hop,
        report: Callable[[Exception], None] = lambda error: None,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self.waited, self.took = Worst(), Worst()
        self._desk = desk
        self._hop = hop
        self._report = report
        self._seconds = seconds
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = [
            Thread(target=self._run, name=f"mailhub-reader-{number}", daemon=True)
            for number in range(count)
        ]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends them after what was asked for; blocks until they ended."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def waiting(self) -> int:
        """Calls that no thread has taken up yet."""
        return self._jobs.qsize()

    def query(
        self, work: Callable[Concatenate[Cursor, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Runs `work` on a reading connection."""
        return self._submit(lambda desk: work(desk.connection, *args, **kwargs))

    def read(self, refs: Sequence[BlobRef]) -> Deferred[Sequence[bytes]]:
        """See `ports.Blobs.read`."""
        return self._submit(lambda desk: desk.read(refs))

    def query_with(
        self, work: Callable[[Cursor], tuple[T, Sequence[BlobRef]]]
    ) -> Deferred[tuple[T, Sequence[bytes]]]:
        """Runs `work`, then reads the blobs that it names; none where any is damaged."""
        return self._submit(lambda desk: _both(desk, work))

    def _submit(self, work: Callable[[Desk], T]) -> Deferred[T]:
        done: Deferred[T] = Deferred()
        self._jobs.put((work, done, self._seconds()))
        return done

    def _run(self) -> None:
        desk = self._desk()
        while (job := self._jobs.get()) is not None:
            work, done, asked = job
            begun = self._seconds()
            self.waited.note(begun - asked)
            self._answer(desk, work, done)
            self.took.note(self._seconds() - begun)
        desk.close()

    def _answer(self, desk: Desk, work: Callable[[Desk], Any], done: Deferred[Any]) -> None:
        try:
            result = work(desk)
        except MailhubError as error:
            if isinstance(error, Corrupt):
                self._report(error)
            self._fail(done, error)
        except DRIVER as error:
            self._report(error)
            desk.close()
            self._fail(done, kind_of(error))
        except Exception as error:
            self._fail(done, error)
        else:
            self._hop.post(lambda: done.callback(result))

    def _fail(self, done: Deferred[Any], error: Exception) -> None:
        self._hop.post(lambda: done.errback(error))


def _both(
    desk: Desk, work: Callable[[Cursor], tuple[T, Sequence[BlobRef]]]
) -> tuple[T, Sequence[bytes]]:
    found, refs = work(desk.connection)
    try:
        return found, desk.read(refs) if refs else ()
    except Corrupt:
        return found, ()
