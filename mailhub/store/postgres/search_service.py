"""`ports.SearchIndex` in the database, on threads and connections of its own: however long a search
takes, it holds up no reader of mail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from mailhub.model.indexed import IndexPage, IndexStatus, Looked, Place, Span
from mailhub.model.message import BlobRef
from mailhub.model.search import Indexed, SearchKey
from mailhub.store.fulltext import questions
from mailhub.store.hop import Hop
from mailhub.store.postgres import bodies, search_building
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.search import DATABASE, SESSION
from mailhub.store.readers import Readers
from mailhub.store.sql import Cursor, one_moment

THREADS = 2


class SearchDesk:
    """`readers.Desk`."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self._where, SESSION)
        return self._connection

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        return bodies.read(self.connection, refs)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class DatabaseIndex:
    """`ports.SearchIndex`. `start` before use, `stop` at the end."""

    def __init__(self, where: str, hop: Hop) -> None:
        self._readers = Readers(lambda: SearchDesk(where), THREADS, hop)
        self._hop = hop
        self._wake: Callable[[], None] = _nothing
        self._state: Callable[[], str] = lambda: "off"

    def looked_after(self, wake: Callable[[], None], state: Callable[[], str]) -> None:
        """See `threaded.Searching`."""
        self._wake, self._state = wake, state

    def start(self) -> None:
        """Starts the threads."""
        self._readers.start()

    def stop(self) -> None:
        """Ends them after what was asked for; blocks until they ended."""
        self._readers.stop()

    # -- the port

    def look(self, account: int, mailbox: int, key: Indexed) -> Awaitable[Looked | None]:
        """See `ports.SearchIndex.look`."""
        return self._readers.query(questions.look, DATABASE, account, mailbox, key)

    def page(
        self,
        account: int,
        mailboxes: Sequence[int],
        key: SearchKey,
        span: Span,
        also: Sequence[Place] = (),
    ) -> Awaitable[IndexPage]:
        """See `ports.SearchIndex.page`."""
        return self._readers.query(questions.page, DATABASE, account, mailboxes, key, span, also)

    def status(self) -> Awaitable[IndexStatus]:
        """See `ports.SearchIndex.status`."""
        return self._readers.query(one_moment(search_building.status), self._state())

    def rebuild(self) -> Awaitable[None]:
        """See `ports.SearchIndex.rebuild`."""
        return self._readers.query(self._order)

    def _order(self, cursor: Cursor) -> None:
        search_building.order(cursor)
        self._hop.post(self._wake)


def _nothing() -> None:
    """Nobody looks after the index."""
