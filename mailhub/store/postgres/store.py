"""The store on PostgreSQL: as many processes as there are share one database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from os import urandom
from pathlib import Path

from twisted.internet.defer import Deferred

from mailhub.model.errors import Unavailable
from mailhub.model.message import BlobRef
from mailhub.model.settings import EncryptionSettings, S3Settings, Settings, StoreSettings
from mailhub.ports import Wakeups
from mailhub.ports.leases import Nodes
from mailhub.store.background import SWEEPS, Background
from mailhub.store.commit import WallClock
from mailhub.store.faults import DriverError
from mailhub.store.hop import Hop
from mailhub.store.leases import Alone
from mailhub.store.postgres import bodies, making, news
from mailhub.store.postgres.bodies import Bodies
from mailhub.store.postgres.carrier import BucketBodies
from mailhub.store.postgres.committer import Committer
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.follower import Follower
from mailhub.store.postgres.freeing import GRACE
from mailhub.store.postgres.kept import KeptService
from mailhub.store.postgres.keyring import Keyring, masters
from mailhub.store.postgres.news import Bulletin
from mailhub.store.postgres.nodes import NodeService
from mailhub.store.postgres.outside import Outside
from mailhub.store.postgres.roll import Own
from mailhub.store.postgres.runner import OutsideRunner
from mailhub.store.postgres.search_service import DatabaseIndex
from mailhub.store.readers import Readers
from mailhub.store.runner import ThreadRunner
from mailhub.store.s3.objects import Objects
from mailhub.store.spools import SpoolFolder
from mailhub.store.threaded import StoreReactor, ThreadedStore, reporting
from mailhub.store.watchers import Watchers
from mailhub.store.writer import Writer

_NOWHERE = S3Settings()
_OPEN = EncryptionSettings()


class Desk:
    """`readers.Desk`."""

    def __init__(self, where: str, ring: Keyring | None = None) -> None:
        self._where = where
        self._ring = ring
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self._where)
        return self._connection

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        return bodies.read_opened(self.connection, refs, self._ring)

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
        s3: S3Settings = _NOWHERE,
        encryption: EncryptionSettings = _OPEN,
    ) -> None:
        making.prepare(where)
        ring = _keyring(where, encryption.file) if encryption.file else None
        self._objects = Objects(s3, reactor, clock.now) if s3.endpoint else None
        hop = Hop(reactor)
        watchers = Watchers()
        bulletin = Bulletin(watchers, _newest(where))
        put = Bodies(ring, max(0, s3.grace - GRACE))
        committer = Committer(
            where, node, clock, settings.quota, lambda: bulletin.told, reporting(hop), put
        )
        readers = Readers(lambda: Desk(where, ring), settings.readers, hop)
        pending = settings.pending
        self.outside = Outside(s3, pending, self._objects, ring, readers, reactor, urandom)
        # News wait for no search: they have a reader of their own.
        self._ear = Readers(lambda: Desk(where), 1, hop)
        self._follower = Follower(
            reactor, lambda *last: self._ear.query(news.after, *last), bulletin
        )
        writer = Writer(committer, hop, self._follower, settings.pending)
        super().__init__(
            hop, readers, writer, spools, watchers, DatabaseIndex(where, hop), self._ear.stop
        )
        self.blobs = self.outside
        watchers.add(self.outside.heard)
        self.kept_files = KeptService(where, self.runner)
        self.nodes: Nodes = Alone(clock.now)
        if own is not None:
            self.nodes = NodeService(self.runner, own, reactor, clock.seconds)
        sweeps = self.nodes.leases.lease(SWEEPS)
        self.looked_after(Background(reactor, self.runner, self._sweep, lambda: False, sweeps))

    async def _sweep(self) -> None:
        while await self.runner.write(news.purge):
            continue
        await self.outside.sweep(self.runner)
        await self.outside.review(self.runner)

    def _runner(self, readers: Readers, writer: Writer) -> ThreadRunner:
        return OutsideRunner(readers, writer, self.outside)

    def backup_bodies(self, folder: Path, room: int) -> BucketBodies | None:
        """See `ServedStorage`."""
        if self._objects is None:
            return None
        return BucketBodies(folder, self.outside, self.runner, room)

    def start(self) -> None:
        """See `ThreadedStore`."""
        if self._objects is not None:
            self._objects.start()
        super().start()
        self._ear.start()
        self._follower.start()

    def rung_by(self, wakeups: Wakeups) -> None:
        """See `ServedStorage`."""
        self._follower.rung_by(wakeups)

    async def caught_up(self) -> None:
        """See `ports.Storage`."""
        await self._follower.look()

    def stop(self) -> Deferred[None]:
        """See `ThreadedStore`."""
        self._follower.stop()
        done = super().stop()
        if self._objects is not None:
            done.addCallback(partial(_then, self._objects.stop))
        return done


def _then(stop: Callable[[], Deferred[None]], _: None) -> Deferred[None]:
    return stop()


def _keyring(where: str, file: str) -> Keyring:
    ring = Keyring(masters(file))
    connection = Connection(where)
    try:
        ring.check(connection)
    finally:
        connection.close()
    return ring


def _newest(where: str) -> news.Place:
    connection = Connection(where)
    try:
        return news.newest(connection)
    finally:
        connection.close()


def open_store(
    settings: Settings, folder: Path, own: Own, reactor: StoreReactor, clock: WallClock
) -> PostgresStore:
    """The store in the database that the settings name; `folder`: of what this process alone keeps.
    Blocks while it makes its tables. Raises Unavailable when the database is away or is not this
    version's."""
    store, s3, keys = settings.store, settings.s3, settings.encryption
    spools = SpoolFolder(store.spool_memory, folder / "spool")
    try:
        where = store.database
        return PostgresStore(store, where, own.name, spools, reactor, clock, own, s3, keys)
    except DriverError as error:
        raise Unavailable(f"The database cannot be used: {error.__cause__}") from error
