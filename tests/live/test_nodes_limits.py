"""Two processes on one PostgreSQL and one Redis have one POP3 lock an account, and one limit."""

from __future__ import annotations

import contextlib
import poplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.live.listening import deliver, until
from tests.live.server import PLAIN, Server
from tests.live.web import PASSWORD, call, make
from tests.live.wire import IMAP, Wire
from tests.postgresserver import PostgresServer
from tests.redisserver import RedisServer

pytestmark = [pytest.mark.live, pytest.mark.scale]
CLIENT = "127.0.0.9"
MOST = 24
SECTIONS = """
connections_per_network = {most}
{plain}
[store]
database = "{database}"

[redis]
url = "{redis}"
"""


@dataclass
class Pair:
    """Two nodes; `new`: one more."""

    one: Server
    two: Server
    redis: RedisServer
    new: Callable[[str], Server]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with contextlib.ExitStack() as ends:
        postgres, redis = PostgresServer(), RedisServer()
        ends.callback(postgres.close)
        postgres.start()
        ends.callback(redis.close)
        redis.start()
        database = postgres.url(postgres.database())
        sections = SECTIONS.format(most=MOST, plain=PLAIN, database=database, redis=redis.url)

        def new(name: str) -> Server:
            folder = tmp_path_factory.mktemp(name)
            server = Server(folder, sections, exempt=("127.0.0.1/32", "::1/128"))
            ends.callback(server.kill)
            server.start()
            return server

        yield Pair(new("one"), new("two"), redis, new)


_names = iter(range(1, 1000))


@pytest.fixture
def user(pair: Pair) -> tuple[str, str]:
    """(id, address), with two messages."""
    address = f"user{next(_names)}@limits.test"
    id = make(pair.one, address)
    deliver(pair.one, address, 2)
    return id, address


def opened(server: Server, address: str) -> poplib.POP3:
    client = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=60)
    client.user(address)
    client.pass_(PASSWORD)
    return client


def in_use(server: Server, address: str) -> bool:
    """Whether the maildrop is; that it is said as RFC 2449 section 8.1.2 has it."""
    try:
        opened(server, address).quit()
    except poplib.error_proto as error:
        said: bytes = error.args[0]
    else:
        return False
    if not said.startswith(b"-ERR [IN-USE] "):
        raise AssertionError(said)
    return True


def test_one_session_holds_a_maildrop(pair: Pair, user: tuple[str, str]) -> None:
    _, address = user
    first = opened(pair.one, address)
    assert in_use(pair.two, address)
    assert in_use(pair.one, address)
    first.dele(1)
    first.quit()
    second = opened(pair.two, address)
    assert second.stat()[0] == 1
    assert in_use(pair.one, address)
    second.close()  # without a goodbye
    until(lambda: not in_use(pair.one, address))
    assert not in_use(pair.two, address)


def test_a_dead_process_holds_none(pair: Pair, user: tuple[str, str]) -> None:
    _, address = user
    third = pair.new("three")
    client = opened(third, address)
    assert in_use(pair.one, address)
    third.kill()
    until(lambda: not in_use(pair.two, address))
    client.close()


def test_without_redis_each_has_its_own_lock(pair: Pair, user: tuple[str, str]) -> None:
    _, address = user
    first = opened(pair.one, address)
    pair.redis.kill()
    try:
        second = opened(pair.two, address)
        assert in_use(pair.two, address)
        for client in (first, second):
            client.dele(1)
            client.quit()
        third = opened(pair.two, address)
        assert third.stat()[0] == 1
    finally:
        pair.redis.start()
    until(lambda: in_use(pair.one, address))
    third.quit()
    assert not in_use(pair.one, address)


def test_sessions_of_an_account_are_counted_together(pair: Pair, user: tuple[str, str]) -> None:
    id, address = user
    call(pair.one, "PUT", f"/users/{id}", {"imapMaxConnections": 2})
    until(lambda: _allowed(pair.two, id) == 2)
    first = IMAP(pair.one.port("imap"), address, PASSWORD)
    with IMAP(pair.two.port("imap"), address, PASSWORD):
        assert _used(pair.one, id) == 2
        for server in (pair.one, pair.two):
            with pytest.raises(AssertionError):
                IMAP(server.port("imap"), address, PASSWORD)
        first.close()
        until(lambda: _used(pair.two, id) == 1)
        IMAP(pair.two.port("imap"), address, PASSWORD).close()


def _limits(server: Server, id: str) -> dict[str, int]:
    found: dict[str, int] = call(server, "GET", f"/users/{id}")["limits"]["imapMaxConnections"]  # type: ignore[index]
    return found


def _allowed(server: Server, id: str) -> int:
    return _limits(server, id)["allowed"]


def _used(server: Server, id: str) -> int:
    return _limits(server, id)["used"]


def test_connections_of_an_address_are_counted_together(pair: Pair) -> None:
    port = pair.two.port("imap")
    with contextlib.ExitStack() as ends:

        def greeting(server: Server) -> bytes:
            wire = Wire(server.port("imap"), source=CLIENT)
            ends.callback(wire.close)
            return wire.line()[:4]

        assert [greeting(pair.one) for _ in range(MOST)] == [b"* OK"] * MOST
        assert greeting(pair.one) == b"* BY"
        until(lambda: greeting(pair.two) == b"* BY")
        with Wire(port) as wire:
            assert wire.line().startswith(b"* OK"), "another address"

    def greeted() -> bool:
        with Wire(port, source=CLIENT) as wire:
            return wire.line().startswith(b"* OK")

    until(greeted)
