"""Destinations that failed as a whole: how often in a row, and so how long they are let alone.

Kept in memory and bounded: who restarts tries once more, which does no harm.
"""

from __future__ import annotations

from collections.abc import Callable

CAPACITY = 10_000


class Lanes:
    """Failures by lane. `back_off`: seconds of rest after so many failures in a row."""

    def __init__(self, back_off: Callable[[int], int]) -> None:
        self._back_off = back_off
        self._failures: dict[str, tuple[int, int]] = {}

    def failed(self, lane: str, now: int) -> int:
        """One more failure; until when the lane rests, epoch seconds. Attempts that were under
        way when the rest began count as one with it."""
        failures, until = self._failures.pop(lane, (0, 0))
        if until <= now:
            failures += 1
            until = now + self._back_off(failures)
        if len(self._failures) >= CAPACITY:
            del self._failures[next(iter(self._failures))]
        self._failures[lane] = (failures, until)
        return until

    def recovered(self, lane: str) -> bool:
        """The lane took something; whether it had failed before."""
        return self._failures.pop(lane, None) is not None

    def resting(self, now: int) -> int:
        """How many lanes rest at the moment."""
        return sum(until > now for _, until in self._failures.values())
