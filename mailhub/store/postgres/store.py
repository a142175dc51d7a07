"""The store on PostgreSQL: as many processes as there are share one database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mailhub.model.errors import Unavailable
from mailhub.model.message import BlobRef
from mailhub.model.settings import StoreSettings
from mailhub.store.background import Background
from mailhub.store.faults import DriverError
from mailhub.store.fulltext.unindexed import Unindexed
from mailhub.store.hop import Hop
from mailhub.store.postgres import bodies, making
from mailhub.store.postgres.committer import Committer, WallClock
from mailhub.store.postgres.connection import Connection
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
    """`ports.Storage` in a database. `where`: which, as libpq wants it. `node`: see `Committer`."""

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
        hop = Hop(reactor)
        watchers = Watchers()
        committer = Committer(where, node, clock, settings.quota, reporting(hop))
        readers = Readers(lambda: Desk(where), settings.readers, hop)
        writer = Writer(committer, hop, watchers, settings.pending)
        super().__init__(hop, readers, writer, spools, watchers, Unindexed(readers))
        self.looked_after(Background(reactor, self.runner, self._sweep, lambda: False))

    async def _sweep(self) -> None:
        while await self.runner.write(bodies.sweep):
            continue


def open_store(
    settings: StoreSettings, folder: Path, node: str, reactor: StoreReactor, clock: WallClock
) -> PostgresStore:
    """The store in the database that the settings name; `folder`: of what this process alone keeps.
    Blocks while it makes its tables. Raises Unavailable when the database is away or is not this
    version's."""
    spools = SpoolFolder(settings.spool_memory, folder / "spool")
    try:
        return PostgresStore(settings, settings.database, node, spools, reactor, clock)
    except DriverError as error:
        raise Unavailable(f"The database cannot be used: {error.__cause__}") from error
