"""Mail that was queued a moment ago, kept as values: its first try reads nothing from the disk.

Most mail is tried once, right after its commit, so what the commit knew is handed on. Bounded, and
given up at any word of a change: then it is read like all other mail. Where other processes have
the database, too, one of them may have sent it before its word came: then only octets are handed
on, which never change, and what waits is read. What others queue comes without its octets, and
where their changes went unheard nothing is fresh any more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

from mailhub.model.change import Change, Dequeued, Missed, Queued, RoutesChanged
from mailhub.model.queue import Fresh, Loaded, QueueEntry
from mailhub.store.queue import folded

ENTRIES = 2000
"""Most recipients that are kept."""
OCTETS = 8 << 20
"""Most octets of their messages."""
KEYS = 20_000
"""Suppressed recipients up to which it is known here who is none."""


@dataclass(slots=True)
class _Kept:
    """A message while entries of it are here; `left`: how many."""

    fresh: Fresh
    left: int


class FreshMail:
    """What is fresh, by entry, the oldest first."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[QueueEntry, _Kept]] = {}
        self._octets = 0
        self._suppressed: set[str] | None = None
        self._many = False
        self._learning = False
        self._news: set[str] = set()
        self._missed = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def asks(self) -> bool:
        """Whether `learn` is wanted: nothing is taken before."""
        return self._suppressed is None and not (self._many or self._learning)

    async def learn(self, keys: Awaitable[Sequence[str]]) -> None:
        """Hears who is suppressed. `keys`: one more than KEYS, where there are so many."""
        self._learning = True
        self._news.clear()
        missed = self._missed
        try:
            found = await keys
        finally:
            self._learning = False
        if missed != self._missed:
            return
        self._many = len(found) > KEYS
        # Those that were added meanwhile may be missing; those removed do no harm.
        self._suppressed = None if self._many else {*found, *self._news}

    def heard(self, changes: Sequence[Change]) -> None:
        """A commit of the store."""
        for change in changes:
            if isinstance(change, Queued):
                if change.fresh is not None:
                    self._keep(change.fresh)
                else:
                    self._forget([slot.number for slot in change.slots])
            elif isinstance(change, Dequeued):
                self._forget(change.entries)
            elif isinstance(change, Missed):
                self._forget(tuple(self._entries))
                self._suppressed = None
                self._missed += 1
            elif isinstance(change, RoutesChanged) and change.suppressed:
                if self._learning:
                    self._news.add(change.suppressed)
                elif self._suppressed is not None:
                    self._suppressed.add(change.suppressed)
                    if len(self._suppressed) > KEYS:
                        self._suppressed, self._many = None, True

    def take(self, numbers: Sequence[int], each: int, together: int) -> Loaded | None:
        """All of `numbers`, which are fresh no more; None where anything is missing, too large, or
        may be suppressed."""
        listed = self._suppressed
        found = [self._entries[number] for number in numbers if number in self._entries]
        self._forget(numbers)
        if listed is None or not found or len(found) < len(numbers):
            return None
        fresh = {kept.fresh.message.number: kept.fresh for _, kept in found}
        sizes = [len(one.data) for one in fresh.values()]
        if max(sizes) > each or sum(sizes) > together:
            return None
        if listed and any(folded(entry.recipient)[0] in listed for entry, _ in found):
            return None
        return Loaded(
            sorted((entry for entry, _ in found), key=lambda entry: entry.number),
            {number: one.message for number, one in fresh.items()},
            {number: one.data for number, one in fresh.items()},
            (),
            frozenset(number for number, one in fresh.items() if one.plain),
        )

    def messages(self, numbers: Sequence[int]) -> Mapping[int, Fresh]:
        """The messages of those of `numbers` that are here, by number; they are fresh no more."""
        found = [self._entries[number][1] for number in numbers if number in self._entries]
        self._forget(numbers)
        return {kept.fresh.message.number: kept.fresh for kept in found}

    def _keep(self, fresh: Fresh) -> None:
        kept = _Kept(fresh, len(fresh.entries))
        self._octets += len(fresh.data)
        for entry in fresh.entries:
            self._entries[entry.number] = (entry, kept)
        while self._entries and (len(self._entries) > ENTRIES or self._octets > OCTETS):
            self._forget((next(iter(self._entries)),))

    def _forget(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            found = self._entries.pop(number, None)
            if found is not None:
                found[1].left -= 1
                if not found[1].left:
                    self._octets -= len(found[1].fresh.data)
