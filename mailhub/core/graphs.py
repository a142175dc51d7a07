"""How the server did, over days: numbers that are taken every five minutes, and read for graphs.

What was counted comes from the journal, which knows it whatever process was there; how it stands,
from the queue and the disk. Nothing here looks at more than what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mailhub.model.errors import Invalid
from mailhub.model.sample import DAY, FIVE_MINUTES, HOUR, Levels, Sample, Traffic
from mailhub.ports import Clock, Storage, Volume

STEPS = {1: (FIVE_MINUTES, HOUR), 7: (HOUR, HOUR), 30: (HOUR, DAY)}
"""By days that are looked at: the steps of how it stood, and of what was counted."""


class Sampling:
    """Takes the numbers. `rejected`: messages that were refused since the process began."""

    def __init__(
        self, storage: Storage, volume: Volume, clock: Clock, rejected: Callable[[], int]
    ) -> None:
        self._storage = storage
        self._volume = volume
        self._clock = clock
        self._rejected = rejected
        self._told = 0

    async def sample(self) -> None:
        """Of all nodes, and what this one refused: comes round every five minutes, and when the
        server stops, on one node at a time."""
        now, refused = int(self._clock.now()), self._taken()
        try:
            traffic = replace(await self._storage.samples.traffic(), rejected=refused)
            waiting, oldest = await self._storage.samples.queue(now)
            free, room = self._volume.room()
            levels = Levels(waiting, oldest, room - free, room)
            await self._storage.samples.put(now, traffic, levels)
        except BaseException:
            self._told -= refused
            raise

    async def refused(self) -> None:
        """What this node refused since it was told last: comes round on each."""
        refused = self._taken()
        if not refused:
            return
        try:
            await self._storage.samples.add(int(self._clock.now()), Traffic(rejected=refused))
        except BaseException:
            self._told -= refused
            raise

    def _taken(self) -> int:
        """What was not told; nobody else tells it meanwhile."""
        refused = self._rejected() - self._told
        self._told += refused
        return refused


class Graphs:
    """Reads them."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def levels(self, days: int) -> Sequence[Sample]:
        """How it stood, one sample for each step that there is one of. Raises Invalid (`days`)."""
        span = _steps(days)[0]
        return await self._storage.samples.since(span, self._start(days, span))

    async def traffic(self, days: int) -> Sequence[Sample]:
        """What was counted, one sample for every step, also where there was nothing. Raises Invalid
        (`days`)."""
        span = _steps(days)[1]
        start = self._start(days, span)
        found = {one.at: one for one in await self._storage.samples.since(span, start)}
        last = int(self._clock.now()) // span * span
        return [
            found.get(at) or Sample(span, at, Traffic(), Levels())
            for at in range(start, last + 1, span)
        ]

    def _start(self, days: int, span: int) -> int:
        now = int(self._clock.now()) // span * span
        return now - days * DAY + span


def _steps(days: int) -> tuple[int, int]:
    if days not in STEPS:
        raise Invalid("Graphs are of 1, 7 or 30 days", "days")
    return STEPS[days]
