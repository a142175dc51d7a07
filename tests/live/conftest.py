"""One server a module, on a fresh folder; an account of its own for every test that asks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from tests import turning
from tests.live import storing
from tests.live.redis_bench import Nodes, TwistedErrors
from tests.live.redis_hub import Hub, running
from tests.live.server import Server
from tests.redisserver import RedisServer

DOMAIN = "live.test"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class User:
    """An account made for one test."""

    address: str
    password: str


LONGEST = (
    "test_wildduck_description",
    "test_crash",
    "test_disk",
    "test_queue_command",
    "test_panel_pages",
    "test_panel_browser",
    "test_command",
    "test_webmail_browser",
    "test_panel_steps",
    "test_service",
    "test_sending_restarts",
    "test_authentication",
    "test_redis_beginnings",
    "test_attacks_crowds",
    "test_corpus",
    "test_redis_away",
    "test_ldap",
    "test_reports",
    "test_tmail",
)
"""Modules that begin first, so that all workers end together."""


def pytest_sessionfinish() -> None:
    storing.end()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder starts a server."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.live)
    items.sort(key=lambda item: _place(item.path.stem))


class ByServer(LoadScopeScheduling):
    """A module's tests share a server, hence a worker; those of crashes have one each."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return nodeid if "/crash/" in module else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """For `--dist loadfile`; otherwise what was asked for."""
    return ByServer(config, log) if config.getvalue("dist") == "loadfile" else None


def _place(name: str) -> int:
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running `twistd mailhub` that ends with the module."""
    server = Server(tmp_path_factory.mktemp("hub"))
    server.start()
    try:
        server.add_domain(DOMAIN)
        yield server
    finally:
        assert server.stop() == 0, server.log.read_text()[-3000:]


@pytest.fixture
def new_user(server: Server) -> Callable[[], User]:
    """Makes accounts on the module's server."""

    def make() -> User:
        user = User(f"user{next(_numbers)}@{DOMAIN}", "Live-Passw0rd-1")
        server.add_user(user.address, user.password)
        return user

    return make


@pytest.fixture
def user(new_user: Callable[[], User]) -> User:
    """An account of this test alone."""
    return new_user()


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    """Makes coordinations like those of several processes, in this one; none may leave an
    unhandled error in Twisted's log."""
    errors = TwistedErrors()
    errors.start()
    nodes = Nodes()
    yield nodes
    nodes.stop()
    errors.stop()
    turning.release_threads()


@pytest.fixture
def new_redis() -> Iterator[Callable[..., RedisServer]]:
    """Makes servers of Redis, not started yet; those that still run at the end are killed."""
    servers: list[RedisServer] = []

    def make(*options: str) -> RedisServer:
        servers.append(RedisServer(*options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def redis(new_redis: Callable[..., RedisServer]) -> RedisServer:
    """A running, empty one."""
    server = new_redis()
    server.start()
    return server


@pytest.fixture(scope="module")
def sleepy() -> Iterator[RedisServer]:
    """A running one for a module, that may be told to sleep."""
    server = RedisServer("--enable-debug-command", "yes")
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def over_redis(sleepy: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A mailhub that sends, over it."""
    with running(tmp_path_factory.mktemp("hub"), sleepy.url) as hub:
        yield hub
