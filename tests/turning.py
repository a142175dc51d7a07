"""Twisted's own reactor, turned by the test that waits for something on real sockets."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")
PATIENCE = 20.0
"""Seconds after which nothing will come any more."""


def reactor() -> Any:
    """The process's reactor, running as far as one turn at a time goes."""
    from twisted.internet import reactor as found

    turned: Any = found
    if not turned.running:
        turned.startRunning(installSignalHandlers=False)
    return turned


def until(done: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Turns the reactor until `done()` is true."""
    turned = reactor()
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, f"it did not happen within {seconds:g} s"
        turned.iterate(0.005)


def pass_time(seconds: float) -> None:
    """Lets others run for so long."""
    ends = time.monotonic() + seconds
    until(lambda: time.monotonic() >= ends, seconds + PATIENCE)


def result(awaitable: Awaitable[T], seconds: float = PATIENCE) -> T:
    """What it yields; what it raises is raised here."""
    outcome: list[Any] = []
    Deferred.fromCoroutine(_awaiting(awaitable)).addBoth(outcome.append)
    until(lambda: outcome, seconds)
    if hasattr(outcome[0], "raiseException"):
        outcome[0].raiseException()
    got: T = outcome[0]
    return got


def together(*awaitables: Awaitable[Any]) -> list[Any]:
    """All at once; results and exceptions in their order."""
    outcomes: dict[int, Any] = {}
    for place, one in enumerate(awaitables):
        done = Deferred.fromCoroutine(_awaiting(one))
        done.addBoth(lambda got, place=place: outcomes.update({place: got}))
    until(lambda: len(outcomes) == len(awaitables))
    return [getattr(outcomes[place], "value", outcomes[place]) for place in sorted(outcomes)]


def release_threads() -> None:
    """Ends the pool that looked names up; otherwise the interpreter would wait for it."""
    turned = reactor()
    if turned.threadpool is not None:
        turned._stopThreadPool()


async def _awaiting(awaitable: Awaitable[T]) -> T:
    return await awaitable
