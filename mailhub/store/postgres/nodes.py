"""This process among the others that share its database: that it is there, and which leases it has.

Every few seconds one commit says so and renews the leases; what rows that changes is `roll`'s. A
lease is held for a second less than the rows say, from before the commit was asked for: so no other
process can have it while this one thinks that it does, whatever their clocks show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailhub.model.errors import InUse, MailhubError, Outdated
from mailhub.model.node import Node, NodeState
from mailhub.ports.leases import under
from mailhub.store.leases import AllLeases
from mailhub.store.postgres import roll, stepping
from mailhub.store.postgres.roll import Moment, Own
from mailhub.store.postgres.steps import STEPS
from mailhub.store.services import Runner

TICK = 1.0
"""Seconds between two looks at the clock."""
BEAT = 3.0
"""Seconds between two signs of life."""
HELD = roll.LIFE / 1000 - 1.0
"""Seconds that a lease is held from when it was asked for: clocks do not run alike."""
LOOK = 60.0
"""Seconds between two looks at what dead processes left, and at the schema."""
STRAY = 3600.0
"""Seconds for which a counter stands still that is nobody's."""
KEEPER = "nodes"
"""The lease under which that is done."""


class Timer(Protocol):
    """What this asks of the reactor."""

    def callLater(self, delay: float, call: Callable[..., object]) -> IDelayedCall: ...


class NodeService:
    """`ports.leases.Nodes`. `seconds`: a monotonic clock. `moment`: the database's."""

    _log = Logger()

    def __init__(
        self,
        runner: Runner,
        own: Own,
        reactor: Timer,
        seconds: Callable[[], float],
        moment: Moment = roll.moment,
    ) -> None:
        self.leases = AllLeases(seconds)
        self.known = 1
        """Processes that were live when last counted."""
        self._runner = runner
        self._own = own
        self._reactor = reactor
        self._seconds = seconds
        self._moment = moment
        self._state = NodeState.STARTING
        self._wants = True
        self._timer: IDelayedCall | None = None
        self._beating: Deferred[None] | None = None
        self._beat_at = 0.0
        self._failed = False
        self._dismissed: Callable[[str], None] = lambda _: None
        self._look_at = self._stray_at = 0.0
        self._strays: Mapping[str, int] = {}
        self._looking: Deferred[None] | None = None
        self._keeper = self.leases.lease(KEEPER)

    @property
    def held(self) -> int:
        """Leases that this process has."""
        return sum(self.leases.turns.values())

    @property
    def turns(self) -> Mapping[str, bool]:
        return self.leases.turns

    async def all(self) -> Sequence[Node]:
        return await self._runner.read(roll.everyone, self._own.name, self._moment)

    # -- beginning and end

    async def start(self, addresses: Sequence[str], dismissed: Callable[[str], None]) -> None:
        self._own = replace(self._own, addresses=tuple(addresses))
        self._dismissed = dismissed
        await self._join()
        self._keeper.watch(lambda: None, self._look_no_more)
        await self._beat()
        self._timer = self._reactor.callLater(TICK, self._tick)

    async def serving(self) -> None:
        self._state = NodeState.SERVING
        await self._beat_soon()

    async def drain(self) -> None:
        self._state = NodeState.DRAINING
        await self._leave()
        await self._beat_soon()

    async def drained(self) -> None:
        self._state = NodeState.DRAINED
        await self._beat_soon()

    async def stop(self) -> None:
        if self._timer is None:
            return  # it never began
        await self._leave()
        timer, self._timer = self._timer, None
        if timer.active():
            timer.cancel()
        if self._beating is not None:
            await self._beating
        try:
            await self._runner.write(roll.leave, self._own.name)
        except MailhubError as error:
            self._log.warn("The database was not told of the end: {text}", text=error.text)

    async def _leave(self) -> None:
        """What is done under leases ends, while they are renewed; then they go back."""
        await self.leases.leave()
        self._wants = False

    async def _join(self) -> None:
        """Waits for one that may be dead where there may be only one: who was killed cannot take
        leave, and who lives shows it."""
        first: dict[str, int] = {}
        while True:
            hindering = await self._runner.write(roll.join, self._own, self._moment)
            if not hindering:
                return
            for one in hindering:
                if first.setdefault(one.name, one.seen) != one.seen:
                    raise InUse(
                        f"{one.name} (mailhub {one.version}) runs on this database already; for"
                        " several nodes on one database, set redis.url on each of them"
                    )
            await self._sleep(TICK)

    def _sleep(self, seconds: float) -> Deferred[None]:
        over: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, lambda: over.callback(None))
        return over

    # -- signs of life

    def _tick(self) -> None:
        if self._timer is None:
            return
        self._timer = self._reactor.callLater(TICK, self._tick)
        self.leases.check()
        if self._seconds() >= self._beat_at and self._beating is None:
            self._beat()
        if self._keeper.held() and self._seconds() >= self._look_at and self._looking is None:
            self._look_at = self._seconds() + LOOK
            self._looking = Deferred.fromCoroutine(under(self._keeper, self._look()))
            self._looking.addErrback(self._looked_badly).addBoth(self._looked)

    async def _beat_soon(self) -> None:
        """What is new about this process is known to the others, or the database is away."""
        if self._timer is None:
            return
        if self._beating is not None:
            await self._beating
        if self._beating is None:
            await self._beat()

    def _beat(self) -> Deferred[None]:
        self._beat_at = self._seconds() + BEAT
        done = self._beating = Deferred.fromCoroutine(self._beat_now())
        done.addErrback(self._beat_failed).addBoth(self._beaten)
        over: Deferred[None] = Deferred()
        done.addBoth(lambda _: over.callback(None))
        return over

    async def _beat_now(self) -> None:
        began = self._seconds()
        wanted = self.leases.wanted if self._wants else ()
        turns = await self._runner.write(
            roll.beat, self._own.name, self._state, wanted, self._moment
        )
        if turns is None:
            self._log.warn("The others took this node for dead")
            self.leases.grant({}, began)
            await self._join_again()
            return
        if self._failed:
            self._failed = False
            self._log.info("The database hears of this node again")
        self.leases.grant(turns if self._wants else {}, began + HELD)
        self.known = sum(one.live for one in await self.all())

    async def _join_again(self) -> None:
        try:
            hindering = await self._runner.write(roll.join, self._own, self._moment)
        except Outdated as error:
            self._dismissed(error.text)
            return
        if hindering:
            self._dismissed(f"{hindering[0].name} runs on this database in our place")

    def _beat_failed(self, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, MailhubError):
            self._log.failure("A sign of life failed", failure)
        elif not self._failed:
            self._failed = True
            self._log.warn("The database does not hear of this node: {text}", text=error.text)

    def _beaten(self, _: object) -> None:
        self._beating = None

    # -- what one of them does for all

    async def _look(self) -> None:
        """Forgets the dead, and ends what of the schema only they needed."""
        gone = await self._runner.write(roll.purge, self._moment)
        for name in gone:
            self._log.info("The node {name} is forgotten", name=name)
        if self._seconds() >= self._stray_at:
            self._stray_at = self._seconds() + STRAY
            self._strays = await self._runner.write(roll.strays, self._strays)
        for number in await self._runner.write(stepping.contract, STEPS):
            self._log.info("The schema's step {number} is complete", number=number)

    def _looked_badly(self, failure: Failure) -> None:
        if not isinstance(failure.value, MailhubError):
            self._log.failure("The nodes could not be looked after", failure)

    def _looked(self, _: Any) -> None:
        self._looking = None

    async def _look_no_more(self) -> None:
        if self._looking is not None:
            await self._looking
