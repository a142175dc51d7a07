"""Every storage test runs on every store, the others on memory and on a real Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailhub.model.settings import RedisSettings
from tests.contract.postgres import Postgres
from tests.contract.redis import Shared, cluster, one_server, sentinel
from tests.contract.stores import MAKERS, House


@pytest.fixture(params=[*MAKERS, pytest.param("postgres", marks=pytest.mark.live)])
def make_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Makes a store with given settings."""
    made: list[House] = []
    maker = (
        request.getfixturevalue("shared_postgres").house
        if request.param == "postgres"
        else MAKERS[request.param]
    )

    def make(**settings: int) -> House:
        made.append(maker(tmp_path / str(len(made)), **settings))
        return made[-1]

    (tmp_path / "0").mkdir()
    yield make
    for house in made:
        house.stop()
    if request.param == "postgres":
        shared: Postgres = request.getfixturevalue("shared_postgres")
        assert shared.faults() == []


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """An empty store."""
    return make_house()


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[Postgres]:
    """A PostgreSQL with the store's tables in a template."""
    shared = Postgres()
    yield shared
    shared.close()


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[Shared]:
    """A redis-server, connected."""
    yield from _kept(one_server)


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[Shared]:
    """A Redis Cluster."""
    yield from _kept(cluster)


@pytest.fixture(scope="session")
def shared_sentinel() -> Iterator[Shared]:
    """A redis-server that a Sentinel watches."""
    yield from _kept(sentinel)


def _kept(start: Callable[[ExitStack], RedisSettings]) -> Iterator[Shared]:
    made = Shared(start)
    yield made
    made.close()
