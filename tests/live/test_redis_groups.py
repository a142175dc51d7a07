"""A whole server over groups of Redis servers whose parts fail under load: all that was accepted
leaves, and nothing leaves twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailhub.wire.redisslots import slot_of
from tests.live.redis_hub import Hub, running, until
from tests.rediscluster import RedisCluster
from tests.redisserver import RedisServer, Sentinel

pytestmark = pytest.mark.scale
SCHEDULE = slot_of("{mailhub}:state")


# -- a Cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    made = RedisCluster(3, "--cluster-require-full-coverage", "no")
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def over_cluster(cluster: RedisCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    with running(folder, cluster.url, cluster=cluster.places[1:]) as hub:
        yield hub


@pytest.fixture
def hub(over_cluster: Hub) -> Hub:
    over_cluster.rest()
    return over_cluster


def troubles(hub: Hub) -> list[str]:
    """What `mailhub status` says of Redis."""
    [network] = [one for one in hub.status() if one["title"] == "Network"]
    [found] = [one for one in network["findings"] if one["what"] == "coordination"]
    assert (found["status"] == "ok") is (found["details"] == [])
    return list(found["details"])


def test_one_node_after_the_other_is_emptied(hub: Hub, cluster: RedisCluster) -> None:
    hub.tally.pause = 0.05
    with hub.prompt():
        for node in cluster.masters:
            hub.submit(8, pause=0.01)
            node.cli("FLUSHALL")
        hub.submit(8)
        hub.all_left()
    assert troubles(hub) == []


def test_the_slot_of_the_schedule_moves_under_load(hub: Hub, cluster: RedisCluster) -> None:
    hub.tally.pause = 0.05
    with hub.prompt():
        for _ in range(2):
            hub.submit(8, pause=0.01)
            owner = cluster.owner(SCHEDULE)
            cluster.move(SCHEDULE, next(one for one in cluster.masters if one is not owner))
        hub.submit(8)
        hub.all_left()


@pytest.mark.parametrize("which", ["schedule", "another"])
def test_a_node_without_a_replica_is_killed_and_comes_back_empty(
    hub: Hub, cluster: RedisCluster, which: str
) -> None:
    owner = cluster.owner(SCHEDULE)
    dead = owner if which == "schedule" else next(n for n in cluster.masters if n is not owner)
    hub.tally.pause = 0.05
    with hub.prompt():
        hub.submit(8)
        dead.kill()
        hub.submit(8)
        until(lambda: troubles(hub), hub)
        assert all(str(dead.port) in one or one.startswith("Redis: ") for one in troubles(hub))
        if which == "another":
            hub.all_left()
        dead.start()
        hub.submit(4)
        hub.all_left()
    until(lambda: troubles(hub) == [], hub)


# -- Sentinels


def test_failovers_by_three_sentinels_there_and_back_under_load(tmp_path: Path) -> None:
    """The master is told to go, is killed, and hangs; each time the other takes over."""
    with ExitStack() as stack:
        master, replica = RedisServer(), RedisServer()
        for one in (master, replica):
            stack.callback(one.close)
            one.start()
        replica.cli("REPLICAOF", "127.0.0.1", str(master.port))
        watching = [Sentinel(tmp_path, master, quorum=2) for _ in range(3)]
        for each in watching:
            stack.callback(each.close)
        places = tuple(f"127.0.0.1:{one.port}" for one in watching)
        with running(tmp_path / "hub", "redis://mail", places) as hub, hub.prompt():
            until(lambda: all(known(one) == (1, 2) for one in watching), hub)
            hub.tally.pause = 0.05
            hub.submit(8)
            # Told to go: the old master lives on, as a replica that answers reads.
            until(lambda: watching[0].cli("SENTINEL", "FAILOVER", "mail").strip() == "OK", hub)
            hub.submit(8, pause=0.02)
            until(replica.leads, hub)
            hub.submit(4)
            hub.all_left()
            until(lambda: not master.leads() and follows(master), hub)
            # Killed, and one Sentinel with it.
            until(lambda: all(known(one) == (1, 2) for one in watching), hub)
            watching[0].process.kill()
            hub.submit(4)
            replica.kill()
            hub.submit(8)
            until(master.leads, hub)
            hub.submit(4)
            hub.all_left()
            assert hub.events("redis", "lost") == hub.events("redis", "back")


def test_a_master_that_hangs_and_wakes_after_another_took_over(tmp_path: Path) -> None:
    with ExitStack() as stack:
        master, replica = RedisServer(), RedisServer()
        for one in (master, replica):
            stack.callback(one.close)
            one.start()
        replica.cli("REPLICAOF", "127.0.0.1", str(master.port))
        sentinel = Sentinel(tmp_path, master)
        stack.callback(sentinel.close)
        place = (f"127.0.0.1:{sentinel.port}",)
        with running(tmp_path / "hub", "redis://mail", place) as hub, hub.prompt():
            until(lambda: known(sentinel) == (1, 0), hub)
            hub.tally.pause = 0.05
            hub.submit(8)
            master.pause()
            hub.submit(8)
            until(replica.leads, hub)
            hub.submit(4)
            until(lambda: hub.events("redis", "back") == 1, hub)
            master.resume()
            hub.submit(4)
            hub.all_left()
            until(lambda: not master.leads(), hub)


def known(sentinel: Sentinel) -> tuple[int, int]:
    """How many replicas and other Sentinels it knows."""
    return sentinel.replicas(), sentinel.cli("SENTINEL", "SENTINELS", "mail").count("runid")


def follows(server: RedisServer) -> bool:
    """A replica that has all that its master has."""
    return "connected" in server.cli("ROLE").splitlines()


# -- a user with too few rights


def test_a_right_that_is_missing_is_told_by_the_status_command(tmp_path: Path) -> None:
    redis = RedisServer("--user", "mailhub", "on", ">x", "~*", "&*", "+@all", "-zadd")
    try:
        redis.start()
        with running(tmp_path, f"redis://mailhub:x@127.0.0.1:{redis.port}") as hub:
            hub.submit(2)
            assert troubles(hub) == ["Redis: NOPERM our user may not run zadd (see docs/redis.md)"]
            time.sleep(1)
            assert not hub.tally.came
            redis.cli("ACL", "SETUSER", "mailhub", "+zadd")
            hub.all_left()
            assert troubles(hub) == []
            assert hub.events("redis", "lost") == hub.events("redis", "back") == 1
    finally:
        redis.close()
