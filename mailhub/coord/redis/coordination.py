"""Everything over Redis, joined: connections, schedule, counters, seats, sessions and the bell; and
one word in the log when Redis goes or comes.

May hold no rule of schedule, counters or seats.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailhub.coord.limits import ScheduleLimits
from mailhub.coord.memory import MemoryCounters
from mailhub.coord.redis.counters import RedisCounters, SteadyCounters
from mailhub.coord.redis.greeting import allowed, facts, master, text
from mailhub.coord.redis.health import OURS, Health, Standing
from mailhub.coord.redis.link import Link, State, if_cancelled
from mailhub.coord.redis.schedule import RedisSchedule
from mailhub.coord.redis.scripts import Asks
from mailhub.coord.redis.seats import RedisSeats
from mailhub.coord.redis.sessions import EndedSessions, RedisSessions
from mailhub.coord.redis.spread import Spread
from mailhub.coord.redis.wakeups import RedisWakeups
from mailhub.coord.redis.ways import ways_of
from mailhub.coord.redis.wire import Ear, Refused, Reply, Wire
from mailhub.model.errors import Unavailable
from mailhub.model.settings import Settings
from mailhub.ports import Clock, Log, Randomness, Sessions
from mailhub.wire.redisslots import Place, slot_of

HEARTBEAT = 1.0
"""Seconds between looks whether Redis answers, is a master and still knows the schedule."""
PINGS = 10
"""Heartbeats between looks whether the connection that only listens is alive."""
LOOKOUT = 3
"""Heartbeats between questions to a Sentinel whether the master is still the same."""
UNNOTICED = 2 * LOOKOUT * HEARTBEAT
"""Seconds for which a process may go on with a master that Sentinels passed over and that lives."""
SESSION = 181 * 86400
"""Seconds after which no API session is left, however it was prolonged."""
ANOTHER = frozenset(
    {"READONLY", "LOADING", "MASTERDOWN", "NOAUTH", "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"}
)
"""Errors of a server that is not, or not any more, the one to ask: another connection may help.
Those of a Cluster whose slots are on their way heal when they have arrived; see SlotEndpoint."""

MOST_PROBES = 50_000
"""Names that are tried to find a key of a node's; of one with a hundred slots, 160 on average."""


def open(
    settings: Settings, reactor: Any, clock: Clock, randomness: Randomness, log: Log
) -> RedisCoordination:
    """As `settings.redis` says; connects at `start`. Raises Invalid where the URL or the files of
    certificates cannot be used."""
    return RedisCoordination(settings, reactor, clock, randomness, log)


class RedisCoordination:
    """`ports.Coordination`. `counters` go on with what this process counted while Redis is away;
    `schedule` raises Unavailable then, at once and not after a timeout each."""

    def __init__(
        self, settings: Settings, reactor: Any, clock: Clock, randomness: Randomness, log: Log
    ) -> None:
        redis = settings.redis
        self._clock = clock
        self._log = log
        self._standing = Standing(log, clock)
        self._refusing = False
        self._deaf = ""
        self._prefix = redis.prefix
        self._probe = f"{{{redis.prefix}}}:probe"
        self._server = ""
        self._beating: Deferred[Failure | None] | None = None
        self._beats = False
        self._ways = ways = ways_of(redis, reactor, self._probe)
        self._link = partial(Link, reactor=reactor, clock=clock, timeout=redis.timeout)
        self._wire = partial(Wire, reactor, float(redis.timeout))
        self._calls: Link[Wire] = self._link(
            ways.endpoint, self._wire, self._greet, self._calls_turned
        )
        ear = partial(Ear, reactor, float(redis.timeout), self._heard)
        self._wakes: Link[Ear] = self._link(ways.hearing, ear, self._listen, self._wakes_turned)
        self._spread: Spread | None = None
        if ways.atlas is not None:
            self._spread = Spread(ways.atlas, self._node, lambda node: Standing(log, clock, node))
        self.keyed: Asks = self._spread or self
        """For commands of one key each."""
        self.schedule = RedisSchedule(
            self,
            clock,
            ScheduleLimits.of(settings),
            prefix=redis.prefix,
            quiet=redis.quiet,
            server=lambda: self._server,
            unnoticed=UNNOTICED if ways.sentinels is not None else 0.0,
            lone=ways.sentinels is None and ways.atlas is None,
        )
        self.counters = SteadyCounters(
            RedisCounters(self.keyed, prefix=redis.prefix), MemoryCounters(clock)
        )
        self.wakeups = RedisWakeups(self, randomness, prefix=redis.prefix)
        self.seats = RedisSeats(self.keyed, clock, randomness, prefix=redis.prefix)

    def sessions(self, own: Sessions) -> Sessions:
        """Those that processes share; what was ended is in `own` too."""
        shared = RedisSessions(self.keyed, self._clock, prefix=self._prefix)
        return EndedSessions(shared, own, self._clock, SESSION)

    def troubles(self) -> Mapping[str, str]:
        """See `ports.Coordination`."""
        found = {"Redis": self._standing.trouble, "Redis, listening": self._deaf}
        if self._spread is not None:
            found |= {f"Redis at {node}": why for node, why in self._spread.troubles().items()}
        return {what: why for what, why in found.items() if why}

    async def start(self) -> None:
        """Connects; where that does not work now, it goes on trying."""
        await self._calls.start()
        await self._wakes.start()
        if self._spread is not None:
            await self._spread.start()
        await self.seats.beat()
        self._beats = True
        self._beating = Deferred.fromCoroutine(self._beat())
        self._beating.addErrback(if_cancelled)

    async def stop(self) -> None:
        """Ends all connections."""
        self._beats = False
        beating, self._beating = self._beating, None
        if beating is not None:
            # What is cancelled may end as another error of its own (a name being looked up).
            beating.cancel()
            await beating
            await self.seats.leave()
        if self._spread is not None:
            await self._spread.stop()
        await self._wakes.stop()
        await self._calls.stop()

    async def ask(self, *words: str | bytes | int) -> Reply:
        """One command, to the server that has the schedule. Raises Unavailable; what Redis refuses
        counts as its being ill."""
        try:
            return await self._calls.ask(*words)
        except Refused as error:
            if error.code != "NOSCRIPT":
                self._refusing = True
                self._standing.ill(error.reason)
            if error.code in ANOTHER:
                self._calls.drop()
            raise

    # -- greeting

    async def _greet(self, wire: Wire) -> None:
        await self._ways.login.enter(wire)
        server = await master(wire, cluster=self._spread is not None)
        kinds = (
            () if self._spread is not None else (self._counting("probe"), self._holding("probe"))
        )
        await allowed(wire, (self._probe, *kinds), self._probe)
        if server != self._server:
            # Whoever listens to a master that was, hears nothing one day.
            self._wakes.drop()
        self._server = server
        await self.schedule.arrive(wire, server)
        memory = facts(await wire.ask("INFO", "memory"))
        policy = memory.get("maxmemory_policy", "")
        if policy.startswith("allkeys") and memory.get("maxmemory", "0") != "0":
            self._log.event("redis", outcome="evicting", policy=policy, level="warn")

    async def _listen(self, ear: Ear) -> None:
        await self._ways.login.enter(ear)
        server = facts(await ear.ask("INFO", "server")).get("run_id")
        if self._calls.state is State.HERE and server != self._server:
            raise Unavailable("another server than the one that has the schedule")
        await ear.ask("SUBSCRIBE", self.schedule.channel)
        await ear.ask("SUBSCRIBE", self.wakeups.bell)

    def _node(self, place: Place, heed: Callable[[State, str], None]) -> Link[Wire]:
        """To one master of a Cluster."""
        endpoint = self._ways.dialer.tcp(*place)
        return self._link(endpoint, self._wire, partial(self._greet_node, place), heed)

    async def _greet_node(self, place: Place, wire: Wire) -> None:
        await self._ways.login.enter(wire)
        await master(wire, cluster=True)
        await wire.ask("ASKING")  # may be needed one day; it says whether we may
        assert self._spread is not None
        own = self._spread.slots(place)
        for kind in (self._counting, self._holding):
            # Its rights may differ from those of other nodes: tried with keys of its own slots.
            keys = (kind(str(number)) for number in range(MOST_PROBES))
            key = next((key for key in keys if own(slot_of(key))), None)
            if key is not None:
                await allowed(wire, (key,), self._probe)

    def _counting(self, name: str) -> str:
        return f"{self._prefix}:count:{{{name}}}"

    def _holding(self, name: str) -> str:
        return f"{self._prefix}:session:{{{name}}}"

    # -- health

    def _heard(self, channel: bytes, message: bytes) -> None:
        if channel == self.wakeups.bell.encode():
            self.wakeups.heard(message)
        else:
            self.schedule.wake()

    def _calls_turned(self, state: State, reason: str) -> None:
        if state is State.HERE:
            self._refusing = False
            self._standing.well()
            self.schedule.wake()
        elif state is State.AWAY:
            self._standing.ill(reason)

    def _wakes_turned(self, state: State, reason: str) -> None:
        if state is State.HERE:
            self._deaf = ""
            self.schedule.wake()  # for what was told meanwhile
            self.wakeups.missed()
        elif self._standing.health is Health.WELL and reason.split(" ", 1)[0] in OURS:
            before, self._deaf = self._deaf, reason
            if not before:
                self._log.event("redis", outcome="deaf", reason=reason, level="warn")

    async def _beat(self) -> None:
        beats = 0
        while self._beats:
            await self._clock.sleep(HEARTBEAT)
            beats += 1
            await _quietly(self._look())
            if self._spread is not None:
                await self._spread.look()
            await self.seats.beat()
            if beats % PINGS == 0:
                await _quietly(self._wakes.ask("PING"))
            if beats % LOOKOUT == 0:
                await self._look_out()

    async def _look(self) -> None:
        role = text((await self._calls.ask("ROLE"))[0])
        if role != "master":
            self._standing.ill(f"the server is a {role}, no master")
            self._calls.drop()
            return
        if self._refusing:
            # Reads may go well all the time; a write has to, before Redis counts as back.
            await self._calls.ask("SET", self._probe, 1, "EX", 10)
            self._refusing = False
            self._standing.well()
            self.schedule.wake()
        if not await self.schedule.known():
            self.schedule.wake()

    async def _look_out(self) -> None:
        """A master that was cut off from its Sentinels says of itself that all is well."""
        sentinels = self._ways.sentinels
        if sentinels is None or self._calls.state is not State.HERE:
            return
        if await sentinels.passed_on(self._server):
            self._standing.ill("Sentinels have made another the master")
            self._calls.drop()


async def _quietly(asking: Awaitable[object]) -> None:
    try:
        await asking
    except Unavailable:
        return
