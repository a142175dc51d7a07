"""`ports.SearchIndex` on a thread of its own, and in memory.

The index has its own connection and thread: however long a search takes, it holds up no reader of
mail. One that is missing or damaged is not asked, and is made anew meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

from mailhub.model.errors import MailhubError
from mailhub.model.indexed import Document, IndexPage, IndexStatus, Looked, Place, Span
from mailhub.model.message import BlobRef
from mailhub.model.search import Indexed, SearchKey
from mailhub.store import database
from mailhub.store.faults import DRIVER, kind_of
from mailhub.store.fulltext import building, questions, schema
from mailhub.store.fulltext.fts5 import ATTACHED
from mailhub.store.hop import Hop
from mailhub.store.sql import Cursor, number

T = TypeVar("T")
THREADS = 2


class _Desk:
    """What one thread has at hand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index: sqlite3.Connection | None = None
        self._made = (0, 0)
        self._plain: sqlite3.Connection | None = None

    @property
    def index(self) -> sqlite3.Connection:
        """The metadata with the index, opened anew where another took its place. Raises
        sqlite3.DatabaseError."""
        made = self._file()
        if self._index is None or made != self._made:
            self.close()
            self._index = schema.open_reader(self._folder)
            self._made = made
        return self._index

    def _file(self) -> tuple[int, int]:
        try:
            found = (self._folder / schema.NAME).stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_dev, found.st_ino

    @property
    def plain(self) -> sqlite3.Connection:
        """The metadata alone."""
        if self._plain is None:
            self._plain = database.connect_reader(self._folder)
        return self._plain

    def close(self) -> None:
        """After an error too: the next question opens everything anew."""
        for connection in (self._index, self._plain):
            if connection is not None:
                connection.close()
        self._index = self._plain = None


_Job = tuple[Callable[[_Desk], Any], "Deferred[Any]"]


class IndexService:
    """`ports.SearchIndex` on disk. `start` before use, `stop` at the end."""

    def __init__(self, folder: Path, hop: Hop) -> None:
        self._folder = folder
        self._hop = hop
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = [
            Thread(target=self._run, name=f"mailhub-search-{one}", daemon=True)
            for one in range(THREADS)
        ]
        self._wake: Callable[[], None] = _nothing
        self._state: Callable[[], str] = lambda: "off"

    def looked_after(self, wake: Callable[[], None], state: Callable[[], str]) -> None:
        """`wake`: called, on the reactor's thread, when the index is damaged or to be made anew.
        `state` says what is being done to it."""
        self._wake, self._state = wake, state

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends them after what was asked for; blocks until they ended."""
        # Looked at first: one that ends at the first word must not leave another without.
        alive = [thread for thread in self._threads if thread.is_alive()]
        for _ in alive:
            self._jobs.put(None)
        for thread in alive:
            thread.join()

    # -- the port

    def look(self, account: int, mailbox: int, key: Indexed) -> Awaitable[Looked | None]:
        """See `ports.SearchIndex.look`."""
        return self._ask(
            lambda index: questions.look(index, ATTACHED, account, mailbox, key), lambda plain: None
        )

    def page(
        self,
        account: int,
        mailboxes: Sequence[int],
        key: SearchKey,
        span: Span,
        also: Sequence[Place] = (),
    ) -> Awaitable[IndexPage]:
        """See `ports.SearchIndex.page`."""
        return self._ask(
            lambda index: questions.page(index, ATTACHED, account, mailboxes, key, span, also),
            lambda plain: questions.page(
                plain, ATTACHED, account, mailboxes, key, span, also, indexed=False
            ),
        )

    def status(self) -> Awaitable[IndexStatus]:
        """See `ports.SearchIndex.status`."""
        state = self._state()
        return self._ask(
            lambda index: status(index, state, _size(self._folder)),
            lambda plain: IndexStatus(state, waiting=_contents(plain)),
        )

    def rebuild(self) -> Awaitable[None]:
        """See `ports.SearchIndex.rebuild`."""
        return self._submit(lambda desk: self._order())

    # -- the threads

    def _ask(
        self,
        known: Callable[[Cursor], T],
        unknown: Callable[[Cursor], T],
    ) -> Deferred[T]:
        """`known` with the index; where it cannot be used, `unknown` without."""

        def work(desk: _Desk) -> T:
            try:
                return known(desk.index)
            except sqlite3.DatabaseError as error:
                desk.close()
                if (self._folder / schema.NAME).exists() and not _passing(error):
                    self._order()
                return unknown(desk.plain)

        return self._submit(work)

    def _order(self) -> None:
        """Asks for a new index."""
        (self._folder / schema.ORDERED).touch(mode=0o600)
        self._hop.post(self._wake)

    def _submit(self, work: Callable[[_Desk], T]) -> Deferred[T]:
        done: Deferred[T] = Deferred()
        self._jobs.put((work, done))
        return done

    def _run(self) -> None:
        desk = _Desk(self._folder)
        while (job := self._jobs.get()) is not None:
            self._answer(desk, *job)
        desk.close()

    def _answer(self, desk: _Desk, work: Callable[[_Desk], Any], done: Deferred[Any]) -> None:
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


def _passing(error: sqlite3.DatabaseError) -> bool:
    """Whether an error says nothing of the index itself: it is in use, or the disk fails."""
    return isinstance(error, sqlite3.OperationalError)


def status(cursor: Cursor, state: str, size: int) -> IndexStatus:
    """How the index at `found` stands."""
    waiting = number(
        cursor, "SELECT count(*) FROM content WHERE key > (SELECT position FROM found.state)", {}
    )
    documents = number(cursor, "SELECT documents FROM found.state", {})
    return IndexStatus(state, documents, waiting, building.removed(cursor), size)


def _contents(cursor: Cursor) -> int:
    return number(cursor, "SELECT count(*) FROM content", {})


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob(f"{schema.NAME}*"))


def _nothing() -> None:
    """Nobody looks after the index."""


class Blobs(Protocol):
    """What the memory index asks of the blobs beside it."""

    async def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]: ...


class MemoryIndex:
    """`ports.SearchIndex` in the memory store: whoever wants it to be up to date calls `follow`."""

    def __init__(self, connection: sqlite3.Connection, blobs: Blobs) -> None:
        self._connection = connection
        self._blobs = blobs
        self._attached = False

    def _attach(self) -> None:
        if not self._attached:
            self._connection.execute("ATTACH ':memory:' AS found")
            schema.make(self._connection, "found")
            self._attached = True

    async def follow(self, make: Callable[[bytes, int], Document]) -> None:
        """Takes in all that is waiting."""
        self._attach()
        source = self._connection
        while taken := building.waiting(source, building.position(source, "found")):
            read = await self._blobs.read([one.blob for one in taken])
            pairs = [
                (one, make(one.prefix + data, one.header_length))
                for one, data in zip(taken, read, strict=True)
            ]
            building.put(source, "found", pairs)

    async def look(self, account: int, mailbox: int, key: Indexed) -> Looked | None:
        """See `ports.SearchIndex.look`."""
        if not self._attached:
            return None
        return questions.look(self._connection, ATTACHED, account, mailbox, key)

    async def page(
        self,
        account: int,
        mailboxes: Sequence[int],
        key: SearchKey,
        span: Span,
        also: Sequence[Place] = (),
    ) -> IndexPage:
        """See `ports.SearchIndex.page`."""
        return questions.page(
            self._connection,
            ATTACHED,
            account,
            mailboxes,
            key,
            span,
            also,
            indexed=self._attached,
        )

    async def status(self) -> IndexStatus:
        """See `ports.SearchIndex.status`."""
        if not self._attached:
            return IndexStatus("off", waiting=_contents(self._connection))
        return status(self._connection, "following", 0)

    async def rebuild(self) -> None:
        """Forgets all; `follow` begins anew."""
        if self._attached:
            self._connection.execute("DETACH found")
            self._attached = False
