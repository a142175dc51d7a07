"""A priority queue whose items move and go: what the schedule in memory is made of.

Knows nothing of lanes or leases; every step is O(log n) on average, none looks at all items.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

K = TypeVar("K", int, str)
SLACK = 64


class Ranked(Generic[K]):
    """Keys by rank, the lowest first; equal ranks by key."""

    def __init__(self) -> None:
        self._ranks: dict[K, float] = {}
        # Holds every (rank, key) that there is, and some that are over: those are dropped when
        # they come to the top, or all at once when they are a third.
        self._heap: list[tuple[float, K]] = []

    def __len__(self) -> int:
        return len(self._ranks)

    def __contains__(self, key: K) -> bool:
        return key in self._ranks

    def rank(self, key: K) -> float | None:
        """The rank of `key`; None where it is not here."""
        return self._ranks.get(key)

    def put(self, key: K, rank: float) -> None:
        """Adds `key`, or moves it."""
        if self._ranks.get(key) == rank:
            return
        self._ranks[key] = rank
        heappush(self._heap, (rank, key))
        if 2 * len(self._heap) > 3 * len(self._ranks) + SLACK:
            self._heap = [(rank, key) for key, rank in self._ranks.items()]
            heapify(self._heap)

    def remove(self, key: K) -> float | None:
        """Takes `key` out, where it is here; its rank."""
        return self._ranks.pop(key, None)

    def first(self) -> tuple[float, K] | None:
        """The lowest (rank, key)."""
        heap, ranks = self._heap, self._ranks
        while heap:
            rank, key = heap[0]
            if ranks.get(key) == rank:
                return heap[0]
            heappop(heap)
        return None
