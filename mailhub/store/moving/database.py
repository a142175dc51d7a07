"""PostgreSQL, as what is moved from and to."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from mailhub.model.errors import InUse, Unavailable
from mailhub.model.message import BlobRef
from mailhub.model.settings import Settings
from mailhub.store import marks
from mailhub.store.batch import Bytes, Failed, Job
from mailhub.store.faults import DriverError
from mailhub.store.moving import state
from mailhub.store.moving.ends import Source, Target, Work
from mailhub.store.moving.places import served
from mailhub.store.moving.tables import tables
from mailhub.store.orders import Blob
from mailhub.store.postgres import making, roll
from mailhub.store.postgres.bodies import Bodies
from mailhub.store.postgres.committer import Committer
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.keyring import Keyring, masters
from mailhub.store.postgres.news import NOWHERE
from mailhub.store.postgres.store import Desk
from mailhub.store.s3.names import is_sealed
from mailhub.store.sql import Cursor, Row, array_text, number, numbers_in
from mailhub.store.transaction import Transaction

COLLATION = ' COLLATE "C"'
_MOVING = 5_640_115
"""A lock's number: one process at a time fills a database."""


class DatabaseSource:
    """`ends.Source`, beside servers."""

    collation = COLLATION

    def __init__(self, settings: Settings) -> None:
        where, keys = settings.store.database, settings.encryption.file
        self._ring = Keyring(masters(keys)) if keys else None
        self._desk = Desk(where, self._ring)
        self._bucket: Bucket | None = None
        if settings.s3.endpoint:
            from mailhub.store.moving.bucket import Bucket

            self._bucket = Bucket(settings.s3, self._ring, Desk(where, self._ring), self._aside)

    def _aside(self, work: Callable[..., Any], *args: object) -> Any:
        """Work of the bucket's in a commit."""
        raise Unavailable("Bodies are only read here")

    @property
    def connection(self) -> Connection:
        return self._desk.connection

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        return self._desk.read(refs) if self._bucket is None else self._bucket.read(refs)

    def last_number(self) -> int:
        return number(self.connection, "SELECT value FROM counter WHERE name = 'journal'", {})

    def close(self) -> None:
        if self._bucket is not None:
            self._bucket.close()
        self._desk.close()


class _Wall:
    """`committer.WallClock`."""

    def now(self) -> float:
        return time.time()

    def seconds(self) -> float:
        return time.monotonic()


class DatabaseTarget(DatabaseSource):
    """`ends.Target`. Raises InUse where another process fills the database."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        mine = self.connection.execute(f"SELECT pg_try_advisory_lock({_MOVING})").fetchone()
        if not mine[0]:
            super().close()
            raise InUse("Another process fills this database")
        node = f"move {secrets.token_hex(8)}"
        self._counter = {"name": f"node {node}"}
        self._errors: list[Exception] = []
        where, bodies = settings.store.database, Bodies(self._ring)
        self._committer = Committer(
            where, node, _Wall(), 0, lambda: NOWHERE, self._errors.append, bodies
        )

    def write(self, bodies: Sequence[Bytes], work: Work) -> Sequence[BlobRef]:
        def call(tx: Transaction, put: Sequence[Blob]) -> list[BlobRef]:
            refs = [blob.ref for blob in put]
            work(tx, refs)
            return refs

        if self._bucket is not None:
            bodies = self._bucket.put(bodies)
        refs: list[BlobRef] = self._committed(Job(bodies, call=call))
        return refs

    def _committed(self, job: Job) -> Any:
        self._errors.clear()
        (outcome,), _ = self._committer.commit([job])
        if isinstance(outcome, Failed):
            # What the driver said, where it said something: that may be tried again.
            raise self._errors[0] if self._errors else outcome.error
        return outcome

    def _aside(self, work: Callable[..., Any], *args: object) -> Any:
        return self._committed(Job(call=lambda tx, _: work(tx, *args)))

    def insert(
        self, tx: Transaction, table: str, columns: Sequence[str], rows: Sequence[Row]
    ) -> None:
        cursor: Any = tx.cursor  # the committer's: a `Connection`
        if rows:
            cursor.copy(table, columns, rows)

    def share(self, tx: Transaction, segments: Collection[int]) -> None:
        closed = [segment for segment in segments if is_sealed(segment)]
        if self._ring is None or not closed:
            return
        have = {
            tuple(row)
            for row in tx.execute(
                f"SELECT account, segment FROM body_key WHERE segment IN {numbers_in('closed')}",
                {"closed": array_text(closed)},
            ).fetchall()
        }
        tx.placed[:] = [pair for pair in tx.placed if pair not in have]
        self._ring.share(tx, self._ring.find(tx.cursor, closed))

    def close(self) -> None:
        self._committer.close()
        with suppress(DriverError):  # who looks after counters of processes finds it, too
            self.connection.execute("DELETE FROM counter WHERE name = :name", self._counter)
        super().close()


class DatabasePlace:
    """`places.Place`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._where = settings.store.database

    @property
    def name(self) -> str:
        parts = conninfo_to_dict(self._where)
        host = parts.get("host") or parts.get("hostaddr") or "localhost"
        return f"PostgreSQL {parts.get('dbname') or ''} at {host}:{parts.get('port') or 5432}"

    def source(self) -> DatabaseSource:
        return DatabaseSource(self._settings)

    def target(self) -> DatabaseTarget:
        if not self._marked():
            making.prepare(self._where)
        self._require_unused()
        return DatabaseTarget(self._settings)

    def _marked(self) -> bool:
        with closing(Connection(self._where)) as connection:
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone()[0] is None:
                return False
            return state.revision(connection) in (marks.FILLING, marks.MOVED)

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        with closing(Connection(self._where)) as connection:
            connection.begin()
            yield connection
            connection.commit()

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """The journal's counter is locked: no process commits anything meanwhile."""
        self._require_unused()
        with closing(Connection(self._where)) as connection:
            connection.execute("SET idle_in_transaction_session_timeout = 0")
            connection.begin()
            connection.execute("SELECT value FROM counter WHERE name = 'journal' FOR UPDATE")
            self._require_unused()
            yield

    def _require_unused(self) -> None:
        with closing(Connection(self._where)) as connection:
            nodes = roll.everyone(connection, "", roll.moment)
        live = sorted({node.host for node in nodes if node.live})
        if live:
            raise InUse(f"Servers work on this database, on {', '.join(live)}")

    def complete(self, source: Source, target: Target) -> None:
        with closing(Connection(self._where)) as connection:
            for table in tables():  # else the first servers would plan for empty ones
                connection.upkeep(f"ANALYZE {table}")
        served(source, target)
