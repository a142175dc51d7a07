"""Counts over a sliding window, and marks that last as long as they are renewed, on counters whose
windows stand still.

Both split time into periods that all processes agree on: a key has its period's number in it.
"""

from __future__ import annotations

from mailhub.ports import Clock, Counters


class SlidingCount:
    """How often something happened in the last `window` seconds, near enough: what was counted in
    the period before counts by the share of it that the window still holds."""

    def __init__(self, counters: Counters, clock: Clock, window: float) -> None:
        self._counters = counters
        self._clock = clock
        self._window = window

    async def hit(self, key: str) -> float:
        """Counts once more, and returns the count with it. Raises Unavailable."""
        period, gone = divmod(self._clock.now(), self._window)
        before = await self._counters.peek(f"{key}:{period - 1:.0f}")
        current = await self._counters.hit(f"{key}:{period:.0f}", 2 * self._window)
        return current + before * (1 - gone / self._window)

    async def undo(self, key: str) -> None:
        """The last hit does not count."""
        period = self._clock.now() // self._window
        await self._counters.hit(f"{key}:{period:.0f}", 2 * self._window, -1)


class Marks:
    """How often something was marked; forgotten when it was not marked for `seconds`, at the
    latest after one and a half times that."""

    def __init__(self, counters: Counters, clock: Clock, seconds: float) -> None:
        self._counters = counters
        self._clock = clock
        self._half = seconds / 2
        self._life = 2 * seconds

    async def mark(self, key: str) -> int:
        """Marks it, and returns the marks it has in this period. Raises Unavailable."""
        return await self._counters.hit(f"{key}:{self._period():.0f}", self._life)

    async def count(self, key: str) -> int:
        """Marks in any of the periods that are remembered. Raises Unavailable."""
        most = 0
        for ago in range(3):
            most = max(most, await self._counters.peek(f"{key}:{self._period() - ago:.0f}"))
        return most

    def _period(self) -> float:
        return self._clock.now() // self._half
