"""Connected Redis for contract tests, as one server, a Cluster, or behind a Sentinel: each is
started once for the session, and emptied for each schedule."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mailhub.coord.limits import ScheduleLimits
from mailhub.coord.redis import RedisCoordination, open
from mailhub.coord.redis.counters import RedisCounters
from mailhub.coord.redis.schedule import RedisSchedule
from mailhub.coord.redis.seats import RedisSeats
from mailhub.coord.redis.sessions import RedisSessions
from mailhub.ground import SystemRandomness
from mailhub.model.settings import RedisSettings, Settings
from mailhub.net.clock import ReactorClock
from mailhub.ports import Clock
from tests import turning
from tests.fakes import FakeClock, ListLog
from tests.rediscluster import RedisCluster
from tests.redisserver import RedisServer, watched_pair

LONG = [pytest.mark.live, pytest.mark.scale]
BACKENDS = [
    pytest.param("redis", marks=pytest.mark.live),
    pytest.param("cluster", marks=LONG),
    pytest.param("sentinel", marks=LONG),
]
"""Of every contract that Redis keeps. `shared` finds what belongs to one."""
_numbers = itertools.count(1)


class Shared:
    """Redis, a connection to it, and what is tested over them on the test's own clock."""

    def __init__(self, start: Callable[[ExitStack], RedisSettings]) -> None:
        self._stack = ExitStack()
        self.settings = Settings(redis=start(self._stack))
        self.log = ListLog()
        self.link = self.connection(self.log)

    def connection(self, log: ListLog) -> RedisCoordination:
        """One more, as another process would have it."""
        reactor = turning.reactor()
        link = open(self.settings, reactor, ReactorClock(reactor), SystemRandomness(), log)
        self.ask(link.start())
        return link

    def ask(self, awaitable: Awaitable[Any]) -> Any:
        """Its result."""
        return turning.result(awaitable)

    def schedule(self, clock: FakeClock, limits: ScheduleLimits, quiet: float) -> RedisSchedule:
        """Empty, as after a loss."""
        self.ask(self.link.ask("FLUSHALL"))
        schedule = RedisSchedule(
            self.link,
            clock,
            limits,
            prefix="mailhub",
            quiet=quiet,
            server=lambda: "this",
            now=clock.now,
        )
        self.link.schedule.watch(schedule.wake)
        return schedule

    def counters(self, clock: FakeClock) -> RedisCounters:
        """That nobody counted with yet."""
        return RedisCounters(self.link.keyed, prefix=f"test{next(_numbers)}", now=clock.seconds)

    def seats(self, clock: FakeClock, count: int) -> list[RedisSeats]:
        """Of so many processes, all new."""
        prefix = f"test{next(_numbers)}"
        asks, now, chance = self.link.keyed, clock.seconds, SystemRandomness()
        return [RedisSeats(asks, clock, chance, prefix=prefix, now=now) for _ in range(count)]

    def sessions(self, clock: Clock) -> RedisSessions:
        """None of anybody's."""
        return RedisSessions(self.link.keyed, clock, prefix=f"test{next(_numbers)}")

    def close(self) -> None:
        self.ask(self.link.stop())
        turning.release_threads()
        self._stack.close()
        assert [event for event in self.log.events if event[1].get("outcome") == "lost"] == []


def shared(request: pytest.FixtureRequest, backend: str) -> Shared:
    """What `conftest.py` keeps for the session."""
    found: Shared = request.getfixturevalue(f"shared_{backend}")
    return found


def one_server(stack: ExitStack) -> RedisSettings:
    server = RedisServer()
    stack.callback(server.close)
    server.start()
    return RedisSettings(url=f"unix://{server.socket}")


def cluster(stack: ExitStack) -> RedisSettings:
    """Of three masters."""
    made = RedisCluster(3)
    stack.callback(made.close)
    made.start()
    return RedisSettings(url=made.url, cluster=made.places)


def sentinel(stack: ExitStack) -> RedisSettings:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    _, _, watching = stack.enter_context(watched_pair(folder))
    return RedisSettings(
        url="redis://mail",
        sentinels=(f"127.0.0.1:{watching.port}",),
        sentinel_password="watch",
    )
