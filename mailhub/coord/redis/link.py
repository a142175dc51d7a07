"""A connection to Redis that comes back by itself, and never logs on its own.

Twisted's ClientService is not used: it logs every attempt, and it has no transition for a
connection that ends while it is being prepared. Knows no command but those of `greet`.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure

from mailhub.coord.redis.dial import Once, reason
from mailhub.coord.redis.wire import Reply, Wire
from mailhub.model.errors import Unavailable
from mailhub.ports import Clock

FIRST_WAIT = 0.1
LONGEST_WAIT = 2.0
"""Seconds; short, as a failover is followed no sooner."""
STEADY = 10.0
"""Seconds after which a connection counts as good, and the waits begin anew."""
W = TypeVar("W", bound=Wire)


class State(Enum):
    """Of a link. IDLE → HERE ⇄ AWAY → IDLE; `stop` leads to IDLE from each."""

    IDLE = "idle"
    HERE = "here"
    AWAY = "away"


class Link(Generic[W]):
    """Keeps one connection. `make`: a fresh protocol. `greet`: what has to go well on it before
    anybody else uses it. `heed`: hears of every change, and of every attempt that failed, with the
    reason where it is AWAY."""

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        make: Callable[[], W],
        greet: Callable[[W], Awaitable[None]],
        heed: Callable[[State, str], None],
        *,
        reactor: Any,
        clock: Clock,
        timeout: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._endpoint = endpoint
        self._make = make
        self._greet = greet
        self._heed = heed
        self._reactor = reactor
        self._clock = clock
        self._timeout = timeout
        self._chance = chance
        self._wire: W | None = None
        self._state = State.IDLE
        self._stopping = False
        self._running: Deferred[Failure | None] | None = None
        self._first: Deferred[None] | None = None

    @property
    def state(self) -> State:
        """As it is now."""
        return self._state

    async def start(self) -> None:
        """Ends when the first attempt did, well or not."""
        self._first = Deferred()
        self._stopping = False
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(if_cancelled)
        await self._first

    async def stop(self) -> None:
        """Ends the connection and looks for no other."""
        running, self._running = self._running, None
        if running is not None:
            # What is cancelled may end as another error of its own (a name being looked up).
            self._stopping = True
            running.cancel()
            await running

    async def ask(self, *words: str | bytes | int) -> Reply:
        """See `Wire.ask`; fails at once while there is no connection."""
        if self._wire is None:
            raise Unavailable
        return await self._wire.ask(*words)

    def drop(self) -> None:
        """Ends the connection, and looks for another."""
        if self._wire is not None:
            self._wire.drop()

    async def _run(self) -> None:
        failures = 0
        try:
            while True:
                began = self._clock.seconds()
                why = await self._hold_one()
                if self._stopping:
                    return
                failures = 0 if self._clock.seconds() - began > STEADY else failures + 1
                self._turn(State.AWAY, why)
                await self._clock.sleep(wait(failures, self._chance()))
        finally:
            self._turn(State.IDLE, "")

    async def _hold_one(self) -> str:
        """One connection's whole life; why it ended or never began."""
        wire = self._make()
        try:
            connecting: Any = self._endpoint.connect(Once(wire))
            await connecting.addTimeout(self._timeout, self._reactor)
            await self._greet(wire)
            self._wire = wire
            self._turn(State.HERE, "")
            return await wire.ended
        except CancelledError:
            raise
        except Exception as error:  # what connecting may raise is an open list: DNS, TLS, sockets
            return reason(error, wire)
        finally:
            self._wire = None
            wire.drop()

    def _turn(self, state: State, why: str) -> None:
        changed, self._state = state is not self._state, state
        if changed or state is State.AWAY:
            self._heed(state, why)
        if self._first is not None:
            first, self._first = self._first, None
            first.callback(None)


def wait(failures: int, chance: float) -> float:
    """Seconds before the next attempt: doubling, between half and all of it by chance (0 to 1)."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures, 10)) * (0.5 + chance / 2)


def if_cancelled(failure: Failure) -> Failure | None:
    """For a coroutine that runs until it is cancelled."""
    return None if isinstance(failure.value, CancelledError) else failure
