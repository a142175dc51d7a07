"""Runs a search program over a selected mailbox (RFC 9051 6.4.4).

Cheap keys first: what the arrays answer, then what was rendered at delivery, then headers, then
bodies, each only for the messages that can still match. Every step is a small slice, so a search
of a large mailbox holds nobody up. What a search returns to whom is the faces' affair.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from mailhub.core.reading import Piece, Reading, header, whole
from mailhub.core.rows import each_chunk
from mailhub.core.search_arrays import Candidates
from mailhub.core.search_plan import indexed
from mailhub.core.search_text import (
    Needle,
    envelope_day,
    envelope_has,
    field_has,
    header_surely,
    header_texts,
    in_envelope,
    phrase_absent,
    surely,
)
from mailhub.core.search_words import HEADER_LIMIT, Wanted, texts
from mailhub.core.selected_view import Rows, SelectedView
from mailhub.core.turns import Turns, run
from mailhub.model.search import (
    And,
    BodyHas,
    DateIs,
    DateTest,
    EmailIdIs,
    HasAttachments,
    HeaderHas,
    Moment,
    Not,
    Or,
    Says,
    SearchKey,
    TextHas,
    ThreadIdIs,
)
from mailhub.model.uids import UidSet
from mailhub.ports import Clock, Storage
from mailhub.wire import mime, text

ARRAYS, RENDERED, HEADERS, BODIES = range(4)
"""What a key costs: nothing, a row, a header, a whole message."""

Progress = Callable[[int, int], Awaitable[None]]
"""Called now and then with (messages looked at, messages to look at)."""


@dataclass(slots=True)
class Found:
    """Matches in mailbox order, or sorted, as parallel sequences."""

    numbers: Sequence[int]
    uids: Sequence[int]
    modseqs: Sequence[int]

    def __len__(self) -> int:
        return len(self.uids)

    @classmethod
    def at(cls, rows: Rows, places: Sequence[int]) -> Found:
        """What stands at `places` of `rows`, in that order."""
        numbers, uids, modseqs = rows.numbers, rows.uids, rows.modseqs
        return cls(
            [numbers[place] for place in places],
            [uids[place] for place in places],
            [modseqs[place] for place in places],
        )


class Searches:
    """Runs searches."""

    def __init__(self, storage: Storage, reading: Reading, clock: Clock) -> None:
        self._storage = storage
        self._reading = reading
        self._clock = clock

    async def find(
        self, view: SelectedView, key: SearchKey, progress: Progress | None = None
    ) -> Found:
        """The messages of `view` that match. Raises Unavailable, Corrupt."""
        run = _Run(self._storage, self._reading, self._clock, view, progress)
        places = run.candidates.places(await run.match(key, run.candidates.all))
        return Found.at(run.candidates.rows, places)


class _Run:
    """One search."""

    def __init__(
        self,
        storage: Storage,
        reading: Reading,
        clock: Clock,
        view: SelectedView,
        progress: Progress | None,
    ) -> None:
        self.candidates = Candidates(view, clock.now())
        self._messages = storage.messages
        self._index = storage.search_index
        self._reading = reading
        self._box = view.box
        self._turns = Turns(clock)
        self._progress = progress
        self._looked_at = 0

    # -- the program

    async def match(self, key: SearchKey, among: int) -> int:
        """Those of the mask `among` that match `key`."""
        if not among:
            return 0
        match key:
            case And(keys):
                for part in sorted(keys, key=cost):
                    among = await self.match(part, among)
                return among
            case Or(left, right):
                first, second = sorted((left, right), key=cost)
                found = await self.match(first, among)
                return found | await self.match(second, among & ~found)
            case Not(inner):
                return among & ~await self.match(inner, among)
        known = self.candidates.answer(key)
        if known is not None:
            return among & known
        surely, among = await self._ask_index(key, among)
        return surely | await self._look(key, self.candidates.places(among))

    async def _ask_index(self, key: SearchKey, among: int) -> tuple[int, int]:
        """Those of `among` that match as the index knows, and those that are still to look at."""
        asked = indexed(key) if among.bit_count() > FEW else None
        looked = None
        if asked is not None:
            looked = await self._index.look(self._box.account, self._box.number, asked)
        if looked is None:
            return 0, among
        having = self.candidates.having
        surely = among & await run(having(looked.surely), self._turns)
        return surely, among & ~surely & await run(having(looked.maybe), self._turns)

    async def _look(self, key: SearchKey, places: list[int]) -> int:
        """Asks the store about each of `places`."""
        if not places:
            return 0
        match key:
            case HeaderHas(name, wanted) if in_envelope(name):
                needle = Needle(wanted)
                return await self._rows(
                    self._messages.envelopes,
                    places,
                    lambda row: envelope_has(row[1], name, needle),
                )
            case DateIs(Moment.SENT):
                return await self._rows(
                    self._messages.envelopes, places, lambda row: _sent(row[1], key)
                )
            case DateIs():
                return await self._rows(
                    self._messages.marks, places, lambda row: _day_matches(key, _day(row[3]))
                )
            case EmailIdIs(wanted):
                return await self._rows(
                    self._messages.marks, places, lambda row: bool(row[1] == wanted)
                )
            case ThreadIdIs(wanted):
                return await self._rows(
                    self._messages.marks, places, lambda row: bool(row[2] == wanted)
                )
            case HeaderHas(name, wanted):
                return await self._headers(places, name.encode("utf-8"), Needle(wanted))
            case HasAttachments():
                return await self._rows(
                    self._messages.rendered, places, lambda row: bool(row[1].attachments)
                )
            case Says():
                return await self._words(places, Wanted(key))
            case BodyHas(wanted) | TextHas(wanted):
                return await self._bodies(places, Needle(wanted), isinstance(key, TextHas))
        raise AssertionError(f"no way to answer {type(key).__name__}")

    # -- rows of the store

    async def _rows(
        self,
        load: Callable[[int, int, UidSet], Awaitable[Sequence[Any]]],
        places: list[int],
        test: Callable[[Any], bool],
    ) -> int:
        """Tests rows that begin with their UID; the next chunk is loaded meanwhile."""
        uids, sizes = self.candidates.rows.uids, self.candidates.rows.sizes
        place_of = {uids[place]: place for place in places}
        found: list[int] = []

        async def take(rows: Sequence[Any]) -> None:
            for count, row in enumerate(rows):
                if test(row):
                    found.append(place_of[row[0]])
                if not count & 31 or _length(row[1]) > LONG_ROW:
                    await self._turns.rest()
            await self._tell(len(rows), len(places))

        await each_chunk(
            load,
            self._box,
            [uids[place] for place in places],
            [sizes[place] for place in places],
            take,
        )
        return self.candidates.mask(found)

    # -- headers and bodies

    async def _headers(self, places: list[int], name: bytes, needle: Needle) -> int:
        async def test(piece: Piece) -> bool:
            block = piece.data
            if block is None:
                block = await self._reading.octets(piece.content, 0, HEADER_LIMIT)
            return field_has(block, name, needle)

        return await self._pieces(places, header, test)

    async def _bodies(self, places: list[int], needle: Needle, with_header: bool) -> int:
        async def test(piece: Piece) -> bool:
            if not needle.folded:
                return True
            length = piece.content.header_length
            if piece.data is None:
                async with self._reading.large(piece.content) as data:
                    return await self._has(data, length, needle, with_header)
            left = with_header
            if left:
                known = header_surely(piece.data[:length], needle)
                if known:
                    return True
                left = known is None
            known = surely(piece.data, length, needle)
            if known or (known is False and not left):
                return known
            return await self._has(piece.data, length, needle, left)

        return await self._pieces(places, whole, test)

    async def _words(self, places: list[int], wanted: Wanted) -> int:
        async def test(piece: Piece) -> bool:
            if wanted.nothing:
                return True
            if piece.data is None:
                async with self._reading.large(piece.content) as data:
                    return await self._says(data, wanted)
            length = piece.content.header_length
            if phrase_absent(piece.data, length, wanted.telling):
                return False
            return await self._says(piece.data, wanted)

        return await self._pieces(places, whole, test)

    async def _says(self, data: bytes | bytearray, wanted: Wanted) -> bool:
        small = len(data) <= SMALL
        root = mime.scan(data) if small else await self._reading.scanned(data)
        found = wanted.reading()
        for where, one in texts(data, root):
            found.take(where, one)
            await self._turns.rest()
        return found.matches

    async def _has(
        self, data: bytes | bytearray, header_length: int, needle: Needle, with_header: bool
    ) -> bool:
        """Whether the decoded text contains the needle, worked out in turns with others."""
        if with_header:
            block = bytes(data[: min(header_length, HEADER_LIMIT)])
            if await self._any(header_texts(block), needle):
                return True
        small = len(data) <= SMALL
        root = mime.scan(data) if small else await self._reading.scanned(data)
        return await self._any(text.searchable(data, root), needle)

    async def _any(self, texts: Iterable[str], needle: Needle) -> bool:
        for piece in texts:
            if needle.within(piece):
                return True
            await self._turns.rest()
        return False

    async def _pieces(
        self,
        places: list[int],
        wanted: Callable[[Any], tuple[int, int]],
        test: Callable[[Piece], Awaitable[bool]],
    ) -> int:
        uids = self.candidates.rows.uids
        place_of = {uids[place]: place for place in places}
        pieces = self._reading.pieces(
            self._box.account, self._box.number, [uids[place] for place in places], wanted
        )
        found: list[int] = []
        try:
            while portion := await pieces.next():
                for piece in portion:
                    if await test(piece):
                        found.append(place_of[piece.content.uid])
                    await self._turns.rest()
                await self._tell(len(portion), len(places))
        finally:
            pieces.close()
        return self.candidates.mask(found)

    async def _tell(self, done: int, of: int) -> None:
        self._looked_at += done
        if self._progress is not None:
            await self._progress(self._looked_at, max(of, self._looked_at))


FEW = 50
"""Messages that are looked at sooner than an index is asked about them."""
LONG_ROW = 4096
"""Bytes of a rendered row that takes a while to look at."""
SMALL = 64 * 1024
"""Octets of a message whose structure is found in one go."""


def cost(key: SearchKey) -> int:
    """How expensive a key is: its dearest part counts."""
    match key:
        case And(keys):
            return max(map(cost, keys))
        case Or(left, right):
            return max(cost(left), cost(right))
        case Not(inner):
            return cost(inner)
        case BodyHas() | TextHas() | Says():
            return BODIES
        case HeaderHas(name):
            return RENDERED if in_envelope(name) else HEADERS
        case DateIs(moment):
            return ARRAYS if moment is Moment.INTERNAL else RENDERED
        case EmailIdIs() | ThreadIdIs() | HasAttachments():
            return RENDERED
    return ARRAYS


def _length(row: object) -> int:
    return len(row) if isinstance(row, (bytes, str)) else 0


def _sent(rendered: bytes, key: DateIs) -> bool:
    """Whether the Date field, as written, falls where `key` says; without one, never."""
    day = envelope_day(rendered)
    return day is not None and _day_matches(key, day)


def _day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def _day_matches(key: DateIs, day: date) -> bool:
    if key.test is DateTest.BEFORE:
        return day < key.day
    if key.test is DateTest.SINCE:
        return day >= key.day
    return day == key.day
