"""A whole server over Redis: starts without it, both killed, and a failover."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.redis_hub import running, until
from tests.redisserver import RedisServer, watched_pair

pytestmark = pytest.mark.scale


def test_a_server_that_starts_without_redis(
    new_redis: Callable[..., RedisServer], tmp_path: Path
) -> None:
    redis = new_redis()
    with running(tmp_path, redis.url) as hub:
        with hub.prompt():
            hub.submit(3)
            assert not hub.tally.came
            redis.start()
            hub.all_left()
        # Both are killed: the store has it all.
        redis.kill()
        hub.submit(10)
        hub.server.kill()
        hub.server.start()
        redis.start()
        hub.submit(3)
        hub.all_left()


def test_a_failover_under_load(tmp_path: Path) -> None:
    """The replica that takes over knows what the master knew a moment ago, and that is worth
    nothing: the schedule is filled anew."""
    with watched_pair(tmp_path) as (master, replica, sentinel):
        sentinels = (f"127.0.0.1:{sentinel.port}",)
        with running(tmp_path / "hub", "redis://mail", sentinels) as hub, hub.prompt():
            hub.tally.pause = 0.05
            hub.submit(10)
            hub.all_left()
            hub.submit(20)
            master.kill()
            hub.submit(10)
            until(replica.leads, hub)
            hub.submit(10)
            hub.all_left()
