"""Everything over Redis, joined: two connections, schedule, counters, and one word in the log when
Redis goes or comes.

May hold no rule of schedule or counters.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailhub.coord.limits import ScheduleLimits
from mailhub.coord.memory import MemoryCounters
from mailhub.coord.redis.counters import RedisCounters, SteadyCounters
from mailhub.coord.redis.dial import endpoint_of
from mailhub.coord.redis.link import Link, State, if_cancelled
from mailhub.coord.redis.schedule import RedisSchedule
from mailhub.coord.redis.sessions import EndedSessions, RedisSessions
from mailhub.coord.redis.wakeups import RedisWakeups
from mailhub.coord.redis.wire import Ear, Refused, Reply, Wire
from mailhub.model.errors import Unavailable
from mailhub.model.settings import Settings
from mailhub.ports import Clock, Log, Sessions
from mailhub.wire.redisurl import parse_redis_url

HEARTBEAT = 1.0
"""Seconds between looks whether Redis answers and still knows the schedule."""
PINGS = 10
"""Heartbeats between looks whether the other connection, which only listens, is alive."""
SESSION = 181 * 86400
"""Seconds after which no API session is left, however it was prolonged."""
ANOTHER = frozenset({"READONLY", "LOADING", "MASTERDOWN", "NOAUTH"})
"""Errors of a server that is not, or not any more, the one to ask: another connection may help."""
DEAF = frozenset({"NOPERM", "WRONGPASS", "NOAUTH"})


def open(settings: Settings, reactor: Any, clock: Clock, log: Log) -> RedisCoordination:
    """As `settings.redis` says; connects at `start`. Raises Invalid, OSError or ValueError where
    the URL or the authority's file cannot be used."""
    return RedisCoordination(settings, reactor, clock, log)


class Health(Enum):
    """NEW → WELL ⇄ ILL. Each change is one event in the log."""

    NEW = "new"
    WELL = "well"
    ILL = "ill"


class RedisCoordination:
    """`ports.Coordination`. `counters` go on with what this process counted while Redis is away;
    `schedule` raises Unavailable then, at once and not after a timeout each."""

    def __init__(self, settings: Settings, reactor: Any, clock: Clock, log: Log) -> None:
        redis = settings.redis
        self._url = parse_redis_url(redis.url)
        self._clock = clock
        self._log = log
        self._health = Health.NEW
        self._since = clock.seconds()
        self._refusing = False
        self._deaf = False
        self._prefix = redis.prefix
        self._probe = f"{redis.prefix}:probe"
        self._server = ""
        self._beating: Deferred[Failure | None] | None = None
        endpoint = endpoint_of(redis, reactor)
        shared: dict[str, Any] = {"reactor": reactor, "clock": clock, "timeout": redis.timeout}
        timeout = float(redis.timeout)
        self._calls: Link[Wire] = Link(
            endpoint, lambda: Wire(reactor, timeout), self._greet, self._calls_turned, **shared
        )
        self._wakes: Link[Ear] = Link(
            endpoint,
            lambda: Ear(reactor, timeout, self._heard),
            self._listen,
            self._wakes_turned,
            **shared,
        )
        self.schedule = RedisSchedule(
            self,
            clock,
            ScheduleLimits.of(settings),
            prefix=redis.prefix,
            quiet=redis.quiet,
            server=lambda: self._server,
        )
        self.counters = SteadyCounters(
            RedisCounters(self, prefix=redis.prefix), MemoryCounters(clock)
        )
        self.wakeups = RedisWakeups(self, prefix=redis.prefix)

    def sessions(self, own: Sessions) -> Sessions:
        """Those that processes share; what was ended is in `own` too."""
        shared = RedisSessions(self, self._clock, prefix=self._prefix)
        return EndedSessions(shared, own, self._clock, SESSION)

    async def start(self) -> None:
        """Connects; where that does not work now, it goes on trying."""
        await self._calls.start()
        await self._wakes.start()
        self._beating = Deferred.fromCoroutine(self._beat())
        self._beating.addErrback(if_cancelled)

    async def stop(self) -> None:
        """Ends both connections."""
        beating, self._beating = self._beating, None
        if beating is not None:
            beating.cancel()
            await beating
        await self._wakes.stop()
        await self._calls.stop()

    async def ask(self, *words: str | bytes | int) -> Reply:
        """One command. Raises Unavailable; what Redis refuses counts as its being ill."""
        try:
            return await self._calls.ask(*words)
        except Refused as error:
            if error.code != "NOSCRIPT":
                self._refusing = True
                self._turn(Health.ILL, error.reason)
            if error.code in ANOTHER:
                self._calls.drop()
            raise

    # -- greeting

    async def _greet(self, wire: Wire) -> None:
        await self._enter(wire)
        try:
            role = _text((await wire.ask("ROLE"))[0])
            server = _facts(await wire.ask("INFO", "server"))["run_id"]
        except (AttributeError, LookupError, TypeError):
            raise Unavailable("the other side is no Redis") from None
        if role != "master":
            raise Unavailable(f"the server is a {role}, no master")
        self._server = server
        await self.schedule.arrive(wire, self._server)
        memory = _facts(await wire.ask("INFO", "memory"))
        policy = memory.get("maxmemory_policy", "")
        if policy.startswith("allkeys") and memory.get("maxmemory", "0") != "0":
            self._log.event("redis", outcome="evicting", policy=policy, level="warn")

    async def _listen(self, ear: Ear) -> None:
        await self._enter(ear)
        await ear.ask("SUBSCRIBE", self.schedule.channel)
        await ear.ask("SUBSCRIBE", self.wakeups.bell)

    def _heard(self, channel: bytes, message: bytes) -> None:
        if channel == self.wakeups.bell.encode():
            self.wakeups.heard(message)
        else:
            self.schedule.wake()

    async def _enter(self, wire: Wire) -> None:
        url = self._url
        if url.password:
            names = (url.username,) if url.username else ()
            await wire.ask("AUTH", *names, url.password)
        if url.database:
            await wire.ask("SELECT", url.database)

    # -- health

    def _calls_turned(self, state: State, reason: str) -> None:
        if state is State.HERE:
            self._refusing = False
            self._turn(Health.WELL, "")
            self.schedule.wake()
        elif state is State.AWAY:
            self._turn(Health.ILL, reason)

    def _wakes_turned(self, state: State, reason: str) -> None:
        if state is State.HERE:
            self._deaf = False
            self.schedule.wake()  # for what was told meanwhile
            self.wakeups.missed()
        elif self._health is Health.WELL and not self._deaf and reason.split(" ", 1)[0] in DEAF:
            self._deaf = True
            self._log.event("redis", outcome="deaf", reason=reason, level="warn")

    def _turn(self, health: Health, reason: str) -> None:
        if health is self._health:
            return
        before, self._health = self._health, health
        since, self._since = self._since, self._clock.seconds()
        if health is Health.ILL:
            self._log.event("redis", outcome="lost", reason=reason, level="warn")
        elif before is Health.NEW:
            self._log.event("redis", outcome="connected")
        else:
            self._log.event("redis", outcome="back", seconds=self._since - since)

    async def _beat(self) -> None:
        beats = 0
        while True:
            await self._clock.sleep(HEARTBEAT)
            beats += 1
            try:
                await self._look()
                if beats % PINGS == 0:
                    await self._wakes.ask("PING")
            except Unavailable:
                continue

    async def _look(self) -> None:
        if self._refusing:
            # Reads may go well all the time; a write has to, before Redis counts as back.
            await self._calls.ask("SET", self._probe, 1, "EX", 10)
            self._refusing = False
            self._turn(Health.WELL, "")
            self.schedule.wake()
        if not await self.schedule.known():
            self.schedule.wake()


def _text(word: str | bytes) -> str:
    return word if isinstance(word, str) else word.decode("ascii", "replace")


def _facts(info: bytes) -> dict[str, str]:
    """The `name:value` lines of INFO."""
    lines = _text(info).splitlines()
    return {name: value for name, _, value in (line.partition(":") for line in lines) if value}
