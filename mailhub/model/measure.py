"""Numbers that parts keep of themselves, for whoever watches. Nothing is published here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One of them. `name`: as metrics are named, with its unit; one that ends in `_total` only
    grows. `read`: its value now; may be called at any moment, cheap."""

    name: str
    says: str
    read: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Table:
    """Several of one name, told apart by `label`, whose values are few and known to the program."""

    name: str
    says: str
    label: str
    read: Callable[[], Mapping[str, float]]


class Worst:
    """The longest of what was noted since it was last read. Noted on one thread, read on another:
    what comes between is in this reading or in the next one."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds = 0.0

    def note(self, seconds: float) -> None:
        """Something took so long."""
        if seconds > self._seconds:
            self._seconds = seconds

    def read(self) -> float:
        """Seconds; begins anew."""
        worst, self._seconds = self._seconds, 0.0
        return worst
