"""What accounts set for mail that comes, kept ready: filters, forwards and automatic replies.

Asked at every delivery, so accounts that set nothing are told apart without a look-up: their
numbers are not in a set. What is kept goes with the store's changes. What a ruling means is
`core.filtering`'s and `core.replying`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from mailhub.core.concerned import Concerned
from mailhub.model.change import AccountChanged, Change, Missed, RulesChanged
from mailhub.model.filter import Ruling
from mailhub.ports import Storage

CAPACITY = 5000
"""Rulings kept; past it the oldest quarter goes."""


class Rulings:
    """Rulings by account number."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._ruled = Concerned(storage.filters.ruled)
        self._known: dict[int, Ruling] = {}
        self._changes = 0
        storage.watch(self._heard)

    async def begin(self) -> None:
        """Learns which accounts set anything. May be repeated."""
        await self._ruled.begin()

    def concern(self, account: int) -> bool:
        """Whether the account may have set anything."""
        return account in self._ruled

    async def of(self, account: int) -> Ruling:
        """The account's ruling, an empty one where it set nothing."""
        known = self._known.get(account)
        if known is not None:
            return known
        changes = self._changes
        found = await self._storage.filters.ruling(account)
        if changes != self._changes:
            return found  # something changed while the store was asked: not to be kept
        if found.empty:
            self._ruled.discard(account)
            return found
        if len(self._known) >= CAPACITY:
            for old in list(islice(self._known, CAPACITY // 4)):
                del self._known[old]
        self._known[account] = found
        return found

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, Missed):
                self._changes += 1
                self._ruled.miss()
                self._known.clear()
            elif isinstance(change, (RulesChanged, AccountChanged)):
                self._changes += 1
                self._known.pop(change.account, None)
                self._ruled.add(change.account)
