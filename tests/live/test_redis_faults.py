"""Redis stopped, hanging, slow, or none at all: what mailhub's side makes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailhub.model.errors import Unavailable
from tests import turning
from tests.live.pace import prompt
from tests.live.redis_bench import (
    LANE,
    PROMPT,
    QUIET,
    TIMEOUT,
    Impostor,
    Nodes,
    Proxy,
    slots,
    unheld,
)
from tests.redisserver import RedisServer


def test_it_starts_without_redis_and_goes_on_when_there_is_one(
    nodes: Nodes, new_redis: Callable[..., RedisServer]
) -> None:
    redis = new_redis()
    with prompt(TIMEOUT + PROMPT):
        node = nodes(f"unix://{redis.socket}")
    node.fails(node.schedule.put(slots(1)), PROMPT)
    node.fails(node.schedule.take(1, 1, 1), PROMPT)
    node.fails(node.schedule.claim_rebuild(), PROMPT)
    turning.pass_time(1)
    assert node.outcomes() == ["lost"]
    redis.start()
    node.recovers()
    assert node.outcomes() == ["lost", "back"]
    assert node.woken


def test_every_method_says_unavailable(nodes: Nodes, redis: RedisServer) -> None:
    node = nodes(redis.url)
    redis.kill()
    schedule = node.schedule
    for call in (
        lambda: schedule.put(slots(1)),
        lambda: schedule.drop([1]),
        lambda: schedule.take(1, 1, 1),
        lambda: schedule.claim([1], 1),
        lambda: schedule.renew(1, 1),
        lambda: schedule.end(1, []),
        lambda: schedule.back_off(LANE, 1),
        schedule.next_due,
        schedule.size,
        schedule.claim_rebuild,
    ):
        node.fails(call(), PROMPT)


def test_a_redis_that_hangs_is_given_up_in_time_and_taken_up_again(
    nodes: Nodes, redis: RedisServer
) -> None:
    node = nodes(redis.url)
    node.fill(*slots(1, 2))
    [lease] = node.ask(node.schedule.take(1, 1, QUIET))
    node.woken.clear()
    redis.pause()
    node.fails(node.schedule.size(), TIMEOUT + 0.5)
    for _ in range(10):
        node.fails(node.schedule.size(), PROMPT)
    turning.pass_time(2)
    assert node.outcomes() == ["connected", "lost"]
    [lost] = [event for event in node.log.named("redis") if event["outcome"] == "lost"]
    assert lost["reason"] == f"no answer within {TIMEOUT} s"
    redis.resume()
    node.recovers()
    assert node.outcomes() == ["connected", "lost", "back"]
    # The same server still: what it remembers counts, and the lease ran out meanwhile.
    assert not node.ask(node.schedule.claim_rebuild())
    assert not node.ask(node.schedule.renew(lease.token, QUIET))
    assert node.woken
    assert unheld(node) == [1, 2]


def test_many_calls_that_wait_fail_together(nodes: Nodes, redis: RedisServer) -> None:
    node = nodes(redis.url)
    redis.pause()
    with prompt(TIMEOUT + 0.5):
        outcomes = turning.together(*(node.schedule.size() for _ in range(50)))
    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    redis.resume()
    node.recovers()


def test_a_slow_redis_is_away_until_it_is_quick(nodes: Nodes, redis: RedisServer) -> None:
    proxy = Proxy(redis.port)
    node = nodes(proxy.url)
    node.ask(node.schedule.size())
    proxy.delay = 2.0 * TIMEOUT
    node.fails(node.schedule.size(), TIMEOUT + 0.5)
    turning.pass_time(2 * TIMEOUT)
    node.fails(node.schedule.size(), PROMPT)
    proxy.delay = 0.0
    node.recovers()
    assert node.outcomes() == ["connected", "lost", "back"]
    proxy.stop()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "LOADING"),
        (b"-MASTERDOWN Link with MASTER is down\r\n", "MASTERDOWN"),
        (b"-ERR max number of clients reached\r\n", "max number of clients"),
        (b"-NOAUTH Authentication required.\r\n", "NOAUTH"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no answer"),
        (b"$5\r\n\xff\xfe\r\n*1\r\n$x\r\n", "no Redis"),
        (b"+\xff\r\n", "Connection was"),
        (b"\x00\xff" * 20000, "Connection was"),
        (b"*1\r\n$6\r\nmaster\r\n", "no Redis"),
        (None, "closed"),
    ],
)
def test_what_is_no_redis_or_not_yet_one_is_away(
    nodes: Nodes, answer: bytes | None, reason: str
) -> None:
    impostor = Impostor(answer)
    node = nodes(impostor.url)
    node.fails(node.schedule.size(), PROMPT)
    turning.pass_time(0.5)
    assert node.outcomes() == ["lost"]
    assert reason in str(node.log.named("redis")[0]["reason"])
    impostor.stop()
