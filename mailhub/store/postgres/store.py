"""The store on PostgreSQL: as many processes as there are share one database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from twisted.internet.defer import Deferred

from mailhub.model.errors import Unavailable
from mailhub.model.message import BlobRef
from mailhub.model.settings import StoreSettings
from mailhub.ports.leases import Nodes
from mailhub.store.background import SWEEPS, Background
from mailhub.store.commit import WallClock
from mailhub.store.faults import DriverError
from mailhub.store.fulltext.unindexed import Unindexed
from mailhub.store.hop import Hop
from mailhub.store.leases import Alone
from mailhub.store.postgres import bodies, making, news
from mailhub.store.postgres.committer import Committer
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.follower import Follower
from mailhub.store.postgres.news import Bulletin
from mailhub.store.postgres.nodes import NodeService
from mailhub.store.postgres.roll import Own
from mailhub.store.readers import Readers
from mailhub.store.spools import SpoolFolder
from mailhub.store.threaded import StoreReactor, ThreadedStore, reporting
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


class PostgresStore(ThreadedStore):
    """`ports.Storage` in a database. `where`: which, as libpq wants it. `node`: see `Committer`.
    `own`: what this process says of itself to others; None where there are none."""

    def __init__(
        self,
        settings: StoreSettings,
        where: str,
        node: str,
        spools: SpoolFolder,
        reactor: StoreReactor,
        clock: WallClock,
        own: Own | None = None,
    ) -> None:
        making.prepare(where)
        hop = Hop(reactor)
        watchers = Watchers()
        bulletin = Bulletin(watchers, _newest(where))
        committer = Committer(
            where, node, clock, settings.quota, lambda: bulletin.told, reporting(hop)
        )
        readers = Readers(lambda: Desk(where), settings.readers, hop)
        # News wait for no search: they have a reader of their own.
        self._ear = Readers(lambda: Desk(where), 1, hop)
        self._follower = Follower(reactor, lambda last: self._ear.query(news.after, last), bulletin)
        self.rung_by = self._follower.rung_by
        writer = Writer(committer, hop, self._follower, settings.pending)
        super().__init__(hop, readers, writer, spools, watchers, Unindexed(readers), self._ear.stop)
        self.nodes: Nodes = Alone(clock.now)
        if own is not None:
            self.nodes = NodeService(self.runner, own, reactor, clock.seconds)
        sweeps = self.nodes.leases.lease(SWEEPS)
        self.looked_after(Background(reactor, self.runner, self._sweep, lambda: False, sweeps))

    async def _sweep(self) -> None:
        for work in (bodies.sweep, news.purge):
            while await self.runner.write(work):
                continue

    def start(self) -> None:
        """See `ThreadedStore`."""
        super().start()
        self._ear.start()
        self._follower.start()

    def stop(self) -> Deferred[None]:
        """See `ThreadedStore`."""
        self._follower.stop()
        return super().stop()


def _newest(where: str) -> int:
    connection = Connection(where)
    try:
        return news.newest(connection)
    finally:
        connection.close()


def open_store(
    settings: StoreSettings, folder: Path, own: Own, reactor: StoreReactor, clock: WallClock
) -> PostgresStore:
    """The store in the database that the settings name; `folder`: of what this process alone keeps.
    Blocks while it makes its tables. Raises Unavailable when the database is away or is not this
    version's."""
    spools = SpoolFolder(settings.spool_memory, folder / "spool")
    try:
        where = settings.database
        return PostgresStore(settings, where, own.name, spools, reactor, clock, own)
    except DriverError as error:
        raise Unavailable(f"The database cannot be used: {error.__cause__}") from error
