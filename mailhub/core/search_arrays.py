"""The search keys that a mailbox's arrays answer: flags, numbers, sizes, arrival, MODSEQ.

Sets of messages are masks: integers with one byte, 0 or 1, per message, the first one lowest.
Intersection, union and difference are then single operations of the interpreter, and ten thousand
messages are tested in well under a millisecond. Nothing here waits or reads a message.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from calendar import timegm
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import compress

from mailhub.core.selected_view import Rows, SelectedView
from mailhub.model.search import (
    Arrived,
    DateIs,
    DateTest,
    Everything,
    HasFlag,
    HasKeyword,
    InMailboxes,
    InNumbers,
    InUids,
    IsRecent,
    Larger,
    ModSeqFrom,
    Moment,
    Older,
    SaveDateSupported,
    SearchKey,
    Smaller,
    Younger,
)
from mailhub.model.sequence import SequenceSet

DAY = 86400
SLICE = 10_000
"""UIDs that are looked at between two chances for others to run."""
FEW = 500
"""UIDs up to which each is looked up; for more, all messages are gone through at once."""
_LOW = 0 if sys.byteorder == "little" else -1
_HAS = {bit: bytes(1 if byte & bit else 0 for byte in range(256)) for bit in (1, 2, 4, 8, 16)}


class Candidates:
    """The messages of one search, frozen at its beginning: rows, and masks over them."""

    __slots__ = ("_now", "_view", "all", "count", "largest", "rows")

    def __init__(self, view: SelectedView, now: float) -> None:
        self._view = view
        self._now = int(now)
        self.rows: Rows = view.rows([(0, view.count)])
        self.count = len(self.rows)
        self.all = int.from_bytes(b"\x01" * self.count, "little")
        self.largest = view.uids[view.count - 1] if view.count else 0

    def places(self, mask: int) -> list[int]:
        """The places of the messages in `mask`, in order."""
        return list(compress(range(self.count), mask.to_bytes(self.count, "little")))

    def mask(self, places: Iterable[int]) -> int:
        """The reverse of `places`."""
        found = bytearray(self.count)
        for place in places:
            found[place] = 1
        return int.from_bytes(found, "little")

    def having(self, uids: Sequence[int]) -> Generator[None, None, int]:
        """The mask of the messages with these UIDs, as far as they are there; in slices."""
        there = self.rows.uids
        if len(uids) <= FEW:
            places = ((bisect_left(there, uid), uid) for uid in uids)
            return self.mask(
                place for place, uid in places if place < self.count and there[place] == uid
            )
        wanted: set[int] = set()
        for start in range(0, len(uids), SLICE):
            wanted.update(uids[start : start + SLICE])
            yield
        found = bytearray()
        for start in range(0, self.count, SLICE):
            found += bytes(map(wanted.__contains__, there[start : start + SLICE]))
            yield
        return int.from_bytes(found, "little")

    def answer(self, key: SearchKey) -> int | None:
        """The messages that match `key`; None when the arrays cannot tell."""
        question = _ANSWERS.get(type(key))
        return None if question is None else question(self, key)

    # -- one method per key

    def _everything(self, key: SearchKey) -> int:
        return self.all

    def _flag(self, key: HasFlag) -> int:
        flags = self.rows.flags
        codes = flags if isinstance(flags, array) else array("Q", flags)
        size = codes.itemsize
        low = codes.tobytes()[_LOW % size :: size]
        return int.from_bytes(low.translate(_HAS[key.bit]), "little")

    def _keyword(self, key: HasKeyword) -> int:
        wanted, sets = key.name.lower(), self._view.box.keyword_sets
        codes = {
            code
            for code in set(self.rows.flags)
            if any(name.lower() == wanted for name in sets.get(code >> 8, ()))
        }
        return _bits(codes.__contains__, self.rows.flags) if codes else 0

    def _recent(self, key: IsRecent) -> int:
        return self._spans([(bisect_left(self.rows.uids, self._view.recent_from), self.count)])

    def _numbers(self, key: InNumbers) -> int:
        if key.messages.saved:
            return self._saved()
        wanted = key.messages.resolve(self._view.count)
        return self._spans(wanted.within(self.rows.numbers))

    def _uids(self, key: InUids) -> int:
        wanted: SequenceSet = key.uids
        if wanted.saved:
            return self._saved()
        return self._spans(wanted.resolve(self.largest).within(self.rows.uids))

    def _saved(self) -> int:
        return self._spans(self._view.saved.within(self.rows.uids))

    def _arrived(self, key: DateIs) -> int | None:
        if key.moment is not Moment.INTERNAL:
            return None
        start = timegm(key.day.timetuple())
        dates = self.rows.dates
        if key.test is DateTest.BEFORE:
            return _bits(start.__gt__, dates)
        if key.test is DateTest.SINCE:
            return _bits(start.__le__, dates)
        return _bits(range(start, start + DAY).__contains__, dates)

    def _between(self, key: Arrived) -> int:
        return _bits(range(key.since, key.until).__contains__, self.rows.dates)

    def _mailboxes(self, key: InMailboxes) -> int:
        return self.all if self._view.box.number in key.numbers else 0

    def _larger(self, key: Larger) -> int:
        return _bits(key.size.__lt__, self.rows.sizes)

    def _smaller(self, key: Smaller) -> int:
        return _bits(key.size.__gt__, self.rows.sizes)

    def _older(self, key: Older) -> int:
        return _bits((self._now - key.seconds).__ge__, self.rows.dates)

    def _younger(self, key: Younger) -> int:
        return _bits((self._now - key.seconds).__le__, self.rows.dates)

    def _modseq(self, key: ModSeqFrom) -> int:
        return _bits(key.modseq.__le__, self.rows.modseqs)

    def _spans(self, spans: Iterable[tuple[int, int]]) -> int:
        found = bytearray(self.count)
        for start, stop in spans:
            found[start:stop] = b"\x01" * (stop - start)
        return int.from_bytes(found, "little")


def _bits(test: Callable[[int], bool], values: Sequence[int]) -> int:
    """The mask of the values that pass; `test` is a C method, so this loop is one too."""
    return int.from_bytes(bytes(map(test, values)), "little")


_ANSWERS: dict[type, Callable[..., int | None]] = {
    Everything: Candidates._everything,
    SaveDateSupported: Candidates._everything,
    HasFlag: Candidates._flag,
    HasKeyword: Candidates._keyword,
    IsRecent: Candidates._recent,
    InNumbers: Candidates._numbers,
    InUids: Candidates._uids,
    InMailboxes: Candidates._mailboxes,
    DateIs: Candidates._arrived,
    Arrived: Candidates._between,
    Larger: Candidates._larger,
    Smaller: Candidates._smaller,
    Older: Candidates._older,
    Younger: Candidates._younger,
    ModSeqFrom: Candidates._modseq,
}
