"""Message numbers as a client names them: ranges in which `*` is still a symbol.

What `*` stands for is known only when the command runs, so nothing is resolved before that.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.uids import UidSet

STAR = 0
"""`*`: the largest number in use (RFC 9051 section 9, seq-number)."""


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """A `sequence-set`. `ranges`: inclusive (a, b) in either order, `STAR` for `*`. `saved`: the
    set is `$`, the last SEARCH result that was saved (RFC 5182), and `ranges` is empty."""

    ranges: tuple[tuple[int, int], ...] = ()
    saved: bool = False

    def resolve(self, largest: int) -> UidSet:
        """The numbers meant while `largest` is the largest one in use; with 0 in use, `*` names
        nothing, nor does a range that ends in it. A saved set resolves to nothing here: the
        selected mailbox knows it."""
        if largest:
            return UidSet.of((a or largest, b or largest) for a, b in self.ranges)
        return UidSet.of((a, b) for a, b in self.ranges if a and b)

    @property
    def highest(self) -> int:
        """The largest number that is named in digits; 0 when there is none."""
        return max((max(pair) for pair in self.ranges), default=0)

    @property
    def has_star(self) -> bool:
        """Whether `*` occurs."""
        return any(STAR in pair for pair in self.ranges)


SAVED = SequenceSet(saved=True)
