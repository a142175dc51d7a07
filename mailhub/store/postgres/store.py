"""The store on PostgreSQL: as many processes as there are share one database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from os import urandom
from pathlib import Path

from twisted.internet.defer import Deferred

from mailhub.model.errors import Unavailable
from mailhub.model.measure import Measure
from mailhub.model.message import BlobRef
from mailhub.model.settings import EncryptionSettings, S3Settings, Settings, StoreSettings
from mailhub.ports import Wakeups
from mailhub.ports.leases import Nodes
from mailhub.store.background import SWEEPS, Background
from mailhub.store.commit import WallClock
from mailhub.store.complaints import Complaints
from mailhub.store.faults import DriverError
from mailhub.store.hop import Hop
from mailhub.store.leases import Alone
from mailhub.store.postgres import bodies, making, news, roll
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
from mailhub.store.postgres.roll import Moment, Own
from mailhub.store.postgres.runner import OutsideRunner
from mailhub.store.postgres.search_service import DatabaseIndex
from mailhub.store.readers import Readers
from mailhub.store.runner import ThreadRunner
from mailhub.store.s3.objects import Objects
from mailhub.store.spools import SpoolFolder
from mailhub.store.sql import Cursor
from mailhub.store.threaded import StoreReactor, ThreadedStore
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
    `own`: what this process says of itself to others; None where there are none. `agree`: is told
    the database's time, in seconds since the epoch, at first and every few seconds, on threads."""

    alone = False

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
        agree: Callable[[float], object] = float,
    ) -> None:
        making.prepare(where)
        ring = _keyring(where, encryption.file) if encryption.file else None
        self._objects = Objects(s3, reactor, clock.now) if s3.endpoint else None
        hop = Hop(reactor)
        watchers = Watchers()
        moment = _agreeing(agree)
        bulletin = Bulletin(watchers, _newest(where, moment))
        put = Bodies(ring, max(0, s3.grace - GRACE))
        committed, read = Complaints(hop, "A commit"), Complaints(hop, "A read")
        committer = Committer(
            where, node, clock, settings.quota, lambda: bulletin.told, committed, put
        )
        readers = Readers(lambda: Desk(where, ring), settings.readers, hop, read)
        pending = settings.pending
        self.outside = Outside(s3, pending, self._objects, ring, readers, reactor, urandom)
        # News wait for no search: they have a reader of their own.
        self._ear = Readers(lambda: Desk(where), 1, hop)
        self._follower = Follower(
            reactor, lambda *last: self._ear.query(news.after, *last), bulletin, clock.seconds
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
            self.nodes = NodeService(self.runner, own, reactor, clock.seconds, moment)
        sweeps = self.nodes.leases.lease(SWEEPS)
        self.measures += self._measured()
        self.looked_after(Background(reactor, self.runner, self._sweep, lambda: False, sweeps))

    def _measured(self) -> list[Measure]:
        """How the database and the bucket do."""
        found = [
            Measure(
                "mailhub_store_news_age_seconds",
                "Since when it is not known what other processes committed",
                lambda: self._follower.age,
            ),
            Measure(
                "mailhub_database_look_worst_seconds",
                "The longest look for news in the database since this was last read",
                self._ear.took.read,
            ),
        ]
        return found if self._objects is None else [*found, *self._objects.measures]

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


def _agreeing(agree: Callable[[float], object]) -> Moment:
    """The database's clock, by which all its processes go: what one of them writes down as due or
    as over must mean the same to all, also where one machine's clock is wrong."""

    def moment(cursor: Cursor) -> int:
        found = roll.moment(cursor)
        agree(found / 1000)
        return found

    return moment


def _newest(where: str, moment: Moment) -> news.Place:
    connection = Connection(where)
    try:
        moment(connection)
        return news.newest(connection)
    finally:
        connection.close()


def open_store(
    settings: Settings,
    folder: Path,
    own: Own,
    reactor: StoreReactor,
    clock: WallClock,
    agree: Callable[[float], object] = float,
) -> PostgresStore:
    """The store in the database that the settings name; `folder`: of what this process alone keeps.
    Blocks while it makes its tables. Raises Unavailable when the database is away or is not this
    version's."""
    store, s3, keys = settings.store, settings.s3, settings.encryption
    spools = SpoolFolder(store.spool_memory, folder / "spool")
    try:
        where = store.database
        return PostgresStore(store, where, own.name, spools, reactor, clock, own, s3, keys, agree)
    except DriverError as error:
        raise Unavailable(f"The database cannot be used: {error.__cause__}") from error
