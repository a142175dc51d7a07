"""From the store's threads to the reactor's: one wake-up for all that is ready."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol


class FromThreads(Protocol):
    """What this asks of the reactor."""

    def callFromThread(self, call: Callable[..., object], *args: object) -> None: ...


class Hop:
    """Calls things on the reactor's thread, in the order they were posted.

    Waking the reactor costs a system call and a turn of its loop, so what is posted while a
    wake-up is under way goes with it.
    """

    def __init__(self, reactor: FromThreads) -> None:
        self._reactor = reactor
        self._posted: deque[Callable[[], None]] = deque()
        self._under_way = False

    def post(self, call: Callable[[], None]) -> None:
        """From any thread."""
        self._posted.append(call)
        if not self._under_way:
            self._under_way = True
            self._reactor.callFromThread(self._arrive)

    def _arrive(self) -> None:
        # Cleared first: who posts from now on sees it and wakes the reactor again.
        self._under_way = False
        posted = self._posted
        while posted:
            posted.popleft()()
