"""Redis full, demoted, shared by several processes, and large: what mailhub's side makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from mailhub.model.queue import Slot
from tests import turning
from tests.live.pace import prompt
from tests.live.redis_bench import LANE, PROMPT, QUIET, Nodes, slots, unheld
from tests.redisserver import RedisServer

# -- refusing


def test_a_full_redis_takes_nothing_new_but_lets_the_queue_drain(
    nodes: Nodes, redis: RedisServer
) -> None:
    node = nodes(redis.url)
    node.fill(*slots(*range(2000)))
    redis.cli("CONFIG", "SET", "maxmemory", "1000000")
    node.fails(node.schedule.put(slots(*range(2000, 2100))), PROMPT)
    assert node.ask(node.schedule.size()) == 2000
    [lease] = node.ask(node.schedule.take(1, 500, QUIET))
    node.ask(node.schedule.end(lease.token, slots(lease.entries[0])))
    assert node.ask(node.schedule.size()) == 1501
    turning.pass_time(2.5)
    assert node.outcomes() == ["connected", "lost"]
    assert "OOM" in str(node.log.named("redis")[1]["reason"])
    redis.cli("CONFIG", "SET", "maxmemory", "0")
    turning.until(lambda: node.outcomes() == ["connected", "lost", "back"], 5)
    node.ask(node.schedule.put(slots(*range(2000, 2100))))
    assert node.ask(node.schedule.size()) == 1601


def test_a_server_that_became_a_replica_is_left_until_it_is_a_master_again(
    nodes: Nodes, redis: RedisServer
) -> None:
    node = nodes(redis.url)
    node.fill(*slots(1))
    redis.cli("REPLICAOF", "127.0.0.1", "1")
    node.fails(node.schedule.put(slots(2)), PROMPT)
    turning.pass_time(1)
    node.fails(node.schedule.size(), PROMPT)
    assert node.outcomes() == ["connected", "lost"]
    redis.cli("REPLICAOF", "NO", "ONE")
    node.recovers()
    assert unheld(node) == [1]
    assert node.outcomes() == ["connected", "lost", "back"]


def test_a_policy_that_may_drop_the_schedule_is_told_of(
    nodes: Nodes, new_redis: Callable[..., RedisServer]
) -> None:
    redis = new_redis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    redis.start()
    node = nodes(redis.url)
    assert node.outcomes() == ["evicting", "connected"]


# -- several processes


def test_an_earlier_due_time_put_by_one_process_wakes_another(
    nodes: Nodes, redis: RedisServer
) -> None:
    node, other = nodes(redis.url), nodes(redis.url)
    node.fill(Slot(1, int(time.time()) + 900, LANE))
    turning.pass_time(0.2)
    other.woken.clear()
    with prompt(1, redis.pid):
        node.ask(node.schedule.put(slots(2)))
        turning.until(lambda: other.woken)
    assert unheld(other) == [2]


def test_a_lost_listening_connection_comes_back(nodes: Nodes, redis: RedisServer) -> None:
    node, other = nodes(redis.url), nodes(redis.url)
    node.fill(Slot(1, int(time.time()) + 900, LANE))
    redis.cli("CLIENT", "KILL", "TYPE", "pubsub")
    other.woken.clear()
    turning.until(lambda: other.woken)  # for what it may have missed
    turning.pass_time(0.3)
    other.woken.clear()
    node.ask(node.schedule.put(slots(2)))
    turning.until(lambda: other.woken)
    assert other.outcomes() == ["connected"]


def test_processes_that_take_at_once_never_get_the_same_entry(
    nodes: Nodes, redis: RedisServer
) -> None:
    crowd = [nodes(redis.url) for _ in range(3)]
    crowd[0].fill(*(Slot(number, 0, f"{number % 10}.example") for number in range(1, 601)))
    taken: list[int] = []
    while True:
        asked = [node.schedule.take(7, 5, QUIET) for node in crowd for _ in range(3)]
        leases = [lease for given in turning.together(*asked) for lease in given]
        if not leases:
            break
        taken += [number for lease in leases for number in lease.entries]
        turning.together(*(crowd[1].schedule.end(lease.token, []) for lease in leases))
    assert sorted(taken) == list(range(1, 601))


# -- counters


def test_limits_hold_on_while_redis_is_away(nodes: Nodes, redis: RedisServer) -> None:
    node, other = nodes(redis.url), nodes(redis.url)
    for expected in range(1, 6):
        assert node.ask(node.counters.hit("guess", 60)) == expected
    assert other.ask(other.counters.hit("guess", 60)) == 6
    redis.kill()
    assert node.ask(node.counters.hit("guess", 60)) == 6  # what this process saw itself
    assert node.ask(node.counters.peek("guess")) == 6
    assert other.ask(other.counters.peek("guess")) == 1
    node.ask(node.counters.clear("guess"))
    assert node.ask(node.counters.hit("guess", 60)) == 1
    redis.start()
    node.recovers()
    assert node.ask(node.counters.hit("guess", 60)) == 2  # Redis is empty, and frees nobody
    assert other.ask(other.counters.peek("guess")) == 1


# -- size


def test_a_hundred_thousand_entries_go_in_within_ten_seconds(
    nodes: Nodes, redis: RedisServer
) -> None:
    node = nodes(redis.url)
    assert node.ask(node.schedule.claim_rebuild())
    many = [
        Slot(n, 1_700_000_000 + n * 7919 % 100_000, f"{n % 5000}.example") for n in range(10**5)
    ]
    with prompt(10, redis.pid):
        node.ask(node.schedule.put(many))
    assert node.ask(node.schedule.size()) == 10**5
    node.ask(node.schedule.rebuilt())
    turning.pass_time(QUIET)
    with prompt(0.5, redis.pid):
        leases = node.ask(node.schedule.take(100, 50, QUIET))
    assert len({lease.lane for lease in leases}) == len(leases) == 100
