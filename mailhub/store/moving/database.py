"""PostgreSQL, as what is moved from and to."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager

from psycopg.conninfo import conninfo_to_dict

from mailhub.model.errors import InUse
from mailhub.model.message import BlobRef
from mailhub.model.settings import Settings
from mailhub.store import marks
from mailhub.store.batch import Bytes, Failed, Job
from mailhub.store.moving import state
from mailhub.store.moving.ends import Source, Target, Work
from mailhub.store.moving.places import served
from mailhub.store.orders import Blob
from mailhub.store.postgres import making, roll
from mailhub.store.postgres.committer import Committer
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.store import Desk
from mailhub.store.sql import Cursor, number
from mailhub.store.transaction import Transaction

COLLATION = ' COLLATE "C"'
_MOVING = 5_640_115
"""A lock's number: one process at a time fills a database."""


class DatabaseSource:
    """`ends.Source`, beside servers."""

    collation = COLLATION

    def __init__(self, where: str) -> None:
        self._desk = Desk(where)

    @property
    def connection(self) -> Connection:
        return self._desk.connection

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        return self._desk.read(refs)

    def last_number(self) -> int:
        return number(self.connection, "SELECT value FROM counter WHERE name = 'journal'", {})

    def close(self) -> None:
        self._desk.close()


class _Wall:
    """`committer.WallClock`."""

    def now(self) -> float:
        return time.time()


class DatabaseTarget(DatabaseSource):
    """`ends.Target`. Raises InUse where another process fills the database."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        mine = self.connection.execute(f"SELECT pg_try_advisory_lock({_MOVING})").fetchone()
        if not mine[0]:
            self.close()
            raise InUse("Another process fills this database")
        node = f"move {secrets.token_hex(8)}"
        self._counter = {"name": f"node {node}"}
        self._errors: list[Exception] = []
        self._committer = Committer(where, node, _Wall(), 0, lambda: 0, self._errors.append)

    def write(self, bodies: Sequence[Bytes], work: Work) -> Sequence[BlobRef]:
        def call(tx: Transaction, put: Sequence[Blob]) -> list[BlobRef]:
            refs = [blob.ref for blob in put]
            work(tx, refs)
            return refs

        self._errors.clear()
        (outcome,), _ = self._committer.commit([Job(bodies, call=call)])
        if isinstance(outcome, Failed):
            raise outcome.error from (self._errors[0] if self._errors else None)
        refs: list[BlobRef] = outcome  # type: ignore[assignment]
        return refs

    def share(self, tx: Transaction, segments: Collection[int]) -> None:
        """Bodies in the database are anybody's."""

    def close(self) -> None:
        if hasattr(self, "_committer"):
            self._committer.close()
            self.connection.execute("DELETE FROM counter WHERE name = :name", self._counter)
        super().close()


class DatabasePlace:
    """`places.Place`."""

    def __init__(self, settings: Settings) -> None:
        self._where = settings.store.database

    @property
    def name(self) -> str:
        parts = conninfo_to_dict(self._where)
        host = parts.get("host") or parts.get("hostaddr") or "localhost"
        return f"PostgreSQL {parts.get('dbname') or ''} at {host}:{parts.get('port') or 5432}"

    def source(self) -> DatabaseSource:
        return DatabaseSource(self._where)

    def target(self) -> DatabaseTarget:
        if not self._marked():
            making.prepare(self._where)
        self._require_unused()
        return DatabaseTarget(self._where)

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
        served(source, target)
