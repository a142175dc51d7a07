"""The ways to a Redis server: passwords, ACL users, databases, TLS, Unix sockets, Sentinels."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from mailhub.model.queue import Slot
from mailhub.net.certificate import make_self_signed
from mailhub.store.memory import MemoryStore
from tests import turning
from tests.fakes import FakeClock
from tests.live.redis_bench import QUIET, Node, Nodes
from tests.redisserver import RedisServer, Sentinel, free_port, watched_pair

NewRedis = Callable[..., RedisServer]
PASSWORD = "p@ss:w/o?rd#1"
PAGE = Path(__file__).parents[2] / "docs" / "decisions" / "schedule.md"
RIGHTS = PAGE.read_text().partition("ACL SETUSER mailhub on >PASSWORD ")[2].split()
"""What an administrator is told to allow."""


def works(node: Node) -> None:
    """The whole of the schedule and the counters, once."""
    schedule = node.schedule
    node.fill(Slot(1, 0, "a.example"), Slot(2, 0, "b.example"), Slot(3, 0, "c.example"))
    node.ask(schedule.back_off("b.example", int(time.time()) + 900))
    leases = node.ask(schedule.take(1, 10, QUIET))
    assert [lease.entries for lease in leases] == [(1,)]
    assert node.ask(schedule.renew(leases[0].token, QUIET))
    node.ask(schedule.put([Slot(1, 5, "a.example")]))
    node.ask(schedule.drop([1]))
    node.ask(schedule.end(leases[0].token, [Slot(1, 0, "a.example")]))
    assert node.ask(schedule.claim([2], QUIET)).entries == (2,)
    assert node.ask(schedule.next_due()) is not None
    assert node.ask(schedule.size()) == 2
    assert node.ask(node.counters.hit("guess", 60)) == 1
    assert node.ask(node.counters.peek("guess")) == 1
    node.ask(node.counters.clear("guess"))
    sessions = node.coordination.sessions(MemoryStore(clock=FakeClock()).sessions)
    for expires in (int(time.time()) + 900, int(time.time()) + 90):
        node.ask(sessions.put("token", "record", expires))
        node.ask(sessions.extend("token", expires + 60))
        assert node.ask(sessions.get("token")).record == "record"
    node.ask(sessions.drop("token"))
    assert node.ask(sessions.get("token")) is None
    node.woken.clear()
    node.ask(schedule.put([Slot(9, 0, "z.example")]))
    node.ask(schedule.back_off("c.example", 0))
    assert node.outcomes() == ["connected"]


def refused(node: Node, reason: str) -> None:
    """It never came to a connection, and the log says why, once."""
    node.fails(node.schedule.size(), 0.2)
    turning.pass_time(1)
    assert node.outcomes() == ["lost"]
    assert reason in str(node.log.named("redis")[0]["reason"])


def test_a_unix_socket_and_a_database(nodes: Nodes, redis: RedisServer) -> None:
    node = nodes(f"unix://{redis.socket}?db=3")
    works(node)
    assert "db3" in redis.cli("INFO", "keyspace")
    other = nodes(f"{redis.url}/4")
    assert other.ask(other.schedule.claim_rebuild())


def test_a_password(nodes: Nodes, new_redis: NewRedis) -> None:
    redis = new_redis("--requirepass", PASSWORD)
    redis.start()
    works(nodes(f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:{redis.port}"))
    refused(nodes(f"redis://:wrong@127.0.0.1:{redis.port}"), "WRONGPASS")
    refused(nodes(redis.url), "NOAUTH")


def test_a_user_with_the_documented_rights_alone(nodes: Nodes, redis: RedisServer) -> None:
    redis.cli("ACL", "SETUSER", "mailhub", "on", f">{PASSWORD}", *RIGHTS)
    works(nodes(f"redis://mailhub:{quote(PASSWORD, safe='')}@127.0.0.1:{redis.port}"))


def test_a_user_who_may_not_listen_is_told_of_and_works_otherwise(
    nodes: Nodes, redis: RedisServer
) -> None:
    redis.cli("ACL", "SETUSER", "mailhub", "on", ">x", *RIGHTS, "-subscribe")
    node = nodes(f"redis://mailhub:x@127.0.0.1:{redis.port}")
    node.fill(Slot(1, 0, "a.example"))
    assert node.outcomes() == ["connected", "deaf"]
    assert [lease.entries for lease in node.ask(node.schedule.take(1, 1, 1))] == [(1,)]


def test_a_password_that_is_right_later_is_tried_again(nodes: Nodes, new_redis: NewRedis) -> None:
    redis = new_redis("--requirepass", "old")
    redis.start()
    redis.login = ("--no-auth-warning", "-a", "old")
    node = nodes(f"redis://:new@127.0.0.1:{redis.port}")
    refused(node, "WRONGPASS")
    redis.cli("CONFIG", "SET", "requirepass", "new")
    node.recovers()


# -- TLS


@pytest.fixture
def tls_redis(new_redis: NewRedis, tmp_path: Path) -> tuple[int, Path]:
    """The port of a server with TLS, and the file of who signed its certificate: `localhost`."""
    certificate, key = tmp_path / "redis.crt", tmp_path / "redis.key"
    make_self_signed(certificate, key, ["localhost"])
    port = free_port()
    options = {
        "--tls-port": str(port),
        "--tls-cert-file": str(certificate),
        "--tls-key-file": str(key),
        "--tls-ca-cert-file": str(certificate),
        "--tls-auth-clients": "no",
    }
    redis = new_redis(*(word for pair in options.items() for word in pair))
    redis.start()
    return port, certificate


def test_tls_with_the_right_authority(nodes: Nodes, tls_redis: tuple[int, Path]) -> None:
    port, authority = tls_redis
    works(nodes(f"rediss://localhost:{port}", authority=str(authority)))


def test_tls_with_another_name(nodes: Nodes, tls_redis: tuple[int, Path]) -> None:
    port, authority = tls_redis
    node = nodes(f"rediss://127.0.0.1:{port}", authority=str(authority))
    refused(node, "Mismatch")


def test_tls_that_the_system_does_not_trust(nodes: Nodes, tls_redis: tuple[int, Path]) -> None:
    refused(nodes(f"rediss://localhost:{tls_redis[0]}"), "certificate verify failed")


def test_tls_to_a_server_without_it(nodes: Nodes, redis: RedisServer) -> None:
    refused(nodes(f"rediss://localhost:{redis.port}"), "no answer")


# -- Sentinels


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[RedisServer, RedisServer, Sentinel]]:
    with watched_pair(tmp_path) as pair:
        yield pair


def test_a_failover_leads_to_the_new_master_and_a_schedule_that_is_filled_anew(
    nodes: Nodes, watched: tuple[RedisServer, RedisServer, Sentinel]
) -> None:
    master, replica, sentinel = watched
    nobody = f"127.0.0.1:{free_port()}"
    sentinels = (nobody, f"127.0.0.1:{sentinel.port}")
    node = nodes("redis://mail", sentinels=sentinels, sentinel_password="watch")
    node.recovers(5)
    node.fill(Slot(1, 0, "a.example"))
    [lease] = node.ask(node.schedule.take(1, 1, QUIET))
    master.kill()
    turning.until(replica.leads, 30)
    node.recovers()
    assert not node.ask(node.schedule.renew(lease.token, QUIET))
    node.fill(Slot(1, 0, "a.example"))
    [again] = node.ask(node.schedule.take(1, 1, QUIET))
    assert (again.entries, again.token > lease.token) == ((1,), True)
    assert node.outcomes() == ["connected", "lost", "back"]
    master.start()  # an old master that comes back is not taken for one
    turning.pass_time(1)
    assert node.ask(node.schedule.size()) == 1


def test_a_master_that_no_sentinel_knows(
    nodes: Nodes, watched: tuple[RedisServer, RedisServer, Sentinel]
) -> None:
    sentinel = watched[2]
    node = nodes(
        "redis://other",
        sentinels=(f"127.0.0.1:{sentinel.port}",),
        sentinel_password="watch",
    )
    refused(node, "no Sentinel knows the master other")
