"""A Redis Cluster: of one node, and of three whose slots move and whose nodes fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from mailhub.model.errors import Unavailable
from mailhub.model.queue import Slot
from mailhub.store.memory import MemoryStore
from mailhub.wire.redisslots import slot_of
from tests import turning
from tests.fakes import FakeClock
from tests.live.redis_bench import PROMPT, QUIET, RIGHTS, Node, Nodes, slots, unheld
from tests.rediscluster import RedisCluster
from tests.redisserver import RedisServer

NewRedis = Callable[..., RedisServer]
SCHEDULE = slot_of("{mailhub}:state")
MANY = 40
"""Counters and sessions, so that each of three nodes has some."""


def connected(nodes: Nodes, cluster: RedisCluster, **more: object) -> Node:
    return nodes(cluster.url, cluster=cluster.places[1:] or cluster.places, **more)


def counts(node: Node) -> list[int]:
    """What Redis itself counts, one more each time."""
    shared = node.coordination.counters._shared  # type: ignore[attr-defined]
    return [node.ask(shared.hit(f"guess {number}", 600)) for number in range(MANY)]


def counted(node: Node) -> int:
    """How many of them Redis still has."""
    shared = node.coordination.counters._shared  # type: ignore[attr-defined]
    found = 0
    for number in range(MANY):
        try:
            found += node.ask(shared.peek(f"guess {number}")) > 0
        except Unavailable:
            continue
    return found


def eventually(done: Callable[[], bool], seconds: float = 20) -> None:
    """Also while it raises Unavailable."""

    def tried() -> bool:
        turning.pass_time(0.05)
        try:
            return done()
        except Unavailable:
            return False

    turning.until(tried, seconds)


# -- one node


@pytest.fixture(scope="module")
def lone() -> Iterator[RedisCluster]:
    cluster = RedisCluster(1)
    cluster.start()
    yield cluster
    cluster.close()


@pytest.fixture
def one(lone: RedisCluster) -> RedisCluster:
    lone.empty()
    return lone


def test_schedule_counters_and_sessions_on_one_node(nodes: Nodes, one: RedisCluster) -> None:
    node = connected(nodes, one)
    node.fill(Slot(1, 0, "a.example"), Slot(2, 0, "b.example"))
    assert sorted(unheld(node)) == [1, 2]
    assert counts(node) == [1] * MANY
    sessions = node.coordination.sessions(MemoryStore(clock=FakeClock()).sessions)
    for number in range(MANY):
        node.ask(sessions.put(f"{number:064x}", f"record {number}", int(time.time()) + 900))
    found = [node.ask(sessions.get(f"{number:064x}")) for number in range(MANY)]
    assert [one.record for one in found if one] == [f"record {number}" for number in range(MANY)]
    assert [each["outcome"] for each in node.log.named("redis")] == ["connected"] * 2
    assert node.coordination.troubles() == {}


@pytest.mark.scale
def test_an_emptied_node_is_filled_anew(nodes: Nodes, one: RedisCluster) -> None:
    node = connected(nodes, one)
    node.fill(*slots(1))
    node.woken.clear()
    one.empty()
    turning.until(lambda: node.woken)
    node.fill(*slots(1, 2))
    assert unheld(node) == [1, 2]


def test_a_node_of_a_cluster_is_told_of_where_none_is_named(
    nodes: Nodes, one: RedisCluster
) -> None:
    node = nodes(one.url)
    node.fails(node.schedule.size(), PROMPT)
    assert "a node of a Redis Cluster" in str(node.log.named("redis")[0]["reason"])


def test_a_server_that_is_no_node_is_told_of(nodes: Nodes, redis: RedisServer) -> None:
    node = nodes(redis.url, cluster=(f"127.0.0.1:{redis.port}",))
    node.fails(node.schedule.size(), PROMPT)
    assert "cluster support disabled" in str(node.log.named("redis")[0]["reason"])
    assert "cluster support disabled" in node.coordination.troubles()["Redis"]


def test_a_user_with_the_documented_rights_alone(nodes: Nodes, one: RedisCluster) -> None:
    [server] = one.nodes
    url = f"redis://mailhub:x@127.0.0.1:{server.port}"
    server.cli("ACL", "SETUSER", "mailhub", "reset", "on", ">x", *RIGHTS)
    node = nodes(url, cluster=one.places)
    assert "cluster|slots" in node.coordination.troubles()["Redis"]
    server.cli("ACL", "SETUSER", "mailhub", "+cluster|slots")
    node.recovers()
    eventually(
        lambda: "asking" in node.coordination.troubles().get(f"Redis at {one.places[0]}", "")
    )
    server.cli("ACL", "SETUSER", "mailhub", "+asking")
    eventually(lambda: node.coordination.troubles() == {})
    assert counts(node) == [1] * MANY
    assert node.ask(node.schedule.claim_rebuild())


# -- three nodes


@pytest.fixture
def three() -> Iterator[RedisCluster]:
    cluster = RedisCluster(3)
    cluster.start()
    yield cluster
    cluster.close()


def others(cluster: RedisCluster, slot: int) -> list[RedisServer]:
    """Masters that do not have it."""
    owner = cluster.owner(slot)
    return [one for one in cluster.masters if one is not owner]


@pytest.mark.scale
def test_each_count_is_at_the_node_of_its_slot(nodes: Nodes, three: RedisCluster) -> None:
    node, other = connected(nodes, three), connected(nodes, three)
    for number in range(1, 4):
        assert counts(node if number % 2 else other) == [number] * MANY
    kept = [int(one.cli("DBSIZE")) for one in three.masters]
    assert sum(kept) >= MANY
    assert min(kept) > 3


@pytest.mark.scale
def test_slots_of_counters_move_under_load_and_nothing_is_lost(
    nodes: Nodes, three: RedisCluster
) -> None:
    node = connected(nodes, three)
    assert counts(node) == [1] * MANY
    shared = node.coordination.counters._shared  # type: ignore[attr-defined]
    moved = sorted({slot_of(shared._key(f"guess {number}")) for number in range(MANY)})
    moved = [slot for slot in moved if slot != SCHEDULE][:12]
    halves = []
    for number, slot in enumerate(moved):
        # Half of them stay on their way: their node answers ASK.
        target = others(three, slot)[0]
        finish = number % 2 == 0
        three.move(slot, target, finish=finish)
        if not finish:
            halves.append((slot, target))
    assert counts(node) == [2] * MANY
    for slot, target in halves:
        three.settle(slot, target)
    assert counts(node) == [3] * MANY
    turning.pass_time(1.5)  # the map is learned anew meanwhile
    assert counts(node) == [4] * MANY
    assert "lost" not in node.outcomes()


@pytest.mark.scale
def test_what_came_after_a_loss_waits_as_well(nodes: Nodes, three: RedisCluster) -> None:
    """Somebody may have newer leases, of a node that had the slot before."""
    node = connected(nodes, three, quiet=900)
    assert node.ask(node.schedule.claim_rebuild())
    node.ask(node.schedule.pause(0))
    node.ask(node.schedule.rebuilt())
    node.ask(node.schedule.put(slots(1)))
    assert unheld(node) == []


def test_the_slot_of_the_schedule_moves(nodes: Nodes, three: RedisCluster) -> None:
    """It comes to another server, which is what a failover looks like: it is filled anew."""
    node, other = connected(nodes, three), connected(nodes, three)
    node.fill(*slots(1, 2))
    [lease] = node.ask(node.schedule.take(1, 1, QUIET))
    [target, _] = others(three, SCHEDULE)
    three.move(SCHEDULE, target, finish=False)
    node.fails(node.schedule.renew(lease.token, QUIET), 2.0)
    three.settle(SCHEDULE, target)
    node.recovers()
    other.recovers()
    assert not node.ask(node.schedule.renew(lease.token, QUIET))
    began = time.monotonic()
    claims = [node.ask(one.schedule.claim_rebuild()) for one in (node, other)]
    assert sorted(claims) == [False, True]
    claimer = node if claims[0] else other
    claimer.ask(claimer.schedule.put(slots(1, 2)))
    claimer.ask(claimer.schedule.rebuilt())
    found: list[int] = []
    turning.until(lambda: found.extend(unheld(other)) or found)
    assert time.monotonic() - began >= QUIET
    assert found == [1, 2]
    # Who is there now wakes the others.
    node.woken.clear()
    other.ask(other.schedule.put([Slot(9, 0, "z.example")]))
    turning.until(lambda: node.woken)


@pytest.mark.scale
def test_one_emptied_node_costs_what_it_had(nodes: Nodes, three: RedisCluster) -> None:
    node = connected(nodes, three)
    node.fill(*slots(1, 2))
    guesses = [f"guess {number}" for number in range(MANY)]
    assert [node.ask(node.counters.hit(guess, 600)) for guess in guesses] == [1] * MANY
    [emptied, _] = others(three, SCHEDULE)
    emptied.cli("FLUSHALL")
    assert 0 < counted(node) < MANY
    # Limits hold: this process counted, too.
    assert [node.ask(node.counters.peek(guess)) for guess in guesses] == [1] * MANY
    assert node.ask(node.schedule.size()) == 2
    node.woken.clear()
    three.owner(SCHEDULE).cli("FLUSHALL")
    turning.until(lambda: node.woken)
    node.fill(*slots(1, 2, 3))
    assert unheld(node) == [1, 2, 3]


@pytest.mark.scale
def test_a_node_without_a_replica_fails_and_the_others_go_on(nodes: Nodes) -> None:
    cluster = RedisCluster(3, "--cluster-require-full-coverage", "no")
    try:
        cluster.start()
        node = connected(nodes, cluster)
        node.fill(*slots(1))
        assert counts(node) == [1] * MANY
        [dead, _] = others(cluster, SCHEDULE)
        dead.kill()
        eventually(lambda: any("Redis at" in what for what in node.coordination.troubles()))
        assert 0 < counted(node) < MANY
        for number in range(MANY):
            assert node.ask(node.counters.hit(f"guess {number}", 600)) >= 1
        assert unheld(node) == [1]
        dead.start()
        eventually(lambda: node.coordination.troubles() == {})
        counts(node)
        told = [(one.get("node"), one["outcome"]) for one in node.log.named("redis")]
        name = f"127.0.0.1:{dead.port}"
        assert [outcome for where, outcome in told if where == name] == [
            "connected",
            "lost",
            "back",
        ]
        assert [outcome for where, outcome in told if where is None] == ["connected"]
    finally:
        cluster.close()


@pytest.mark.scale
def test_a_replica_takes_over_for_the_node_of_the_schedule(nodes: Nodes) -> None:
    cluster = RedisCluster(3, replicas=True)
    try:
        cluster.start()
        node, other = connected(nodes, cluster), connected(nodes, cluster)
        node.fill(*slots(1))
        assert counts(node) == [1] * MANY
        [lease] = node.ask(node.schedule.take(1, 1, QUIET))
        heard: list[int] = []
        other.coordination.wakeups.listen("news", lambda: heard.append(1))
        cluster.owner(SCHEDULE).kill()
        node.recovers(30)
        other.recovers(30)
        assert not node.ask(node.schedule.renew(lease.token, QUIET))
        node.fill(*slots(1))
        [again] = node.ask(node.schedule.take(1, 1, QUIET))
        assert (again.entries, again.token > lease.token) == ((1,), True)
        eventually(lambda: counted(node) == MANY)
        eventually(lambda: node.coordination.troubles() == {})

        def rung() -> bool:
            node.coordination.wakeups.ring("news")
            turning.pass_time(0.1)
            return bool(heard)

        heard.clear()
        eventually(rung)
    finally:
        cluster.close()
