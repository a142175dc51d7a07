"""Coordination in this process's memory: the embedded default.

It dies with the process, and only what may die so belongs here. The schedule has a file of its
own, `memory_schedule`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mailhub.coord.limits import ScheduleLimits
from mailhub.coord.memory_schedule import MemorySchedule
from mailhub.model.settings import Settings
from mailhub.ports import Clock, Sessions

CAPACITY = 100_000
"""Counts kept per length of window; past it the one that would end first is forgotten."""


class MemoryCoordination:
    """`ports.Coordination` for one process alone."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self.schedule = MemorySchedule(clock, ScheduleLimits.of(settings))
        self.counters = MemoryCounters(clock)
        self.wakeups = MemoryWakeups()
        self.seats = MemorySeats()

    def sessions(self, own: Sessions) -> Sessions:
        """There is nobody to share them with."""
        return own

    def troubles(self) -> Mapping[str, str]:
        """There are none."""
        return {}

    async def start(self) -> None:
        """There is nothing to connect to."""

    async def stop(self) -> None:
        """There is nothing to end."""


class MemorySeats:
    """`ports.Seats` of one process."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}

    async def take(self, key: str, most: int) -> bool:
        """See `ports.Seats`."""
        return self.admit(key, most)

    def admit(self, key: str, most: int) -> bool:
        """See `ports.Seats`."""
        count = self._open.get(key, 0)
        if most and count >= most:
            return False
        self._open[key] = count + 1
        return True

    def give(self, key: str) -> None:
        """See `ports.Seats`."""
        left = self._open[key] - 1
        if left:
            self._open[key] = left
        else:
            del self._open[key]

    async def count(self, key: str) -> int:
        """See `ports.Seats`."""
        return self.open(key)

    def open(self, key: str) -> int:
        """How many are open here."""
        return self._open.get(key, 0)


class MemoryWakeups:
    """`ports.Wakeups`. `street`: all that hear each other; this one alone where it is not given."""

    def __init__(self, street: list[MemoryWakeups] | None = None) -> None:
        self._street = street if street is not None else []
        self._street.append(self)
        self._listening: list[tuple[str, Callable[[], None]]] = []

    def ring(self, channel: str) -> None:
        """See `ports.Wakeups`."""
        for other in self._street:
            if other is not self:
                other._heard(channel)

    def listen(self, channel: str, call: Callable[[], None]) -> Callable[[], None]:
        """See `ports.Wakeups`."""
        entry = (channel, call)
        self._listening.append(entry)
        return lambda: self._listening.remove(entry)

    def _heard(self, channel: str) -> None:
        for name, call in tuple(self._listening):
            if name == channel:
                call()


@dataclass(slots=True)
class _Count:
    value: int
    ends: float
    window: float


class MemoryCounters:
    """`ports.Counters`. A window begins with the first hit and ends `window` seconds later."""

    def __init__(self, clock: Clock, *, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._capacity = capacity
        self._counts: dict[str, _Count] = {}
        # One queue per length of window: each is in the order in which its counts end, so what
        # is over always stands at the front and is swept two steps at a time.
        self._queues: dict[float, dict[str, None]] = {}

    async def hit(self, key: str, window: float, cost: int = 1) -> int:
        """Adds and returns the count in the current `window` of seconds, never below zero."""
        now = self._clock.seconds()
        count = self._counts.get(key)
        if count is None or count.ends <= now:
            if count is not None:
                self._drop(key, count)
            count = self._begin(key, window, now)
        count.value = max(0, count.value + cost)
        return count.value

    async def peek(self, key: str) -> int:
        """The count as it stands."""
        count = self._counts.get(key)
        return count.value if count is not None and count.ends > self._clock.seconds() else 0

    async def remaining(self, key: str) -> tuple[int, float]:
        """See `ports.Counters`."""
        count = self._counts.get(key)
        left = count.ends - self._clock.seconds() if count is not None else 0.0
        return (count.value, left) if count is not None and left > 0 else (0, 0.0)

    async def clear(self, key: str) -> None:
        """Back to zero."""
        count = self._counts.get(key)
        if count is not None:
            self._drop(key, count)

    def __len__(self) -> int:
        return len(self._counts)

    def _begin(self, key: str, window: float, now: float) -> _Count:
        queue = self._queues.setdefault(window, {})
        for _ in range(2):
            oldest = next(iter(queue), None)
            if oldest is None:
                break
            count = self._counts[oldest]
            if count.ends > now and len(queue) < self._capacity:
                break
            self._drop(oldest, count)
        fresh = self._counts[key] = _Count(0, now + window, window)
        self._queues.setdefault(window, queue)[key] = None
        return fresh

    def _drop(self, key: str, count: _Count) -> None:
        del self._counts[key]
        queue = self._queues[count.window]
        del queue[key]
        if not queue:
            del self._queues[count.window]
