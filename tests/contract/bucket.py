"""A store on PostgreSQL with bodies in a bucket of a real S3 server, for the contract's tests."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from mailhub.model.settings import EncryptionSettings, StoreSettings
from mailhub.store.postgres.freeing import GRACE
from mailhub.store.postgres.store import PostgresStore
from mailhub.store.spools import SpoolFolder
from tests.contract.postgres import Postgres
from tests.contract.stores import PATIENCE, FakeReactor, House
from tests.fakes import FakeClock
from tests.live.swift import Swift
from tests.loop import Loop

T = TypeVar("T")
_NUMBERS = count(1)


class LoopReactor(FakeReactor):
    """A real reactor with the tests' ways to turn it; its timers go by real time."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()

    def callFromThread(self, call: Callable[..., object], *args: object) -> None:
        self.loop.reactor.callFromThread(call, *args)

    def callLater(self, delay: float, call: Callable[..., object], *args: Any, **kw: Any) -> Any:
        return self.loop.reactor.callLater(delay, call, *args, **kw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loop.reactor, name)

    def seconds(self) -> float:
        return float(self.loop.reactor.seconds())

    def turn(self, timeout: float = 0.0) -> None:
        self.loop.reactor.iterate(timeout)

    def result(self, awaitable: Awaitable[T]) -> T:
        return self.loop.wait(awaitable, PATIENCE)


_PLACES: dict[int, str] = {}


def where_of(house: House) -> str:
    """Its database."""
    return _PLACES[id(house)]


def stored(house: House) -> PostgresStore:
    """The store."""
    store = house.store
    assert isinstance(store, PostgresStore)
    return store


class Bucket:
    """The server, and a folder of names in its one bucket for each house."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self._swift = Swift(folder)
        self._swift.__enter__()
        self._postgres = postgres
        self.settings = replace(
            self._swift.settings("mail-of-tests"),
            inline=0,
            part=5 << 20,
            patience=5,
            grace=GRACE,
        )
        self._swift.make(self.settings.bucket)

    def house(
        self,
        folder: Path,
        quota: int = 0,
        *,
        s3: dict[str, Any] | None = None,
        keys: str = "",
        beside: House | None = None,
        **settings: int,
    ) -> House:
        """A house on an empty database and names of its own, or on those of another."""
        number = next(_NUMBERS)
        where = where_of(beside) if beside else self._postgres.empty()
        given = {"prefix": stored(beside).outside.prefix if beside else f"{number}/"}
        clock, reactor = FakeClock(time.time()), LoopReactor()
        store = PostgresStore(
            StoreSettings(quota=quota, **settings),
            where,
            f"bucket node {number}",
            SpoolFolder(256 << 10, folder / "spool"),
            reactor,
            clock,
            s3=replace(self.settings, **(given | (s3 or {}))),
            encryption=EncryptionSettings(file=keys),
        )
        house = House(store, reactor, clock, threads=store)
        _PLACES[id(house)] = where
        store.watch(house.changes.extend)
        store.start()
        return house

    def close(self) -> None:
        self._swift.__exit__()
