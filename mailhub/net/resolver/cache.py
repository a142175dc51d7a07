"""Answers that are still good: bounded in number, the least used go first.

Knows no packets and asks nobody.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import Unavailable

Key = tuple[str, str]
"""Name and type."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer, None where the name does not exist, or why there was none (RFC 9520). `until`:
    monotonic seconds."""

    outcome: DNSAnswer | Unavailable | None
    until: float


class Cache:
    """At most `size` outcomes."""

    def __init__(self, size: int, seconds: Callable[[], float]) -> None:
        self._size = size
        self._seconds = seconds
        self._kept: OrderedDict[Key, Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key) -> Remembered | None:
        """What is remembered of `key`, as long as it is good."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= self._seconds():
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept

    def put(self, key: Key, outcome: DNSAnswer | Unavailable | None, ttl: float) -> None:
        """Remembers it for `ttl` seconds."""
        if ttl <= 0 or self._size <= 0:
            return
        self._kept[key] = Remembered(outcome, self._seconds() + ttl)
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forgets everything."""
        self._kept.clear()
