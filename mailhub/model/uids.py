"""Sets of message numbers as sorted, disjoint, inclusive ranges, never as expanded lists.

A client may name `1:4294967295`; a range costs the same whatever its width.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MAX_UID = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class UidSet:
    """An immutable set of positive integers. `ranges`: sorted, disjoint, not adjacent (lo, hi)."""

    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> UidSet:
        """The union of `ranges`, each (a, b) in either order and inclusive."""
        merged: list[tuple[int, int]] = []
        for low, high in sorted((a, b) if a <= b else (b, a) for a, b in ranges):
            if merged and low <= merged[-1][1] + 1:
                if high > merged[-1][1]:
                    merged[-1] = (merged[-1][0], high)
            else:
                merged.append((low, high))
        return cls(tuple(merged))

    @classmethod
    def from_sorted(cls, numbers: Iterable[int]) -> UidSet:
        """The set of strictly increasing `numbers`."""
        return cls(tuple(runs(numbers)))

    @classmethod
    def from_any(cls, numbers: Iterable[int]) -> UidSet:
        """The set of `numbers` in any order."""
        return cls.from_sorted(sorted(set(numbers)))

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        position = bisect_right(self.ranges, (number, MAX_UID + 1)) - 1
        return position >= 0 and number <= self.ranges[position][1]

    def __iter__(self) -> Iterator[int]:
        for low, high in self.ranges:
            yield from range(low, high + 1)

    def __len__(self) -> int:
        return sum(high - low + 1 for low, high in self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def within(self, numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Index spans [start, stop) of sorted `numbers` whose members lie in the set."""
        for low, high in self.ranges:
            start = bisect_right(numbers, low - 1)
            stop = bisect_right(numbers, high, start)
            if start < stop:
                yield start, stop

    def select(self, numbers: Sequence[int]) -> list[int]:
        """The members of sorted `numbers` that lie in the set, in order."""
        return [number for start, stop in self.within(numbers) for number in numbers[start:stop]]

    def minus(self, other: UidSet) -> UidSet:
        """What is here and not in `other`."""
        kept: list[tuple[int, int]] = []
        cuts = other.ranges
        at = 0
        for low, high in self.ranges:
            while at < len(cuts) and cuts[at][1] < low:
                at += 1
            cut = at
            while cut < len(cuts) and cuts[cut][0] <= high:
                if cuts[cut][0] > low:
                    kept.append((low, cuts[cut][0] - 1))
                low = cuts[cut][1] + 1
                cut += 1
            if low <= high:
                kept.append((low, high))
        return UidSet(tuple(kept))

    def text(self) -> bytes:
        """The set as a `sequence-set` (RFC 9051 section 9): `1:3,7`; empty when empty."""
        return b",".join(b"%d" % a if a == b else b"%d:%d" % (a, b) for a, b in self.ranges)


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The inclusive ranges of `numbers` that follow one another in steps of one, in their order."""
    ranges: list[tuple[int, int]] = []
    low = high = -1
    for number in numbers:
        if number == high + 1:
            high = number
            continue
        if low >= 0:
            ranges.append((low, high))
        low = high = number
    if low >= 0:
        ranges.append((low, high))
    return ranges
