"""The ways to a Redis server: passwords, ACL users, databases, TLS, Unix sockets, Sentinels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from mailhub.model.queue import Slot
from tests import turning
from tests.live.redis_bench import QUIET, RIGHTS, Impostor, Nodes, refused, taken, works
from tests.ports import free_port
from tests.redisserver import RedisServer, Sentinel, watched_pair

NewRedis = Callable[..., RedisServer]
PASSWORD = "p@ss:w/o?rd#1"


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


def test_the_right_that_is_missing_is_told_by_its_name(nodes: Nodes, redis: RedisServer) -> None:
    """And that is so with every right but the one to listen."""
    url = f"redis://mailhub:x@127.0.0.1:{redis.port}"
    for command in (word.removeprefix("+") for word in RIGHTS if word.startswith("+")):
        redis.cli("ACL", "SETUSER", "mailhub", "reset", "on", ">x", *RIGHTS, f"-{command}")
        redis.cli("SCRIPT", "FLUSH")
        if command == "subscribe":
            continue
        node = nodes(url)
        [told] = node.log.named("redis")
        reason = str(told["reason"])
        assert (told["outcome"], reason.partition(" ")[0]) == ("lost", "NOPERM")
        assert command in re.findall(r"[a-z]+", reason.partition("permissions to run")[2] or reason)
        assert node.coordination.troubles() == {"Redis": reason}


@pytest.mark.parametrize(
    ("keys", "channels", "missing"),
    [
        ("~{mailhub}:*", "&{mailhub}:*", "mailhub:count:"),
        ("~mailhub:*", "&{mailhub}:*", "{mailhub}:probe"),
        ("~{mailhub}:* ~mailhub:*", "&other:*", "publish on {mailhub}:"),
    ],
)
def test_the_pattern_that_is_missing_is_told(
    nodes: Nodes, redis: RedisServer, keys: str, channels: str, missing: str
) -> None:
    commands = [word for word in RIGHTS if word[0] in "+-"]
    rights = ["on", ">x", "resetkeys", *keys.split(), "resetchannels", channels, *commands]
    redis.cli("ACL", "SETUSER", "mailhub", *rights)
    node = nodes(f"redis://mailhub:x@127.0.0.1:{redis.port}")
    [told] = node.log.named("redis")
    assert missing in str(told["reason"])


def test_a_right_that_is_given_later_is_enough(nodes: Nodes, redis: RedisServer) -> None:
    redis.cli("ACL", "SETUSER", "mailhub", "on", ">x", *RIGHTS, "-zadd")
    node = nodes(f"redis://mailhub:x@127.0.0.1:{redis.port}")
    node.fails(node.schedule.size(), 0.2)
    redis.cli("ACL", "SETUSER", "mailhub", "+zadd")
    node.recovers()
    assert node.outcomes() == ["lost", "back"]


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


# -- Sentinels


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[RedisServer, RedisServer, Sentinel]]:
    with watched_pair(tmp_path) as pair:
        yield pair


@pytest.mark.scale
def test_a_failover_leads_to_the_new_master_and_a_schedule_that_is_filled_anew(
    nodes: Nodes, watched: tuple[RedisServer, RedisServer, Sentinel]
) -> None:
    master, replica, sentinel = watched
    nobody = f"127.0.0.1:{free_port()}"
    sentinels = (nobody, f"127.0.0.1:{sentinel.port}")
    node = nodes("redis://mail", sentinels=sentinels, sentinel_password="watch")
    node.recovers(5)
    node.fill(Slot(1, 0, "a.example"))
    [lease] = taken(node)
    master.kill()
    turning.until(replica.leads, 30)
    node.recovers()
    assert not node.ask(node.schedule.renew(lease.token, QUIET))
    node.fill(Slot(1, 0, "a.example"))
    [again] = taken(node)
    assert (again.entries, again.token > lease.token) == ((1,), True)
    assert node.outcomes() == ["connected", "lost", "back"]
    master.start()  # an old master that comes back is not taken for one
    turning.pass_time(1)
    assert node.ask(node.schedule.size()) == 1


@pytest.mark.scale
def test_a_master_that_does_not_know_that_another_was_made_is_left(
    nodes: Nodes, new_redis: NewRedis
) -> None:
    """It answers all the time. Who only says that another was made, and is wrong, ends nothing."""
    old, new, replica = new_redis(), new_redis(), new_redis()
    for one in (old, new, replica):
        one.start()
    replica.cli("REPLICAOF", "127.0.0.1", str(old.port))
    sentinel = Impostor(_address(old))
    try:
        place = sentinel.url.removeprefix("redis://")
        node = nodes("redis://mail", sentinels=(place,))
        node.fill(Slot(1, 0, "a.example"))
        sentinel.answer = _address(replica)
        turning.pass_time(4.5)
        assert node.ask(node.schedule.size()) == 1
        sentinel.answer = _address(new)
        turning.until(lambda: "back" in node.outcomes())
        assert node.ask(node.schedule.size()) == 0
        assert node.outcomes() == ["connected", "lost", "back"]
        # Who listens is there, too.
        node.fill(Slot(1, 0, "a.example"))
        node.woken.clear()
        turning.until(lambda: new.cli("PUBLISH", "{mailhub}:wake", "1") == "1")
        turning.until(lambda: node.woken)
    finally:
        sentinel.stop()


def _address(server: RedisServer) -> bytes:
    """As a Sentinel tells it."""
    port = str(server.port)
    return f"*2\r\n$9\r\n127.0.0.1\r\n${len(port)}\r\n{port}\r\n".encode()


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
