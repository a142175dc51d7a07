"""What the store finds of the ways that messages took, and keeps of how the server did."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from mailhub.model.change import JournalEntry
from mailhub.model.sample import Levels, Sample, Traffic
from mailhub.model.story import Fate, Place, Sought, Traced


class Trail(Protocol):
    """The journal by sender, recipient, Message-ID and mailbox."""

    def seal(self) -> Awaitable[bool]:
        """Makes what is found quickly of some more of the journal; whether there was enough of it.
        What is not sealed yet is found, too: it is little."""
        ...

    def search(self, wanted: Sought, before: int, limit: int) -> Awaitable[Traced]:
        """What the journal says of messages that were taken, queued, or tried to be passed on,
        newest first, from before the row `before` (0: the newest) on. Looks at a bounded number of
        rows, so there may be more although nothing was found."""
        ...

    def commit(self, entry: JournalEntry) -> Awaitable[Sequence[JournalEntry]]:
        """What stands in the journal of the same hand-over, in its order."""
        ...

    def follow(self, places: Sequence[Place]) -> Awaitable[tuple[Sequence[Fate], bool]]:
        """What became of messages there, in the journal's order: flags, moves, copies, ends; and
        whether there may be more than was looked at."""
        ...


class Samples(Protocol):
    """Numbers for graphs."""

    def traffic(self) -> Awaitable[Traffic]:
        """Messages since the last call that `put` followed."""
        ...

    def queue(self, now: int) -> Awaitable[tuple[int, int]]:
        """Recipients that wait, and the age of the oldest message among them, in seconds."""
        ...

    def put(self, at: int, traffic: Traffic, levels: Levels) -> Awaitable[None]:
        """Adds to what is known of the five minutes, the hour and the day of `at`, and forgets what
        is old."""
        ...

    def add(self, at: int, traffic: Traffic) -> Awaitable[None]:
        """Adds what `traffic` never tells."""
        ...

    def since(self, span: int, at: int) -> Awaitable[Sequence[Sample]]:
        """Those of one span from `at` on, in their order."""
        ...
