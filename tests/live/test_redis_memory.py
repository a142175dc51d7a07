"""Redis restarted, emptied, or with an old memory: what mailhub's side makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mailhub.model.queue import Slot
from tests import turning
from tests.live.redis_bench import LANE, PROMPT, QUIET, Nodes, slots, unheld
from tests.redisserver import RedisServer

pytestmark = pytest.mark.scale


def test_a_redis_killed_and_started_empty_is_filled_anew(nodes: Nodes, redis: RedisServer) -> None:
    node, other = nodes(redis.url), nodes(redis.url)
    node.fill(*slots(1, 2, 3))
    leases = node.ask(node.schedule.take(1, 1, QUIET))
    redis.kill()
    turning.pass_time(0.5)
    redis.start()
    node.recovers()
    other.recovers()
    assert node.woken
    assert not node.ask(node.schedule.renew(leases[0].token, QUIET))
    began = time.monotonic()  # the pause begins with the claim
    claims = turning.together(node.schedule.claim_rebuild(), other.schedule.claim_rebuild())
    assert sorted(claims) == [False, True]
    claimer = node if claims[0] else other
    claimer.ask(claimer.schedule.put(slots(1, 2, 3)))
    claimer.ask(claimer.schedule.rebuilt())
    assert unheld(node) == unheld(other) == []
    node.fails(node.schedule.claim([1], 1), PROMPT)
    assert node.ask(node.schedule.next_due()) >= int(time.time())
    turning.until(lambda: unheld(other) == [1, 2, 3])
    assert time.monotonic() - began >= QUIET
    assert node.outcomes() == ["connected", "lost", "back"]


def test_an_emptied_redis_wakes_the_runner_and_gives_nothing_too_early(
    nodes: Nodes, redis: RedisServer
) -> None:
    node, other = nodes(redis.url), nodes(redis.url)
    node.fill(*slots(1, 2))
    [lease] = node.ask(node.schedule.take(1, 1, QUIET))
    node.woken.clear()
    redis.cli("FLUSHALL")
    turning.until(lambda: node.woken and other.woken)
    # Before anybody fills it nothing is given: 1 may be on its way.
    other.ask(other.schedule.put(slots(1)))
    assert unheld(other) == []
    assert other.ask(other.schedule.next_due()) is None
    began = time.monotonic()
    assert other.ask(other.schedule.claim_rebuild())
    other.ask(other.schedule.put(slots(1, 2)))
    other.ask(other.schedule.rebuilt())
    assert not node.ask(node.schedule.claim_rebuild())
    node.ask(node.schedule.end(lease.token, []))  # from before: changes nothing
    found: list[int] = []
    turning.until(lambda: found.extend(unheld(node)) or found)
    assert time.monotonic() - began >= QUIET
    assert found == [1, 2]
    [token] = {lease.token for lease in node.ask(node.schedule.take(1, 1, QUIET))} or {0}
    assert token == 0
    assert node.outcomes() == ["connected"]


def test_what_came_after_a_loss_is_given_at_once(nodes: Nodes, redis: RedisServer) -> None:
    """Leases from before can only be of what was in the store when somebody looked since."""
    node, other = nodes(redis.url, quiet=900), nodes(redis.url, quiet=900)
    other.ask(other.schedule.put(slots(1, 11)))  # before anybody claims
    assert node.ask(node.schedule.claim_rebuild())
    other.ask(other.schedule.put(slots(2, 12)))
    assert unheld(other) == []
    other.woken.clear()
    node.ask(node.schedule.pause(20))
    node.ask(node.schedule.put(slots(1, 2, 11, 12, 20)))
    assert other.ask(other.schedule.next_due()) > time.time() + 800
    other.ask(other.schedule.put(slots(3, 21)))
    turning.until(lambda: other.woken)
    assert unheld(other, 900) == [21]
    assert node.ask(node.schedule.claim([21, 99], 900)).entries == (99,)
    node.fails(node.schedule.claim([20, 100], QUIET), PROMPT)
    node.ask(node.schedule.rebuilt())
    other.ask(other.schedule.add(slots(4, 22)))
    other.ask(other.schedule.put(slots(5, 21)))
    assert unheld(node) == [22]
    assert node.ask(node.schedule.size()) == 11
    # Whose claim was lost since says nothing.
    redis.cli("FLUSHALL")
    assert other.ask(other.schedule.claim_rebuild())
    node.ask(node.schedule.pause(0))
    node.ask(node.schedule.put(slots(23)))
    assert unheld(node) == []


def test_what_was_there_at_a_loss_is_given_when_the_pause_is_over(
    nodes: Nodes, redis: RedisServer
) -> None:
    node = nodes(redis.url)
    began = time.monotonic()
    assert node.ask(node.schedule.claim_rebuild())
    node.ask(node.schedule.pause(2))
    later = Slot(2, int(time.time()) + 900, LANE)
    node.ask(node.schedule.put([*slots(1), later]))
    node.ask(node.schedule.rebuilt())
    found: list[int] = []
    turning.until(lambda: found.extend(unheld(node)) or found)
    assert time.monotonic() - began >= QUIET
    assert found == [1]


def test_tokens_grow_over_a_flush(nodes: Nodes, redis: RedisServer) -> None:
    node = nodes(redis.url)
    node.fill(*slots(1))
    [before] = node.ask(node.schedule.take(1, 1, QUIET))
    redis.cli("FLUSHALL")
    node.fill(*slots(1))
    [after] = node.ask(node.schedule.take(1, 1, QUIET))
    assert after.token > before.token


def test_what_a_restarted_redis_read_from_its_disk_is_not_believed(
    nodes: Nodes, new_redis: Callable[..., RedisServer]
) -> None:
    redis = new_redis("--dbfilename", "old.rdb")
    redis.start()
    node = nodes(redis.url)
    node.fill(*slots(1, 2))
    redis.cli("SAVE")
    [lease] = node.ask(node.schedule.take(1, 1, QUIET))  # the snapshot does not know it
    redis.kill()
    redis.start()
    assert int(redis.cli("DBSIZE")) > 3
    node.recovers()
    assert node.ask(node.schedule.size()) == 0
    assert unheld(node) == []
    node.fill(*slots(1, 2))
    [again] = node.ask(node.schedule.take(1, 10, QUIET))
    assert again.entries == (1, 2)
    assert again.token > lease.token


def test_forgotten_scripts_are_loaded_again(nodes: Nodes, redis: RedisServer) -> None:
    node = nodes(redis.url)
    node.fill(*slots(1))
    redis.cli("SCRIPT", "FLUSH")
    assert unheld(node) == [1]
    assert node.outcomes() == ["connected"]
