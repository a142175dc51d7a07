"""A whole server over Redis, while Redis is emptied, restarted or full: all that was accepted
leaves, and nothing leaves twice."""

from __future__ import annotations

import time

import pytest

from tests.live.redis_hub import QUIET, Hub, until
from tests.redisserver import RedisServer

pytestmark = pytest.mark.scale


@pytest.fixture
def redis(sleepy: RedisServer) -> RedisServer:
    return sleepy


@pytest.fixture
def hub(over_redis: Hub) -> Hub:
    over_redis.rest()
    return over_redis


def test_an_emptied_redis_under_load(hub: Hub, redis: RedisServer) -> None:
    hub.tally.pause = 0.05
    filled = hub.events("queue", "filled")
    with hub.prompt():
        for _ in range(3):
            hub.submit(15, pause=0.01)
            redis.cli("FLUSHALL")
        hub.submit(15)
        hub.all_left()
    assert hub.events("queue", "filled") > filled
    assert hub.events("redis", "lost") == hub.events("redis", "back")


def test_a_restarted_redis_under_load(hub: Hub, redis: RedisServer) -> None:
    hub.tally.pause = 0.05
    with hub.prompt():
        for _ in range(2):
            hub.submit(10, pause=0.01)
            redis.kill()
            hub.submit(5)
            redis.start()
        hub.submit(5)
        hub.all_left()


def test_what_is_past_its_dot_while_redis_is_emptied_is_not_sent_again(
    hub: Hub, redis: RedisServer
) -> None:
    hub.tally.go_on.clear()
    before = hub.tally.came.total()
    hub.submit()
    until(lambda: hub.tally.came.total() == before + 2, hub)
    redis.cli("FLUSHALL")
    time.sleep(2 * QUIET + 1)
    assert hub.tally.came.total() == before + 2
    hub.tally.go_on.set()
    hub.all_left()


def test_a_full_redis_takes_nothing_new_until_there_is_room(hub: Hub, redis: RedisServer) -> None:
    lost = hub.events("redis", "lost")
    redis.cli("CONFIG", "SET", "maxmemory", "1")
    with hub.prompt():
        hub.submit(5)
        until(lambda: hub.events("redis", "lost") > lost, hub)
        redis.cli("CONFIG", "SET", "maxmemory", "0")
        hub.all_left()
