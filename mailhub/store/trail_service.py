"""The storage ports of messages' ways and of graphs, over the same runner as `services`."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from mailhub.model.change import JournalEntry
from mailhub.model.sample import Levels, Sample, Traffic
from mailhub.model.story import Fate, Place, Sought, Traced
from mailhub.store import following, samples, trail
from mailhub.store.services import Runner


class TrailService:
    """`ports.Trail`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def seal(self) -> bool:
        """Reads in a reading thread, so that commits wait for the one row alone."""
        made = await self._runner.read(trail.made)
        if made is None:
            return False
        await self._runner.write(trail.put, made)
        return True

    def search(self, wanted: Sought, before: int, limit: int) -> Awaitable[Traced]:
        return self._runner.read(trail.search, wanted, before, limit)

    def commit(self, entry: JournalEntry) -> Awaitable[Sequence[JournalEntry]]:
        return self._runner.read(trail.commit, entry)

    def follow(self, places: Sequence[Place]) -> Awaitable[tuple[Sequence[Fate], bool]]:
        return self._runner.read(following.follow, places)


class SampleService:
    """`ports.Samples`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._reached = 0
        """Up to which row it was counted."""

    async def traffic(self) -> Traffic:
        total, after = Traffic(), await self._runner.read(samples.mark)
        while True:
            last, some = await self._runner.read(samples.count, after)
            total = _sum(total, some)
            if last - after < samples.STEP:
                break
            after = last
        self._reached = last
        return total

    def queue(self, now: int) -> Awaitable[tuple[int, int]]:
        return self._runner.read(samples.queue, now)

    async def put(self, at: int, traffic: Traffic, levels: Levels) -> None:
        await self._runner.write(samples.put, at, self._reached, traffic, levels)

    def add(self, at: int, traffic: Traffic) -> Awaitable[None]:
        return self._runner.write(samples.add, at, traffic, Levels())

    def since(self, span: int, at: int) -> Awaitable[Sequence[Sample]]:
        return self._runner.read(samples.since, span, at)


def _sum(one: Traffic, other: Traffic) -> Traffic:
    names = Traffic.__slots__
    return Traffic(**{name: getattr(one, name) + getattr(other, name) for name in names})
