"""FETCH items that need a message's bytes: BODY[…], RFC822…, BINARY[…], and BODY.

Of each message only the octets that the items can need are read. What comes in one piece is
spelled at once; a message too large for that is sent range by range. Nothing here knows UIDs,
flags or the order of messages.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.reading import PORTION, Piece, Range, Reading, length, whole
from mailhub.core.reading import header as reading_header
from mailhub.imap.grammar.spelling import literal
from mailhub.imap.grammar.values import (
    Attribute,
    Binary,
    BinarySize,
    FetchItem,
    Section,
    SectionText,
)
from mailhub.imap.session import Session
from mailhub.model.errors import MailhubError
from mailhub.model.message import Content
from mailhub.ports import Body
from mailhub.wire import bodystructure, header, mime, section
from mailhub.wire.mime import Part

PIECES = {
    SectionText.ALL: section.Piece.WHOLE,
    SectionText.HEADER: section.Piece.HEADER,
    SectionText.HEADER_FIELDS: section.Piece.HEADER,
    SectionText.HEADER_FIELDS_NOT: section.Piece.HEADER,
    SectionText.TEXT: section.Piece.TEXT,
    SectionText.MIME: section.Piece.MIME,
}
_HEADERS = (SectionText.HEADER, SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT)
HEADER_LIMIT = 1024 * 1024
"""Octets of a header that fields are picked from."""
SMALL = 64 * 1024
"""Octets of a message whose structure is found in one go."""

Span = tuple[int, int]


class Sections:
    """The byte items of one FETCH. `items`: those that are not columns, in their order."""

    def __init__(self, items: Sequence[FetchItem]) -> None:
        self.items = [item for item in items if not isinstance(item, Attribute)]
        self.wants_body = Attribute.BODY in items
        self._needs_structure = self.wants_body or any(_needs_structure(i) for i in self.items)
        self.wanted = self._range()

    def __bool__(self) -> bool:
        return bool(self.items) or self.wants_body

    # -- what to read

    def _range(self) -> Range:
        """The octets of a message in which all items lie, as a function of its place."""
        if self._needs_structure:
            return whole
        sections = [item for item in self.items if isinstance(item, Section)]
        if all(item.text in _HEADERS for item in sections):
            return reading_header
        if any(item.text is SectionText.ALL and item.partial is None for item in sections):
            return whole

        def span(content: Content) -> Span:
            spans = [_cut(_plain_span(item, content), item.partial) for item in sections]
            return min(low for low, _ in spans), max(high for _, high in spans)

        return span

    # -- a message that was read in one piece

    async def spell(self, reading: Reading, piece: Piece, data: bytes) -> list[bytes]:
        """Every item of one message, with a space between two. Raises Unsupported (an unknown
        transfer encoding under BINARY)."""
        root: Part | None = None
        if self._needs_structure:
            root = mime.scan(data) if len(data) <= SMALL else await reading.scanned(data)
        spelled: list[bytes] = []
        if self.wants_body and root is not None:
            spelled += (b" BODY ", await reading.run(bodystructure.rendering(root, extended=False)))
        for item in self.items:
            if isinstance(item, Section):
                _section(spelled, item, piece, data, root)
            elif root is not None and isinstance(item, (Binary, BinarySize)):
                _binary(spelled, item, data, root)
        spelled[0] = spelled[0][1:]
        return spelled

    # -- a message that is too large for that

    async def stream(self, session: Session, content: Content, first: bytes) -> None:
        """Sends `first`, then every item in ranges. Raises Unsupported before anything was
        sent."""
        reading, view = session.site.messages.reading, session.view
        root: Part | None = None
        if self._needs_structure:
            root = await reading.structure(view.box.account, view.box.number, content)
        decoded = await self._decoded(session, content, root)
        try:
            gap = first
            if self.wants_body and root is not None:
                structure = await reading.run(bodystructure.rendering(root, extended=False))
                await session.send(gap + b"BODY " + structure)
                gap = b" "
            for item in self.items:
                if isinstance(item, Section):
                    await _stream_section(session, reading, item, content, root, gap)
                else:
                    await _stream_body(session, item, decoded[item], gap)
                gap = b" "
        finally:
            for body in decoded.values():
                if body is not None:
                    body.close()

    async def _decoded(
        self, session: Session, content: Content, root: Part | None
    ) -> dict[FetchItem, Body | None]:
        """Decoded content for the BINARY items, in spools: its size has to be known first."""
        found: dict[FetchItem, Body | None] = {}
        wanted = [item for item in self.items if isinstance(item, (Binary, BinarySize))]
        if not wanted or root is None:
            return found
        spools = session.site.storage.spools
        clock = session.site.clock
        try:
            async with session.site.messages.reading.large(content) as data:
                for item in wanted:
                    pieces = section.binary(data, root, item.path)
                    if pieces is None:
                        found[item] = None
                        continue
                    spool = spools.open()
                    try:
                        for decoded in pieces:
                            spool.write(decoded)
                            await clock.pause()
                    except BaseException:
                        spool.abort()
                        raise
                    found[item] = spool.finish()
        except BaseException:
            for body in found.values():
                if body is not None:
                    body.close()
            raise
        return found


def sets_seen(items: Sequence[FetchItem]) -> bool:
    """Whether fetching these marks a message as read (RFC 9051 6.4.5)."""
    return any(isinstance(item, (Section, Binary)) and not item.peek for item in items)


def _needs_structure(item: FetchItem) -> bool:
    return not isinstance(item, Section) or bool(item.path)


def _plain_span(item: Section, content: Content) -> Span:
    """Where an item of the message itself lies."""
    if item.text is SectionText.ALL:
        return 0, length(content)
    if item.text is SectionText.TEXT:
        return content.header_length, length(content)
    return 0, content.header_length


def _span(item: Section, content: Content, root: Part | None) -> Span | None:
    if root is None or not item.path:
        return _plain_span(item, content)
    return section.span(root, item.path, PIECES[item.text])


def _cut(span: Span, partial: Span | None) -> Span:
    """`span` or, with `<first.count>`, the part of it that is asked for."""
    if partial is None:
        return span
    start = min(span[0] + partial[0], span[1])
    return start, min(start + partial[1], span[1])


def _picks_fields(item: Section) -> bool:
    return item.text in (SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT)


def _fields(item: Section, block: bytes) -> bytes:
    """HEADER.FIELDS and HEADER.FIELDS.NOT of a header, cut to the partial."""
    negate = item.text is SectionText.HEADER_FIELDS_NOT
    found = header.select_fields(block, item.fields, negate=negate)
    if item.partial is None:
        return found
    start, stop = _cut((0, len(found)), item.partial)
    return found[start:stop]


def _section(
    spelled: list[bytes], item: Section, piece: Piece, data: bytes, root: Part | None
) -> None:
    span = _span(item, piece.content, root)
    if span is None:
        spelled.append(b" %b NIL" % item.label)
        return
    if _picks_fields(item):
        whole_header = span == (piece.start, piece.stop)
        block = data if whole_header else data[span[0] - piece.start : span[1] - piece.start]
        found = _fields(item, block)
        spelled.append(b" %b {%d}\r\n%b" % (item.label, len(found), found))
        return
    start, stop = _cut(span, item.partial)
    spelled.append(b" %b {%d}\r\n" % (item.label, stop - start))
    whole = start == piece.start and stop == piece.stop
    spelled.append(data if whole else data[start - piece.start : stop - piece.start])


def _binary(spelled: list[bytes], item: Binary | BinarySize, data: bytes, root: Part) -> None:
    pieces = section.binary(data, root, item.path)
    if isinstance(item, BinarySize):
        size = 0 if pieces is None else sum(map(len, pieces))
        spelled.append(b" %b %d" % (item.label, size))
    elif pieces is None:
        spelled.append(b" %b NIL" % item.label)
    else:
        decoded = b"".join(pieces)
        start, stop = _cut((0, len(decoded)), item.partial)
        decoded = decoded[start:stop]
        # Only what holds NUL needs the literal8 that older clients do not read (RFC 3516 4.2).
        tilde = b"~" if b"\0" in decoded else b""
        spelled.append(b" %b %b%b" % (item.label, tilde, literal(decoded)))


async def _stream_section(
    session: Session,
    reading: Reading,
    item: Section,
    content: Content,
    root: Part | None,
    gap: bytes,
) -> None:
    span = _span(item, content, root)
    if span is None:
        await session.send(b"%b%b NIL" % (gap, item.label))
        return
    if _picks_fields(item):
        stop = min(span[1], span[0] + HEADER_LIMIT)
        found = _fields(item, await reading.octets(content, span[0], stop))
        await session.send(b"%b%b {%d}\r\n%b" % (gap, item.label, len(found), found))
        return
    start, stop = _cut(span, item.partial)
    await session.send(b"%b%b {%d}\r\n" % (gap, item.label, stop - start))
    try:
        for at in range(start, stop, PORTION):
            await session.send(await reading.octets(content, at, min(at + PORTION, stop)))
    except MailhubError:
        # Octets were announced that will not come: no answer could be told from them.
        session.output.close()
        raise


async def _stream_body(session: Session, item: FetchItem, body: Body | None, gap: bytes) -> None:
    if isinstance(item, BinarySize):
        size = 0 if body is None else body.size
        await session.send(b"%b%b %d" % (gap, item.label, size))
    elif isinstance(item, Binary):
        if body is None:
            await session.send(b"%b%b NIL" % (gap, item.label))
            return
        start, stop = _cut((0, body.size), item.partial)
        await session.send(b"%b%b ~{%d}\r\n" % (gap, item.label, stop - start))
        view = body.view()
        for at in range(start, stop, PORTION):
            await session.send(bytes(view[at : min(at + PORTION, stop)]))
