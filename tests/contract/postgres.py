"""A store on PostgreSQL, to hold against the storage contract."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import psycopg

from mailhub.model.settings import StoreSettings
from mailhub.store.postgres import connection, making
from mailhub.store.postgres.roll import Own
from mailhub.store.postgres.store import PostgresStore
from mailhub.store.postgres.translation import translated
from mailhub.store.spools import SpoolFolder
from tests.contract import engines
from tests.contract.stores import FakeReactor, House
from tests.fakes import FakeClock
from tests.postgresserver import PostgresServer

_FIRST_OF_KEY = """
    SELECT i.indrelid::regclass::text, a.attname FROM pg_index AS i JOIN pg_attribute AS a
    ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indisprimary
"""


class Postgres:
    """The server, and a database with the store's tables that each house gets a copy of."""

    def __init__(self, *, durable: bool = False) -> None:
        self.server = PostgresServer(durable=durable)
        self.server.start()
        self._template = self.server.database()
        self._names: dict[int, str] = {}
        making.prepare(self.server.where(self._template))
        self._sharded = self._by_account()
        self._seen: dict[str, list[str]] = {}
        self._patch = mock.patch.object(connection, "translated", self._translated)
        self._patch.start()

    def _by_account(self) -> frozenset[str]:
        """Tables whose key begins with the account."""
        with psycopg.connect(self.server.where(self._template)) as database:
            rows = database.execute(_FIRST_OF_KEY).fetchall()
        return frozenset(table for table, column in rows if column == engines.ACCOUNT)

    def _translated(self, sql: str) -> str:
        """Also looks at each statement once."""
        text = translated(sql)
        if text not in self._seen:
            self._seen[text] = engines.faults(text, self._sharded)
        return text

    def faults(self) -> list[str]:
        """Statements that not every database of this kind can run: those that were not told yet."""
        found = [f"{', '.join(said)}: {sql}" for sql, said in self._seen.items() if said]
        self._seen = {sql: [] for sql in self._seen}
        return found

    def empty(self) -> str:
        """An empty database with the store's tables: where it is."""
        return self.server.where(self.server.database(self._template))

    def house(
        self,
        folder: Path,
        quota: int = 0,
        *,
        beside: House | None = None,
        own: Own | None = None,
        **settings: int,
    ) -> House:
        """A house on an empty database, or on the same one as another. `own`: what it is known by
        to the others, where it is to have any."""
        clock, reactor = FakeClock(), FakeReactor()
        name = self._names[id(beside)] if beside else self.server.database(self._template)
        store = PostgresStore(
            StoreSettings(quota=quota, **settings),
            self.server.where(name),
            f"node {len(self._names)}" if own is None else own.name,
            SpoolFolder(256 << 10, folder / "spool"),
            reactor,
            clock,
            own=own,
        )
        house = House(store, reactor, clock, threads=store)
        store.watch(house.changes.extend)
        store.start()
        self._names[id(house)] = name
        return house

    def where(self, house: House) -> str:
        """The database of a house."""
        return self.server.where(self._names[id(house)])

    def close(self) -> None:
        self._patch.stop()
        self.server.close()
