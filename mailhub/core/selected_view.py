"""What one session knows of the mailbox it has selected: the numbers it counts by, and how far it
was told of changes.

A session learns of changes only through `sync`, so its message numbers stand still in between
(RFC 9051 7.5.1). Ten thousand sessions each hold one of these: no arrays of their own, a few
numbers and references. How an update is spelled is the face's affair.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

from mailhub.core.selected_mailbox import SharedMailbox
from mailhub.model.sequence import SequenceSet
from mailhub.model.uids import UidSet
from mailhub.model.update import Changed, Exists, FlagsGrew, Recent, Removed, Update

Spans = list[tuple[int, int]]
"""Positions in a view as sorted, disjoint [start, stop); a message's number is its position + 1."""

_NEVER = 1 << 32
"""A UID that no message reaches: nothing is recent."""


@dataclass(slots=True)
class Rows:
    """Messages as parallel sequences, as they are at one moment. `numbers`: message numbers."""

    numbers: Sequence[int]
    uids: Sequence[int]
    flags: Sequence[int]
    modseqs: Sequence[int]
    sizes: Sequence[int]
    dates: Sequence[int]

    def __len__(self) -> int:
        return len(self.uids)

    def keep(self, mask: Sequence[bool]) -> Rows:
        """The rows whose place in `mask` is true."""
        return Rows(
            list(compress(self.numbers, mask)),
            list(compress(self.uids, mask)),
            list(compress(self.flags, mask)),
            list(compress(self.modseqs, mask)),
            list(compress(self.sizes, mask)),
            list(compress(self.dates, mask)),
        )


class SelectedView:
    """A session's view of a mailbox. `count`: messages it was told of, `uids[:count]` are theirs.
    `modseq`: told of everything up to there. `saved`: the search result `$` (RFC 5182).
    `recent_from`: the first UID that is `\\Recent` here."""

    __slots__ = (
        "_flags_told",
        "_own",
        "_serial",
        "box",
        "count",
        "modseq",
        "on_close",
        "read_only",
        "recent_from",
        "saved",
        "uids",
    )

    def __init__(
        self,
        box: SharedMailbox,
        *,
        read_only: bool,
        recent_from: int | None = None,
        on_close: Callable[[SharedMailbox], None] | None = None,
    ) -> None:
        self.box = box
        self.uids = box.uids
        self.count = len(box.uids)
        self.modseq = box.highestmodseq
        self.read_only = read_only
        self.recent_from = _NEVER if recent_from is None else recent_from
        self.saved = UidSet()
        self.on_close = on_close
        self._serial = box.serial
        self._flags_told = len(box.keywords)
        self._own: tuple[int, ...] = ()

    # -- what SELECT tells

    @property
    def recent(self) -> int:
        """How many of the messages told of are recent here."""
        if self.recent_from == _NEVER:
            return 0
        return max(0, self.count - bisect_left(self.uids, self.recent_from))

    @property
    def gone(self) -> bool:
        """Whether the mailbox was deleted meanwhile; nothing more will be told of it."""
        return self.box.gone

    def first_unseen(self) -> int:
        """The number of the first message without `\\Seen`; 0 when there is none (RFC 3501
        7.1). Only while nothing waits to be told: right after opening."""
        return self.box.first_unseen() + 1

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` after every change; returns what ends that (for IDLE)."""
        return self.box.listen(listener)

    def close(self) -> None:
        """Lets the shared arrays go. May be called twice."""
        done, self.on_close = self.on_close, None
        if done is not None:
            done(self.box)

    # -- being told

    @property
    def behind(self) -> bool:
        """Whether `sync` may have something to tell."""
        return self._serial != self.box.serial

    def skip_own(self, modseq: int) -> None:
        """The flag changes at `modseq` are this session's own, and were told or are not to be."""
        if modseq > self.modseq:
            self._own = (*self._own, modseq)

    def sync(self, *, removals: bool = True) -> list[Update]:
        """What changed since the last time, in an order in which every number is right.

        Without `removals` the numbers must stay; then, while messages wait to be removed, nothing
        at all is told: neither a count that includes them, nor a MODSEQ past theirs, by which a
        client would miss them after a reconnect (RFC 7162 3.2.10).
        """
        box = self.box
        if self._serial == box.serial:
            return []
        moved = self.uids is not box.uids
        if moved and not removals:
            return []
        since, own = self.modseq, self._own
        updates: list[Update] = []
        if moved:
            self._remove(updates)
        known = self.count
        if len(self.uids) > known:
            updates.append(Exists(len(self.uids)))
            self.count = len(self.uids)
            if self.recent_from != _NEVER:
                updates.append(Recent(self.recent))
        updates += self.grown_flags()
        rows = list(self._changed(since, own, known))
        if rows:
            updates.append(Changed(rows))
        self._serial, self.modseq, self._own = box.serial, box.highestmodseq, ()
        return updates

    def grown_flags(self) -> list[Update]:
        """Keywords that are new to the mailbox: to be told before they occur in an answer."""
        box = self.box
        if len(box.keywords) == self._flags_told:
            return []
        self._flags_told = len(box.keywords)
        return [FlagsGrew(box.flag_names())]

    def pending_removals(self) -> UidSet:
        """UIDs of messages that are gone and still numbered here."""
        if self.uids is self.box.uids:
            return UidSet()
        gone = self.box.log.expunged_after(self.modseq)
        if gone is None:
            left = set(self.uids[: self.count]).difference(self.box.uids)
            return UidSet.from_sorted(sorted(left))
        return self.uids_at(self.uid_spans(gone))

    def _remove(self, updates: list[Update]) -> None:
        """Takes over the mailbox's new UID array and says which messages it lacks."""
        gone = self.pending_removals()
        spans = self.uid_spans(gone)
        if spans:
            numbers = [n for start, stop in reversed(spans) for n in range(stop, start, -1)]
            updates.append(Removed(numbers, gone))
            self.count -= len(numbers)
        self.uids = self.box.uids

    def _changed(
        self, since: int, own: Sequence[int], known: int
    ) -> Iterator[tuple[int, int, bytes, int]]:
        """Rows of flags that changed after `since`, among the first `known` messages."""
        changed = self.box.log.flagged_after(since, own)
        if changed is None:
            modseqs = self.box.modseqs[:known]
            spans = mask_spans([modseq > since for modseq in modseqs])
        else:
            spans = clip(changed.within(self.uids), known)
        return self.told_rows(self.rows(spans)) if spans else iter(())

    def told_rows(self, rows: Rows) -> Iterator[tuple[int, int, bytes, int]]:
        """(number, uid, flag list, modseq) of `rows`, as `Changed` holds them."""
        return zip(rows.numbers, rows.uids, self.flag_texts(rows), rows.modseqs, strict=True)

    def changed_after(self, modseq: int, uids: UidSet | None = None) -> list[Update]:
        """Flags changed after `modseq`, of `uids` if given: what a client that comes back is told
        (RFC 7162 3.2.5.1)."""
        spans: Spans = (
            [(0, self.count)] if uids is None else clip(uids.within(self.uids), self.count)
        )
        rows = self.rows(spans)
        kept = rows.keep([at > modseq for at in rows.modseqs])
        return [Changed(list(self.told_rows(kept)))] if len(kept) else []

    # -- messages by number and UID

    def spans(self, messages: SequenceSet, *, uid: bool) -> Spans | None:
        """Where the named messages stand. None when a number is named that no message has, which
        is the client's error; UIDs may name what is not there (RFC 9051 6.4.9)."""
        if messages.saved:
            return self.uid_spans(self.saved)
        if uid:
            return self.uid_spans(messages.resolve(self.uids[self.count - 1] if self.count else 0))
        if messages.highest > self.count or (messages.has_star and not self.count):
            return None
        return [(low - 1, high) for low, high in messages.resolve(self.count).ranges]

    def uid_spans(self, uids: UidSet) -> Spans:
        """Where the messages with `uids` stand."""
        return clip(uids.within(self.uids), self.count)

    def uids_at(self, spans: Spans) -> UidSet:
        """The UIDs of the messages at `spans`."""
        uids = self.uids
        if len(spans) == 1:
            return UidSet.from_sorted(uids[spans[0][0] : spans[0][1]])
        return UidSet.from_sorted([uid for start, stop in spans for uid in uids[start:stop]])

    def number(self, uid: int) -> int:
        """The number of the message with `uid`; 0 when it is not in view."""
        position = bisect_left(self.uids, uid, 0, self.count)
        return position + 1 if position < self.count and self.uids[position] == uid else 0

    def rows(self, spans: Spans) -> Rows:
        """The messages at `spans` that still exist, as they are now."""
        box = self.box
        if self.uids is not box.uids:
            return self._surviving_rows(spans)
        if len(spans) == 1:
            start, stop = spans[0]
            return Rows(
                range(start + 1, stop + 1),
                box.uids[start:stop],
                box.flags[start:stop],
                box.modseqs[start:stop],
                box.sizes[start:stop],
                box.dates[start:stop],
            )
        numbers = [n for start, stop in spans for n in range(start + 1, stop + 1)]
        return self._rows_at(numbers, spans)

    def _surviving_rows(self, spans: Spans) -> Rows:
        """The same while messages are gone that this session was not told of."""
        box = self.box
        wanted = gather(self.uids, spans)
        there = list(UidSet.from_sorted(wanted).within(box.uids))
        numbers = [n for start, stop in spans for n in range(start + 1, stop + 1)]
        if sum(stop - start for start, stop in there) != len(wanted):
            left = set(gather(box.uids, there))
            numbers = [n for n, uid in zip(numbers, wanted, strict=True) if uid in left]
        return self._rows_at(numbers, there)

    def _rows_at(self, numbers: Sequence[int], spans: Spans) -> Rows:
        """Rows at `spans` of the mailbox's own arrays."""
        box = self.box
        return Rows(
            numbers,
            gather(box.uids, spans),
            gather(box.flags, spans),
            gather(box.modseqs, spans),
            gather(box.sizes, spans),
            gather(box.dates, spans),
        )

    def flag_texts(self, rows: Rows) -> list[bytes]:
        """The flag lists of `rows`, with `\\Recent` where a message is that."""
        texts = self.box.texts
        if not rows.uids or rows.uids[-1] < self.recent_from:
            return [texts[code] for code in rows.flags]
        recent = self.box.recent_texts
        first = bisect_left(rows.uids, self.recent_from)
        return [texts[code] for code in rows.flags[:first]] + [
            recent[code] for code in rows.flags[first:]
        ]


def clip(spans: Iterator[tuple[int, int]] | Spans, count: int) -> Spans:
    """`spans` without what stands at `count` or behind it."""
    return [(start, min(stop, count)) for start, stop in spans if start < count]


def gather(rows: array[int], spans: Spans) -> array[int]:
    """What `rows` has at `spans`, in one array."""
    if len(spans) == 1:
        return rows[spans[0][0] : spans[0][1]]
    found = array(rows.typecode)
    for start, stop in spans:
        found.extend(rows[start:stop])
    return found


def mask_spans(mask: Sequence[bool]) -> Spans:
    """The spans of true places."""
    numbers = compress(range(1, len(mask) + 1), mask)
    return [(low - 1, high) for low, high in UidSet.from_sorted(numbers).ranges]


def chunks(spans: Spans, size: int) -> Iterator[Spans]:
    """`spans` in pieces of at most `size` messages each."""
    piece: Spans = []
    room = size
    for start, stop in spans:
        while stop - start >= room:
            piece.append((start, start + room))
            yield piece
            start += room
            piece, room = [], size
        if start < stop:
            piece.append((start, stop))
            room -= stop - start
    if piece:
        yield piece


def take(spans: Spans, first: int, last: int) -> Spans:
    """The messages from the `first` to the `last` of `spans`, counted from 1 or, negative, from
    the end (RFC 9394)."""
    count = sum(stop - start for start, stop in spans)
    if first < 0:
        first, last = count + last + 1, count + first + 1
    taken: Spans = []
    before = 0
    for start, stop in spans:
        low = max(start, start + first - 1 - before)
        high = min(stop, start + last - before)
        if low < high:
            taken.append((low, high))
        before += stop - start
    return taken
