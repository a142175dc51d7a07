"""Answers that were given already, by the octets of their question: most are asked again and again.

Valid as long as the zones they came from: whoever swaps those makes a new `Remembered`.
"""

from __future__ import annotations

MOST = 4096
"""Answers of one generation; there are two. Each is a datagram: all are some megabytes at most."""
LONGEST = 320
"""Octets of a question that is worth it: the longest name with an OPT record."""


class Remembered:
    """Two generations: what was not asked for since the last change of them is forgotten."""

    __slots__ = ("_new", "_old")

    def __init__(self) -> None:
        self._new: dict[bytes, tuple[bytes, bytes]] = {}
        self._old: dict[bytes, tuple[bytes, bytes]] = {}

    def find(self, question: bytes) -> tuple[bytes, bytes] | None:
        """`question`: a packet without its id. What answers count together (`limits.alike`), and
        the answer without its id."""
        found = self._new.get(question)
        if found is None:
            found = self._old.get(question)
            if found is not None:
                self._put(question, found)
        return found

    def keep(self, question: bytes, alike: bytes, answer: bytes) -> None:
        """`answer`: without its id."""
        if len(question) <= LONGEST:
            self._put(question, (alike, answer))

    def _put(self, question: bytes, found: tuple[bytes, bytes]) -> None:
        if len(self._new) >= MOST:
            self._old, self._new = self._new, {}
        self._new[question] = found
