"""The store on PostgreSQL: as many processes as there are share one database."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailhub.model.message import BlobRef
from mailhub.model.settings import StoreSettings
from mailhub.store.background import Background
from mailhub.store.hop import Hop
from mailhub.store.postgres import bodies, making
from mailhub.store.postgres.committer import Committer, WallClock
from mailhub.store.postgres.connection import Connection
from mailhub.store.readers import Readers
from mailhub.store.runner import ThreadRunner
from mailhub.store.spools import SpoolFolder
from mailhub.store.sqlite import StoreReactor
from mailhub.store.storage import ServedStorage
from mailhub.store.watchers import Watchers
from mailhub.store.writer import Writer


class Desk:
    """`readers.Desk`."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self._where)
        return self._connection

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        return bodies.read(self.connection, refs)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class PostgresStore(ServedStorage):
    """`ports.Storage` but for `search_index`. Call `start` before use and `stop` at the end.

    `where`: the database, as libpq wants it. `node`: see `Committer`.
    """

    _log = Logger()

    def __init__(
        self,
        settings: StoreSettings,
        where: str,
        node: str,
        spools: SpoolFolder,
        reactor: StoreReactor,
        clock: WallClock,
    ) -> None:
        making.prepare(where)
        self._hop = Hop(reactor)
        watchers = Watchers()
        committer = Committer(where, node, clock, settings.quota, self._failed)
        self._readers = Readers(lambda: Desk(where), settings.readers, self._hop)
        self._writer = Writer(committer, self._hop, watchers, settings.pending)
        runner = ThreadRunner(self._readers, self._writer)
        self.blobs = self._readers
        super().__init__(runner, spools, watchers)
        self._background = Background(reactor, runner, self._sweep, lambda: False)
        self.watch(self._background.heard)

    async def _sweep(self) -> None:
        while await self.runner.write(bodies.sweep):
            continue

    def _failed(self, error: Exception) -> None:
        """A commit failed; heard on the writer's thread."""
        self._hop.post(
            lambda: self._log.error(
                "A commit failed: {kind}: {error}", kind=type(error).__name__, error=error
            )
        )

    def start(self) -> None:
        """Starts the threads."""
        self._readers.start()
        self._writer.start()
        self._background.start()

    def stop(self) -> Deferred[None]:
        """Finishes what was asked for, then closes everything; fires when that is done."""
        done: Deferred[None] = Deferred()
        self._background.stop()
        self._writer.refuse()

        def close() -> None:
            self._readers.stop()
            self._writer.join()
            self._hop.post(lambda: done.callback(None))

        # A thread of its own: the reactor's pool may be gone when a server stops.
        Thread(target=close, name="mailhub-store-stop").start()
        return done
