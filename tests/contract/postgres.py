"""A store on PostgreSQL, to hold against the storage contract."""

from __future__ import annotations

from pathlib import Path

from mailhub.model.settings import StoreSettings
from mailhub.store.postgres import making
from mailhub.store.postgres.store import PostgresStore
from mailhub.store.spools import SpoolFolder
from tests.contract.stores import FakeReactor, House
from tests.fakes import FakeClock
from tests.postgresserver import PostgresServer


class Postgres:
    """The server, and a database with the store's tables that each house gets a copy of."""

    def __init__(self) -> None:
        self.server = PostgresServer()
        self.server.start()
        self._template = self.server.database()
        self._names: dict[int, str] = {}
        making.prepare(self.server.where(self._template))

    def house(
        self, folder: Path, quota: int = 0, *, beside: House | None = None, **settings: int
    ) -> House:
        """A house on an empty database, or on the same one as another."""
        clock, reactor = FakeClock(), FakeReactor()
        name = self._names[id(beside)] if beside else self.server.database(self._template)
        store = PostgresStore(
            StoreSettings(quota=quota, **settings),
            self.server.where(name),
            f"node {len(self._names)}",
            SpoolFolder(256 << 10, folder / "spool"),
            reactor,
            clock,
        )
        house = House(store, reactor, clock, threads=store)
        store.watch(house.changes.extend)
        store.start()
        self._names[id(house)] = name
        return house

    def close(self) -> None:
        self.server.close()
