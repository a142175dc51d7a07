"""What changed in a mailbox of late, by MODSEQ, so that a session learns the little that is new
without looking at all of a large mailbox.

The log is bounded: who asks for more than it holds must compare instead. It knows UIDs and no
positions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator

from mailhub.model.uids import UidSet

RANGES = 4096
"""Ranges kept in all; the newest entry stays whatever its size."""


class ChangeLog:
    """Changes after `floor`, oldest first."""

    __slots__ = ("_entries", "_ranges", "floor")

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self._entries: deque[tuple[int, bool, UidSet]] = deque()
        self._ranges = 0

    def flagged(self, modseq: int, uids: UidSet) -> None:
        """Flags of `uids` changed at `modseq`."""
        self._note((modseq, False, uids))

    def expunged(self, modseq: int, uids: UidSet) -> None:
        """`uids` went at `modseq`."""
        self._note((modseq, True, uids))

    def flagged_after(self, modseq: int, skip: Collection[int] = ()) -> UidSet | None:
        """UIDs whose flags changed after `modseq`, without the changes at the MODSEQs `skip`;
        None when the log no longer reaches back that far."""
        return self._after(modseq, False, skip)

    def expunged_after(self, modseq: int) -> UidSet | None:
        """UIDs that went after `modseq`; None as above."""
        return self._after(modseq, True, ())

    def _after(self, modseq: int, gone: bool, skip: Collection[int]) -> UidSet | None:
        if modseq < self.floor:
            return None
        found = [uids for at, what, uids in self._since(modseq) if what is gone and at not in skip]
        if len(found) == 1:
            return found[0]
        return UidSet.of(pair for uids in found for pair in uids.ranges)

    def _since(self, modseq: int) -> Iterator[tuple[int, bool, UidSet]]:
        for entry in reversed(self._entries):
            if entry[0] <= modseq:
                return
            yield entry

    def _note(self, entry: tuple[int, bool, UidSet]) -> None:
        entries = self._entries
        entries.append(entry)
        self._ranges += len(entry[2].ranges)
        while self._ranges > RANGES and len(entries) > 1:
            modseq, _, uids = entries.popleft()
            self._ranges -= len(uids.ranges)
            self.floor = modseq
