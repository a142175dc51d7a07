"""One message whole, as people see it: its texts made harmless, what is attached, who vouches.

A message beyond `reading.LARGE` is read in ranges. What is long is converted in a worker process,
so that neither size nor malice of one message holds up the others.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from mailhub.core.listing import Listed, Listings
from mailhub.core.memories import forgotten_when_missed
from mailhub.core.reading import LARGE, Reading, length
from mailhub.core.turns import Turns
from mailhub.core.vouching import Trace, trace
from mailhub.model.errors import NotFound, TooLarge, Unavailable
from mailhub.model.message import Content
from mailhub.model.uids import UidSet
from mailhub.ports import Clock, Storage, Workers
from mailhub.wire import header, mime, sanitized, section, shown, text, transfer, words
from mailhub.wire.attachments import Attachment
from mailhub.wire.mime import Part
from mailhub.wire.shown import Shown

HTML = 640 * 1024
"""Characters of HTML, and of text, that are shown of one message."""
HEADER = 256 * 1024
"""Octets of a header that are looked at."""
AT_ONCE = 32 * 1024
"""Octets of a message whose parts are found at once."""
PIECE = 64 * 1024
"""Octets of a stream's piece, as the message has them."""
SECONDS = 2.0
"""After which a text is given up."""
FALLBACK = 16 * 1024
"""Characters shown of a text that cannot be converted."""
DIGESTS = 1000
FIELDS = ("from", "to", "cc", "date", "subject")
FIELD = 1000
"""Fields of an attached message that are shown, and characters of each."""


@dataclass(frozen=True, slots=True)
class Words:
    """One plain text. `flowed`, `delsp`: how its lines are to be joined (RFC 3676 section 4)."""

    text: str
    flowed: bool = False
    delsp: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A whole message. `html`: one document for each text. `digests`: SHA-256 of each attachment's
    content, in hex. `words`: the texts of which `text` is put together. `rich`: one of them is
    HTML. `cut`: it is longer than what is shown."""

    listed: Listed
    html: Sequence[str]
    text: str
    digests: Sequence[str]
    trace: Trace
    words: Sequence[Words] = ()
    rich: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Inside:
    """A message that is attached to another one. `header`: some of its fields, decoded, by name in
    lower case; the rest as `View` has it."""

    header: Mapping[str, str]
    html: Sequence[str]
    words: Sequence[Words]
    rich: bool
    cut: bool


@dataclass(frozen=True, slots=True)
class Stream:
    """Octets of a message or of an attachment. `size`: known for a message only."""

    attachment: Attachment | None
    size: int | None
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Address:
    """Which message: in a mailbox by UID, or in the archive (mailbox 0) by its number."""

    account: int
    mailbox: int
    number: int


@dataclass(slots=True)
class _Open:
    """A message that is being read: all of it, or the way to its ranges."""

    content: Content
    reading: Reading
    data: bytes | None
    root: Part = field(default_factory=lambda: Part(0))
    cut: bool = False

    async def read(self, start: int, stop: int) -> bytes:
        """One range, at most `LARGE` octets."""
        if self.data is not None:
            return self.data[start:stop]
        return await self.reading.octets(self.content, start, stop)


class Views:
    """For the whole process. `authserv_id`: this server's name in Authentication-Results."""

    def __init__(
        self,
        storage: Storage,
        listings: Listings,
        reading: Reading,
        clock: Clock,
        workers: Workers | None,
        authserv_id: str,
    ) -> None:
        self._storage = storage
        self._listings = listings
        self._reading = reading
        self._clock = clock
        self._workers = workers
        self._authserv_id = authserv_id
        self._digests: OrderedDict[tuple[int, int], Sequence[str]] = OrderedDict()
        forgotten_when_missed(storage, self._digests)

    async def view(self, at: Address, link: str = "", *, digests: bool = True) -> View:
        """The message. `link`: a path that ids of attachments are put behind, for pictures inside
        the text; else they are `attachment:` and the id. `digests`: what is attached is read, too.
        Raises NotFound, Corrupt, Unavailable."""
        listed = await self._find(at)
        opened = await self._open(at)
        found = shown.texts(opened.root)
        parts = {one.cid: one.id for one in listed.facts.structure.attachments if one.cid}
        html, plain = await self._texts(opened, found, parts, link)
        return View(
            listed,
            html,
            "\n".join(one.text for one in plain),
            await self._digest(at, opened, listed) if digests else (),
            await self._trace(opened),
            plain,
            any(one.html is not None for one in found),
            opened.cut,
        )

    async def inside(self, at: Address, id: str) -> Inside:
        """A message that is attached, without pictures. Raises NotFound (NoAttachment for what is
        no message, or a coded one), Corrupt, Unavailable."""
        listed = await self._find(at)
        opened = await self._open(at)
        wanted = next((one for one in listed.facts.structure.attachments if one.id == id), None)
        part = section.part_at(opened.root, wanted.path) if wanted is not None else None
        if part is None or part.message is None:
            raise NoAttachment("This attachment is no message that can be shown")
        inner = part.message
        block = await opened.read(inner.start, min(inner.body, inner.start + HEADER))
        found = shown.texts(inner)
        html, plain = await self._texts(opened, found, {}, "")
        fields = {
            name: words.decode(values[0])[:FIELD]
            for name in FIELDS
            if (values := header.values(block, name.encode()))
        }
        rich = any(one.html is not None for one in found)
        return Inside(fields, html, plain, rich, opened.cut)

    async def source(self, at: Address) -> Stream:
        """The message byte for byte. Raises NotFound, Corrupt, Unavailable: before any piece."""
        opened = _Open(await self._content(at), self._reading, None)
        size = length(opened.content)
        first = await opened.read(0, min(PIECE, size))
        return Stream(None, size, _ranges(opened, first, 0, size))

    async def attachment(self, at: Address, id: str) -> Stream:
        """An attachment without its transfer encoding. Raises NotFound (field `attachment` where
        it is not the message that is missing), Corrupt, Unavailable: before any piece."""
        listed = await self._find(at)
        wanted = next((one for one in listed.facts.structure.attachments if one.id == id), None)
        if wanted is None:
            raise NoAttachment("This attachment does not exist")
        opened = await self._open(at)
        part = section.part_at(opened.root, wanted.path)
        if part is None:
            raise NoAttachment("This attachment does not exist")
        first = await opened.read(part.body, min(part.body + PIECE, part.end))
        pieces = _ranges(opened, first, part.body, part.end)
        return Stream(wanted, None, _decoded(pieces, part.encoding))

    async def trace(self, at: Address) -> Trace:
        """What its header says of the way. Raises NotFound, Corrupt, Unavailable."""
        return await self._trace(_Open(await self._content(at), self._reading, None))

    async def headers(
        self, account: int, mailbox: int, uids: Sequence[int], names: Sequence[str]
    ) -> dict[int, dict[str, list[str]]]:
        """The decoded values of some header fields of messages of a mailbox, by UID."""
        found: dict[int, dict[str, list[str]]] = {}
        pieces = self._reading.pieces(account, mailbox, sorted(uids), _beginning)
        turns = Turns(self._clock)
        try:
            while portion := await pieces.next():
                for piece in portion:
                    block = piece.data or b""
                    found[piece.content.uid] = {
                        name: [words.decode(one) for one in header.values(block, name.encode())]
                        for name in names
                    }
                    await turns.rest()
        finally:
            pieces.close()
        return found

    # -- finding

    async def _find(self, at: Address) -> Listed:
        if at.mailbox:
            return await self._listings.one(at.account, at.mailbox, at.number)
        return await self._listings.one_archived(at.account, at.number)

    async def _content(self, at: Address) -> Content:
        if at.mailbox:
            one = UidSet(((at.number, at.number),))
            for content in await self._storage.messages.contents(at.account, at.mailbox, one):
                return content
            raise NotFound("This message does not exist")
        found = await self._storage.archive.content(at.account, at.number)
        if found is None:
            raise NotFound("This message does not exist")
        return found

    async def _open(self, at: Address) -> _Open:
        content = await self._content(at)
        size = length(content)
        if size > LARGE:
            root = await self._reading.structure(at.account, at.mailbox, content)
            return _Open(content, self._reading, None, root)
        data = await self._reading.octets(content, 0, size)
        if size <= AT_ONCE:
            return _Open(content, self._reading, data, mime.scan(data))
        return _Open(content, self._reading, data, await self._reading.scanned(data))

    # -- texts

    async def _texts(
        self, opened: _Open, found: Sequence[Shown], parts: Mapping[str, str], link: str
    ) -> tuple[list[str], list[Words]]:
        left = room = HTML
        html: list[str] = []
        plain: list[Words] = []
        turns = Turns(self._clock)
        for one in found:
            if left <= 0 or room <= 0:
                opened.cut = True
                break
            page, lines = await self._text(opened, one, parts, link, min(left, room))
            if page:
                html.append(page[:left])
                left -= len(page)
            if lines:
                plain.append(_words(lines[:room], one.plain))
                room -= len(lines)
            opened.cut |= left < 0 or room < 0
            await turns.rest()
        return html, plain

    async def _text(
        self, opened: _Open, one: Shown, parts: Mapping[str, str], link: str, limit: int
    ) -> tuple[str, str]:
        """(HTML, text) of one text."""
        plain = await self._source(opened, one.plain, limit) if one.plain is not None else None
        if one.html is None:
            source = plain or ""
            return (await self._converted(source, False, {}, ""))[0], source
        source = await self._source(opened, one.html, limit)
        page, lines = await self._converted(source, True, parts, link)
        return page, lines if plain is None else plain

    async def _source(self, opened: _Open, part: Part, limit: int) -> str:
        """The decoded text of a part, at most so many characters of it."""
        stop = min(part.end, part.body + min(LARGE, 4 * limit))
        decoder = transfer.Decoder(part.encoding)
        turns = Turns(self._clock)
        content: list[bytes] = []
        for at in range(part.body, stop, PIECE):
            content.append(decoder.feed(await opened.read(at, min(at + PIECE, stop))))
            await turns.rest()
        content.append(decoder.finish())
        read = text.read(b"".join(content), part, more=stop < part.end)
        opened.cut |= stop < part.end or len(read) > limit
        return read[:limit].replace("\0", "")

    async def _converted(
        self, source: str, is_html: bool, parts: Mapping[str, str], link: str
    ) -> tuple[str, str]:
        """(HTML that can be shown, text)."""
        if self._workers is None or sanitized.small(source):
            if is_html:
                return sanitized.clean(source, parts, link), text.readable(source)
            return sanitized.from_plain(source), source
        given = {"html": is_html, "parts": dict(parts), "link": link}
        data = source.encode("utf-8", "replace")
        try:
            done = json.loads(await self._workers.run("show", data, given, SECONDS))
        except (TooLarge, Unavailable):
            rest = text.from_html(source[:FALLBACK]) if is_html else source[:FALLBACK]
            return sanitized.from_plain(rest), rest
        await self._clock.pause()
        return done["html"], done["text"]

    # -- the rest

    async def _digest(self, at: Address, opened: _Open, listed: Listed) -> Sequence[str]:
        attached = listed.facts.structure.attachments
        if not attached:
            return ()
        key = at.account, listed.row.content
        known = self._digests.get(key)
        if known is None:
            turns = Turns(self._clock)
            known = [await _sha256(opened, one, turns) for one in attached]
            self._digests[key] = known
            if len(self._digests) > DIGESTS:
                self._digests.popitem(last=False)
        return known

    async def _header(self, opened: _Open) -> bytes:
        return await opened.read(0, min(opened.content.header_length, HEADER))

    async def _trace(self, opened: _Open) -> Trace:
        return trace(await self._header(opened), self._authserv_id)


def _beginning(content: Content) -> tuple[int, int]:
    return 0, min(content.header_length, HEADER)


class NoAttachment(NotFound):
    """The message is there, the attachment is not."""


def _words(lines: str, part: Part | None) -> Words:
    """What a part says of its own lines; where there is none, they are made of HTML."""
    if part is None:
        return Words(lines)
    said = part.content.parameter
    flowed = said(b"format").lower() == b"flowed"
    return Words(lines, flowed, flowed and said(b"delsp").lower() == b"yes")


async def _ranges(opened: _Open, first: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
    """[start, stop) in pieces; the first of them was read already."""
    yield first
    at = start + len(first)
    while at < stop:
        piece = await opened.read(at, min(at + PIECE, stop))
        at += len(piece)
        yield piece


async def _decoded(pieces: AsyncIterator[bytes], encoding: bytes) -> AsyncIterator[bytes]:
    decoder = transfer.Decoder(encoding)
    async for piece in pieces:
        if content := decoder.feed(piece):
            yield content
    if content := decoder.finish():
        yield content


async def _sha256(opened: _Open, one: Attachment, turns: Turns) -> str:
    part = section.part_at(opened.root, one.path)
    digest = sha256()
    if part is not None:
        decoder = transfer.Decoder(part.encoding)
        for at in range(part.body, part.end, PIECE):
            digest.update(decoder.feed(await opened.read(at, min(at + PIECE, part.end))))
            await turns.rest()
        digest.update(decoder.finish())
    return digest.hexdigest()
