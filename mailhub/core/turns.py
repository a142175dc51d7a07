"""Sharing the reactor: long work asks between its steps whether others should have a turn."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from mailhub.ports import Clock

Result = TypeVar("Result")

SLICE = 0.003
"""Seconds one session may work on before it rests."""


class Turns:
    """Measures one piece of long work. `rest` between steps of a few hundred microseconds keeps
    every hold of the reactor near `SLICE`."""

    __slots__ = ("_clock", "_until")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = clock.seconds() + SLICE

    @property
    def over(self) -> bool:
        """Whether `rest` would let others run now."""
        return self._clock.seconds() >= self._until

    async def rest(self) -> None:
        """Lets others run where this turn is used up."""
        clock = self._clock
        if clock.seconds() >= self._until:
            await clock.pause()
            self._until = clock.seconds() + SLICE


async def run(work: Generator[None, None, Result], turns: Turns) -> Result:
    """Runs work that yields between its slices, and returns what it returns."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: Result = done.value
            return result
        await turns.rest()
