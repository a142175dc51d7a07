"""`ports.SearchIndex` where there is none: what the rows tell, and searches look at the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from twisted.internet.defer import succeed

from mailhub.model.errors import Unavailable
from mailhub.model.indexed import IndexPage, IndexStatus, Looked, Place, Span
from mailhub.model.search import Indexed, SearchKey
from mailhub.store.fulltext import questions
from mailhub.store.fulltext.fts5 import ATTACHED
from mailhub.store.readers import Readers
from mailhub.store.sql import Cursor, number


class Unindexed:
    """Asks the threads that read."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def looked_after(self, wake: Callable[[], None], state: Callable[[], str]) -> None:
        """There is nothing to look after."""

    def start(self) -> None:
        """The threads begin with the store."""

    def stop(self) -> None:
        """They end with it."""

    def look(self, account: int, mailbox: int, key: Indexed) -> Awaitable[Looked | None]:
        """See `ports.SearchIndex.look`."""
        return succeed(None)

    def page(
        self,
        account: int,
        mailboxes: Sequence[int],
        key: SearchKey,
        span: Span,
        also: Sequence[Place] = (),
    ) -> Awaitable[IndexPage]:
        """See `ports.SearchIndex.page`."""

        def work(cursor: Cursor) -> IndexPage:
            return questions.page(
                cursor, ATTACHED, account, mailboxes, key, span, also, indexed=False
            )

        return self._readers.query(work)

    def status(self) -> Awaitable[IndexStatus]:
        """See `ports.SearchIndex.status`."""

        def work(cursor: Cursor) -> IndexStatus:
            return IndexStatus("off", waiting=number(cursor, "SELECT count(*) FROM content", {}))

        return self._readers.query(work)

    async def rebuild(self) -> None:
        """See `ports.SearchIndex.rebuild`. Raises Unavailable."""
        raise Unavailable("This store keeps no index")
