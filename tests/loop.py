"""A real reactor for tests that need sockets: its own, not the process's, run only while a test
waits for something."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.epollreactor import EPollReactor
from twisted.python.failure import Failure

from mailhub.net.clock import install_monotonic

T = TypeVar("T")


class Loop:
    """`reactor`: to hand to what is tested. `wait`: runs it until an answer is there."""

    def __init__(self) -> None:
        self.reactor: Any = EPollReactor()
        install_monotonic(self.reactor)

    def wait(self, awaited: Awaitable[T], seconds: float = 10.0) -> T:
        """The result; raises what failed, or AssertionError where nothing came of it in time."""
        deferred = awaited if isinstance(awaited, Deferred) else ensureDeferred(awaited)  # type: ignore[arg-type]
        results: list[Any] = []
        deferred.addBoth(results.append)
        self.until(lambda: bool(results), seconds)
        if isinstance(results[0], Failure):
            results[0].raiseException()
        result: T = results[0]
        return result

    def until(self, true: Callable[[], bool], seconds: float = 10.0) -> None:
        """Runs until `true()`."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"nothing came of it in {seconds} s"
            self.reactor.iterate(0.02)

    def run(self, seconds: float) -> None:
        """Runs for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.reactor.iterate(0.02)

    def close(self) -> None:
        """Closes every socket."""
        self.reactor.disconnectAll()


@contextmanager
def loop() -> Iterator[Loop]:
    """A loop that is closed at the end."""
    one = Loop()
    try:
        yield one
    finally:
        one.close()
