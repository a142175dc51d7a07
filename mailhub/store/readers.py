"""Threads that read: each at a desk of its own, with a connection and what bodies are read from."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from twisted.internet.defer import Deferred

from mailhub.model.errors import Corrupt, MailhubError
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


_Job = tuple[Callable[[Desk], Any], "Deferred[Any]"]


class Readers:
    """A bounded pool: one hop there and one back for each call."""

    def __init__(self, desk: Callable[[], Desk], count: int, hop: Hop) -> None:
        self._desk = desk
        self._hop = hop
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

    def query(
        self, work: Callable[Concatenate[Cursor, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Runs `work` on a reading connection."""
        done: Deferred[T] = Deferred()
        self._jobs.put((lambda desk: work(desk.connection, *args, **kwargs), done))
        return done

    def read(self, refs: Sequence[BlobRef]) -> Deferred[Sequence[bytes]]:
        """See `ports.Blobs.read`."""
        done: Deferred[Sequence[bytes]] = Deferred()
        self._jobs.put((lambda desk: desk.read(refs), done))
        return done

    def query_with(
        self, work: Callable[[Cursor], tuple[T, Sequence[BlobRef]]]
    ) -> Deferred[tuple[T, Sequence[bytes]]]:
        """Runs `work`, then reads the blobs that it names; none where any is damaged."""
        done: Deferred[tuple[T, Sequence[bytes]]] = Deferred()
        self._jobs.put((lambda desk: _both(desk, work), done))
        return done

    def _run(self) -> None:
        desk = self._desk()
        while (job := self._jobs.get()) is not None:
            self._answer(desk, *job)
        desk.close()

    def _answer(self, desk: Desk, work: Callable[[Desk], Any], done: Deferred[Any]) -> None:
        try:
            result = work(desk)
        except MailhubError as error:
            self._fail(done, error)
        except DRIVER as error:
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
