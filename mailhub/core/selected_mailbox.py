"""One selected mailbox's arrays, shared by all sessions of the process that have it selected.

They are filled from the store's index once and then follow its changes. Arrivals are appended in
place; an expunge makes a new UID array, so that a session which was not told yet keeps counting
by its old one. No session's state lives here, and nothing here waits.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence

from mailhub.core.selected_log import ChangeLog
from mailhub.model.change import Arrived, Change, Expunged, Flagged
from mailhub.model.flags import SEEN, SYSTEM_BITS, SYSTEM_NAMES, Flags
from mailhub.model.message import Index
from mailhub.model.uids import UidSet

FEW_SPANS = 16
"""Gone spans up to which rows are deleted in place; for more, building anew is cheaper."""

_LOW_BYTE = 0 if sys.byteorder == "little" else -1
_UNSEEN = bytes(0 if byte & SEEN else 1 for byte in range(256))


class FlagTexts(dict[int, bytes]):
    """Flag code → its flag list as RFC 9051 spells it, `(\\Seen work)`; made when first asked."""

    __slots__ = ("_keyword_sets", "_recent")

    def __init__(self, keyword_sets: dict[int, tuple[str, ...]], *, recent: bool = False) -> None:
        super().__init__()
        self._keyword_sets = keyword_sets
        self._recent = ("\\Recent",) if recent else ()

    def __missing__(self, code: int) -> bytes:
        names = flags_of(code, self._keyword_sets).names() + self._recent
        text = self[code] = b"(%b)" % " ".join(names).encode()
        return text


def flags_of(code: int, keyword_sets: dict[int, tuple[str, ...]]) -> Flags:
    """What a stored flag code means."""
    number = code >> 8
    return Flags(code & SYSTEM_BITS, keyword_sets.get(number, ()) if number else ())


class SharedMailbox:
    """The arrays, in UID order: `uids`, and parallel to it `modseqs`, `flags` (codes), `sizes`
    (bytes), `dates` (INTERNALDATE, epoch seconds). Readers copy what they keep over a wait.

    `serial` grows with every batch of changes. `gone`: the mailbox or its account was deleted.
    `keywords`: names in use, by folded spelling.
    """

    __slots__ = (
        "_codes",
        "_listeners",
        "_loaded",
        "account",
        "dates",
        "flags",
        "gone",
        "highestmodseq",
        "keyword_sets",
        "keywords",
        "log",
        "modseqs",
        "number",
        "recent_texts",
        "serial",
        "sizes",
        "texts",
        "uidnext",
        "uids",
        "uidvalidity",
        "views",
    )

    def __init__(
        self,
        account: int,
        number: int,
        index: Index,
        keyword_sets: dict[int, tuple[str, ...]],
        texts: tuple[FlagTexts, FlagTexts],
    ) -> None:
        self.account = account
        self.number = number
        self.uidvalidity = index.uidvalidity
        self.uidnext = index.uidnext
        self.highestmodseq = self._loaded = index.highestmodseq
        self.uids = index.uids
        self.modseqs = index.modseqs
        self.flags = index.flags
        self.sizes = index.sizes
        self.dates = index.dates
        self.keyword_sets = keyword_sets
        self.texts, self.recent_texts = texts
        self.keywords: dict[str, str] = {}
        self._codes: set[int] = set()
        self._learn(self.flags)
        self.log = ChangeLog(index.highestmodseq)
        self.serial = 0
        self.gone = False
        self.views = 0
        self._listeners: dict[object, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self.uids)

    @property
    def memory(self) -> int:
        """Bytes that the arrays take."""
        row = sum(
            rows.itemsize for rows in (self.uids, self.modseqs, self.flags, self.sizes, self.dates)
        )
        return len(self.uids) * row

    # -- following the store

    def apply(self, changes: Sequence[Change]) -> None:
        """Takes over one batch of changes to this mailbox, in commit order; older ones than the
        index it was made from are known already."""
        for change in changes:
            if isinstance(change, Arrived) and change.modseq > self._loaded:
                self._arrived(change)
            elif isinstance(change, Flagged) and change.modseq > self._loaded:
                self._flagged(change)
            elif isinstance(change, Expunged) and change.modseq > self._loaded:
                self._expunged(change)

    def tell(self) -> None:
        """Says to all listeners that something changed."""
        self.serial += 1
        for listener in tuple(self._listeners.values()):
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """`listener` is called after every change; it must not wait or raise. Returns what ends
        it, which may be called twice."""
        token = object()
        self._listeners[token] = listener

        def end() -> None:
            self._listeners.pop(token, None)

        return end

    def _arrived(self, change: Arrived) -> None:
        rows = change.rows
        self.uids.extend([row.uid for row in rows])
        self.modseqs.extend([change.modseq] * len(rows))
        codes = [row.flags for row in rows]
        self.flags.extend(codes)
        self.sizes.extend([row.size for row in rows])
        self.dates.extend([row.date for row in rows])
        self.uidnext = max(self.uidnext, self.uids[-1] + 1)
        self.highestmodseq = change.modseq
        self._learn(codes)

    def _flagged(self, change: Flagged) -> None:
        rows = change.rows
        self.highestmodseq = change.modseq
        if not rows:
            return
        uids = array("I", [uid for uid, _ in rows])
        codes = array(self.flags.typecode, [code for _, code in rows])
        start = bisect_left(self.uids, uids[0])
        if self.uids[start : start + len(uids)] == uids:
            self.flags[start : start + len(uids)] = codes
            self.modseqs[start : start + len(uids)] = array("Q", [change.modseq]) * len(uids)
        else:
            self._flag_each(uids, codes, change.modseq, start)
        self.log.flagged(change.modseq, UidSet.from_sorted(uids))
        self._learn(codes)

    def _flag_each(self, uids: array[int], codes: array[int], modseq: int, start: int) -> None:
        known, flags, modseqs, end = self.uids, self.flags, self.modseqs, len(self.uids)
        position = start
        for uid, code in zip(uids, codes, strict=True):
            position = bisect_left(known, uid, position)
            if position < end and known[position] == uid:
                flags[position] = code
                modseqs[position] = modseq

    def _expunged(self, change: Expunged) -> None:
        self.highestmodseq = change.modseq
        spans = list(change.uids.within(self.uids))
        if not spans:
            return
        self.uids = without(self.uids, spans)
        if len(spans) <= FEW_SPANS:
            for rows in (self.modseqs, self.flags, self.sizes, self.dates):
                for start, stop in reversed(spans):
                    del rows[start:stop]
        else:
            self.modseqs = without(self.modseqs, spans)
            self.flags = without(self.flags, spans)
            self.sizes = without(self.sizes, spans)
            self.dates = without(self.dates, spans)
        self.log.expunged(change.modseq, change.uids)

    def _learn(self, codes: Sequence[int]) -> None:
        """Notes the keywords of codes not seen before; the codes that occur are few."""
        for code in set(codes).difference(self._codes):
            self._codes.add(code)
            for name in self.keyword_sets.get(code >> 8, ()):
                self.keywords.setdefault(name.lower(), name)

    # -- questions

    def flag_names(self) -> tuple[str, ...]:
        """Every flag that occurs or may be set: the system flags, then the keywords in use."""
        return (*SYSTEM_NAMES, *(self.keywords[key] for key in sorted(self.keywords)))

    def system_flags(self) -> bytes:
        """One byte per message: its system flag bits."""
        size = self.flags.itemsize
        return self.flags.tobytes()[_LOW_BYTE % size :: size]

    def first_unseen(self) -> int:
        """Position of the first message without `\\Seen`, -1 when there is none."""
        return self.system_flags().translate(_UNSEEN).find(1)


def without(rows: array[int], spans: Sequence[tuple[int, int]]) -> array[int]:
    """A copy of `rows` that lacks the sorted index spans [start, stop)."""
    kept = array(rows.typecode)
    position = 0
    for start, stop in spans:
        kept.extend(rows[position:start])
        position = stop
    kept.extend(rows[position:])
    return kept
