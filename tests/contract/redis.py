"""A connected Redis for contract tests: one server for the session, emptied for each schedule."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from mailhub.coord.limits import ScheduleLimits
from mailhub.coord.redis import RedisCoordination
from mailhub.coord.redis.counters import RedisCounters
from mailhub.coord.redis.schedule import RedisSchedule
from mailhub.model.settings import RedisSettings, Settings
from mailhub.net.clock import ReactorClock
from tests import turning
from tests.fakes import FakeClock, ListLog
from tests.redisserver import RedisServer


class Shared:
    """The server, a connection to it, and what is tested over them on the test's own clock."""

    def __init__(self) -> None:
        self.server = RedisServer()
        self.server.start()
        self.log = ListLog()
        settings = Settings(redis=RedisSettings(url=f"unix://{self.server.socket}"))
        reactor = turning.reactor()
        self.link = RedisCoordination(settings, reactor, ReactorClock(reactor), self.log)
        self.ask(self.link.start())

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
        """Empty."""
        self.ask(self.link.ask("FLUSHALL"))
        return RedisCounters(self.link, prefix="mailhub", now=clock.seconds)

    def close(self) -> None:
        self.ask(self.link.stop())
        turning.release_threads()
        self.server.close()
        assert [event for event in self.log.events if event[1].get("outcome") == "lost"] == []
