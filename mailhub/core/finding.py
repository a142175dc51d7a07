"""Searches in a whole account: what the index knows at once, and the rest looked at.

The index answers with what surely matches, in order, and with what may: mail that it does not
know yet, phrases whose words are all there. Of the latter each is looked at by the same search that
IMAP runs. How a search is written is the faces' affair.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailhub.core.messages import Messages
from mailhub.core.search_plan import plan
from mailhub.core.selected import Selections
from mailhub.core.selected_mailbox import FlagTexts, SharedMailbox
from mailhub.core.selected_view import SelectedView
from mailhub.core.turns import Turns
from mailhub.model.errors import NotFound, Unavailable
from mailhub.model.flags import Flags
from mailhub.model.indexed import Place, Span
from mailhub.model.listing import Heads, Row
from mailhub.model.mailbox import Mailbox
from mailhub.model.message import Index
from mailhub.model.search import (
    And,
    Arrived,
    InMailbox,
    InMailboxes,
    InUids,
    Not,
    Older,
    Or,
    SearchKey,
    Younger,
)
from mailhub.model.sequence import SequenceSet
from mailhub.model.uids import UidSet
from mailhub.ports import Clock, Storage

HIDDEN_USES = ("\\Junk", "\\Trash")
"""Mailboxes whose mail is found only when they are named."""
FEW = 500
"""Messages of a mailbox that are looked at without loading all its arrays."""
CHUNK = 5000
"""Places that are sorted out between two chances for others to run."""
LOOKS = 2
"""Long looks of one account at a time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A page of a search. `total`: of all pages. `more`: whether it goes on behind `places`."""

    total: int
    places: Sequence[Place]
    more: bool


class Finds:
    """For the whole process."""

    def __init__(
        self, storage: Storage, messages: Messages, selections: Selections, clock: Clock
    ) -> None:
        self._storage = storage
        self._messages = messages
        self._selections = selections
        self._clock = clock
        self._looking: Counter[int] = Counter()

    @property
    def now(self) -> int:
        """Epoch seconds, for what a search says of ages."""
        return int(self._clock.now())

    async def page(
        self, account: int, key: SearchKey, span: Span, *, everywhere: bool = False
    ) -> Finding:
        """What matches, the newest first unless `span` says so. Trash and Junk are left out unless
        `key` names mailboxes, or `everywhere` says so. Raises Unavailable."""
        boxes = await self._storage.mailboxes.all(account)
        if not everywhere and not _names_mailboxes(key):
            searched = [box for box in boxes if _searched(box)]
        else:
            searched = list(boxes)
        key = resolved(key, boxes, self.now)
        index, numbers = self._storage.search_index, [box.number for box in searched]
        planned, wide = plan(key), replace(span, limit=span.limit + 1)
        found = await index.page(account, numbers, planned, wide)
        looked = await self._look(account, boxes, key, found.maybe)
        if span.heads is not Heads.ALL and looked:
            # Each of them may be of a thread that another one stands for.
            found = await index.page(account, numbers, planned, wide, looked)
            looked = []
        places = [*found.places, *(place for place in looked if _within(place, span))]
        places.sort(reverse=not span.ascending)
        total = found.total + len(looked)
        return Finding(total, places[: span.limit], len(places) > span.limit)

    async def _look(
        self, account: int, boxes: Sequence[Mailbox], key: SearchKey, maybe: Sequence[Place]
    ) -> list[Place]:
        """Those of `maybe` that match."""
        long = len(maybe) > FEW
        if long and self._looking[account] >= LOOKS:
            raise Unavailable("Too many searches at a time")
        self._looking[account] += long
        try:
            turns = Turns(self._clock)
            by_mailbox: dict[int, list[Place]] = {}
            for count, place in enumerate(maybe):
                by_mailbox.setdefault(place.mailbox, []).append(place)
                if not count & 255:
                    await turns.rest()
            known = {box.number: box for box in boxes}
            found: list[Place] = []
            for number, places in by_mailbox.items():
                found += await self._look_in(known[number], key, places, turns)
            return found
        finally:
            self._looking[account] -= long
            if not self._looking[account]:
                del self._looking[account]

    async def _look_in(
        self, box: Mailbox, key: SearchKey, places: Sequence[Place], turns: Turns
    ) -> list[Place]:
        """The same in one mailbox. Of very many, all others there are looked at, too: what the
        index knows of those costs less than to leave them out."""
        wanted = key
        if len(places) <= FEW:
            rows = await self._storage.listings.some(
                box.account, [(place.mailbox, place.uid) for place in places], metadata=False
            )
            view = _view_of(box, sorted(rows, key=lambda row: row.number))
            uids = UidSet.from_sorted([place.uid for place in places])
            wanted = And((InUids(SequenceSet(uids.ranges)), key))
        else:
            try:
                view = await self._selections.select(box, read_only=True, recent=False)
            except NotFound:  # it was deleted meanwhile
                return []
        try:
            there = frozenset((await self._messages.find(view, wanted)).uids)
        finally:
            view.close()
        found: list[Place] = []
        for start in range(0, len(places), CHUNK):
            found += [place for place in places[start : start + CHUNK] if place.uid in there]
            await turns.rest()
        return found


def _view_of(box: Mailbox, rows: Sequence[Row]) -> SelectedView:
    """A view of these messages alone, as `search` takes it."""
    sets: dict[tuple[str, ...], int] = {}

    def code(flags: Flags) -> int:
        number = sets.setdefault(flags.keywords, len(sets) + 1) if flags.keywords else 0
        return number << 8 | flags.system

    index = Index(
        box.uidvalidity,
        box.uidnext,
        box.highestmodseq,
        array("I", [row.number for row in rows]),
        array("Q", [0] * len(rows)),
        array("I", [code(row.flags) for row in rows]),
        array("Q", [row.size for row in rows]),
        array("q", [row.date for row in rows]),
        {},
    )
    keywords = {number: names for names, number in sets.items()}
    texts = FlagTexts(keywords), FlagTexts(keywords, recent=True)
    shared = SharedMailbox(box.account, box.number, index, keywords, texts)
    return SelectedView(shared, read_only=True)


def resolved(key: SearchKey, boxes: Sequence[Mailbox], now: int) -> SearchKey:
    """`key` with numbers for names of mailboxes and moments for ages."""
    match key:
        case And(keys):
            return And(tuple(resolved(one, boxes, now) for one in keys))
        case Or(left, right):
            return Or(resolved(left, boxes, now), resolved(right, boxes, now))
        case Not(inner):
            return Not(resolved(inner, boxes, now))
        case InMailbox(name):
            return InMailboxes(frozenset(box.number for box in boxes if _called(box, name)))
        case Older(seconds):
            return Arrived(until=now - seconds + 1)
        case Younger(seconds):
            return Arrived(since=now - seconds)
    return key


def _called(box: Mailbox, name: str) -> bool:
    """Whether people mean this mailbox: by id, path, or special use with or without its `\\`."""
    folded = name.lower()
    if folded == box.id or folded == box.name.lower():
        return True
    return bool(box.special_use) and folded.removeprefix("\\") == box.special_use[1:].lower()


def _names_mailboxes(key: SearchKey) -> bool:
    match key:
        case And(keys):
            return any(map(_names_mailboxes, keys))
        case Or(left, right):
            return _names_mailboxes(left) or _names_mailboxes(right)
        case Not(inner):
            return _names_mailboxes(inner)
    return isinstance(key, InMailbox)


def _searched(box: Mailbox) -> bool:
    return not box.hidden and box.special_use not in HIDDEN_USES


def _within(place: Place, span: Span) -> bool:
    if span.after is None:
        return True
    return place > span.after if span.ascending else place < span.after
