"""FETCH and UID FETCH (RFC 9051 6.4.5): in slices, each read while the one before is written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress

from mailhub.core.allowances import Kind
from mailhub.core.reading import Piece
from mailhub.core.rows import bounded
from mailhub.core.selected_view import SelectedView, Spans, chunks, take
from mailhub.core.turns import Turns
from mailhub.imap.commands.numbers import NO_SUCH_MESSAGE, count, wanted
from mailhub.imap.fetch_columns import Heads, Pending
from mailhub.imap.fetch_sections import Sections, sets_seen
from mailhub.imap.grammar import fetch as grammar
from mailhub.imap.grammar.values import Attribute, Extension, Fetch
from mailhub.imap.replies import Reply, no, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import SELECTED, Updates, Verb
from mailhub.model.errors import Unsupported
from mailhub.model.flags import SEEN, FlagMode, Flags
from mailhub.model.message import Content
from mailhub.model.uids import UidSet

SLICE = 500
"""Messages answered at once."""
FEW = 16
"""The same where nothing is known of their sizes."""

DONE = ok("Fetch completed")
UNKNOWN_ENCODING = no("A part has an unknown transfer encoding", b"UNKNOWN-CTE")


async def run(session: Session, command: Fetch) -> Reply:
    view = session.view
    if command.changed_since is not None or Attribute.MODSEQ in command.items:
        session.enable(Extension.CONDSTORE)
    spans = wanted(view, command.messages, uid=command.uid)
    if command.vanished and command.changed_since is not None:
        await _tell_vanished(session, command)
    if command.changed_since is not None:
        spans = _changed(view, spans, command.changed_since)
    if command.partial is not None:
        spans = take(spans, *command.partial)
    attributes = [item for item in command.items if isinstance(item, Attribute)]
    if sets_seen(command.items) and not view.read_only and await _mark_seen(session, spans):
        attributes = _with_flags(session, attributes)
    fetching = _Fetching(session, attributes, Sections(command.items))
    await fetching.run(spans)
    if fetching.unknown_encoding:
        return UNKNOWN_ENCODING
    # RFC 2180 4.1.2: a number whose message another session expunged cannot be answered.
    return NO_SUCH_MESSAGE if fetching.missing and not command.uid else DONE


async def _tell_vanished(session: Session, command: Fetch) -> None:
    """VANISHED (EARLIER) (RFC 7162 3.2.6), without what is still numbered in this session."""
    view = session.view
    box = view.box
    known = command.messages.resolve(box.uidnext - 1)
    gone = await session.site.storage.messages.vanished(
        box.account, box.number, command.changed_since or 0, known
    )
    gone = gone.minus(view.pending_removals())
    if gone:
        session.write(b"* VANISHED (EARLIER) %b\r\n" % gone.text())


def _changed(view: SelectedView, spans: Spans, since: int) -> Spans:
    """Those whose MODSEQ is higher (RFC 7162 3.1.4.1)."""
    rows = view.rows(spans)
    numbers = compress(rows.numbers, [modseq > since for modseq in rows.modseqs])
    return [(low - 1, high) for low, high in UidSet.from_sorted(numbers).ranges]


async def _mark_seen(session: Session, spans: Spans) -> bool:
    """Sets `\\Seen` where it is missing, in one commit. Whether it was anywhere."""
    view = session.view
    rows = view.rows(spans)
    unseen = list(compress(rows.uids, [not code & SEEN for code in rows.flags]))
    if not unseen:
        return False
    box = view.box
    stored = await session.site.messages.store_flags(
        box.account,
        box.number,
        UidSet.from_sorted(unseen),
        FlagMode.ADD,
        Flags(SEEN),
        session.actor,
    )
    view.skip_own(stored.modseq)
    return True


def _with_flags(session: Session, attributes: list[Attribute]) -> list[Attribute]:
    """Flags that this command changed are told in its answers; their MODSEQ too, and the UID,
    where the session asked for that (RFC 7162 3.2.4)."""
    told = [Attribute.FLAGS]
    if session.condstore:
        told.append(Attribute.MODSEQ)
    if session.qresync:
        told.insert(0, Attribute.UID)
    return [*(item for item in told if item not in attributes), *attributes]


class _Fetching:
    """One FETCH at work. `missing`: a message was gone. `unknown_encoding`: BINARY could not be
    decoded for a message, which was left out."""

    def __init__(self, session: Session, attributes: list[Attribute], sections: Sections) -> None:
        self._session = session
        self._view = session.view
        self._sections = sections
        columns = [attribute for attribute in attributes if attribute is not Attribute.BODY]
        if sections:
            self._gap = b" " if columns else b""
            self._heads = Heads(session, columns)
        else:
            self._heads = Heads(session, columns, b")\r\n")
        self._turns = Turns(session.site.clock)
        self.missing = False
        self.unknown_encoding = False

    async def run(self, spans: Spans) -> None:
        """Answers for all messages at `spans`."""
        if self._sections:
            await self._run_sections(spans)
        else:
            await self._run_columns(self._slices(spans))

    def _slices(self, spans: Spans) -> Iterator[Spans]:
        """`spans` in slices; what the store has to say of one is bounded (see `core.rows`)."""
        for piece in chunks(spans, SLICE):
            sizes = self._view.rows(piece).sizes if self._heads.asks else ()
            cuts = list(bounded(sizes))
            if len(cuts) < 2:
                yield piece
            elif len(sizes) < count(piece):  # places and sizes are out of step
                yield from chunks(piece, FEW)
            else:
                yield from (take(piece, start + 1, stop) for start, stop in cuts)

    async def _run_columns(self, slices: Iterator[Spans]) -> None:
        """Items of the index and of what was rendered: slice after slice."""
        ahead = self._begin(slices)
        try:
            while ahead is not None:
                pending, wanted_count = ahead
                rows, lines = await pending.finish()
                ahead = self._begin(slices)
                self.missing = self.missing or len(rows) < wanted_count
                await self._session.send(b"".join(lines))
                await self._turns.rest()
        finally:
            if ahead is not None:
                ahead[0].abandon()

    def _begin(self, slices: Iterator[Spans]) -> tuple[Pending, int] | None:
        spans = next(slices, None)
        if spans is None:
            return None
        return self._heads.begin(self._view.rows(spans)), count(spans)

    async def _run_sections(self, spans: Spans) -> None:
        """Items of the messages' bytes: portion after portion."""
        box, site = self._view.box, self._session.site
        uids = self._view.rows(spans).uids
        answered = 0
        pieces = site.messages.reading.pieces(box.account, box.number, uids, self._sections.wanted)
        try:
            while portion := await pieces.next():
                octets = sum(piece.stop - piece.start for piece in portion)
                await site.allowances.transfer(box.account, Kind.IMAP_DOWNLOAD, octets)
                answered += await self._answer(portion)
                await self._turns.rest()
        finally:
            pieces.close()
        self.missing = answered < count(spans)

    async def _answer(self, portion: list[Piece]) -> int:
        """One portion's lines. How many messages were answered."""
        view = self._view
        asked = UidSet.from_sorted([piece.content.uid for piece in portion])
        rows, heads = await self._heads.begin(view.rows(view.uid_spans(asked))).finish()
        if len(rows) < len(portion):
            there = set(rows.uids)
            portion = [piece for piece in portion if piece.content.uid in there]
        lines: list[bytes] = []
        for head, piece in zip(heads, portion, strict=True):
            if piece.data is None:
                await self._session.send(b"".join(lines))
                lines = await self._stream(piece.content, head)
            else:
                lines += await self._spell(piece, piece.data, head)
            if self._turns.over:
                await self._session.send(b"".join(lines))
                lines = []
                await self._turns.rest()
        await self._session.send(b"".join(lines))
        return len(rows)

    async def _spell(self, piece: Piece, data: bytes, head: bytes) -> tuple[bytes, ...]:
        """One message's line; nothing where BINARY cannot be decoded."""
        reading = self._session.site.messages.reading
        try:
            return head, self._gap, *await self._sections.spell(reading, piece, data), b")\r\n"
        except Unsupported:
            self.unknown_encoding = True
            return ()

    async def _stream(self, content: Content, head: bytes) -> list[bytes]:
        """Sends a large message's line up to its end, which is returned."""
        try:
            await self._sections.stream(self._session, content, head + self._gap)
        except Unsupported:
            self.unknown_encoding = True
            return []
        return [b")\r\n"]


FETCH = Verb(b"FETCH", grammar.fetch, run, SELECTED, Updates.KEEP_NUMBERS)
UID_FETCH = Verb(b"UID FETCH", grammar.uid_fetch, run, SELECTED)
