"""One message whole, as people see it: its texts made harmless, what is attached, who vouches.

A message beyond `reading.LARGE` is read in ranges. What is long is converted in a worker process,
so that neither size nor malice of one message holds up the others.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from mailhub.core.listing import Listed, Listings
from mailhub.core.reading import LARGE, Reading, length
from mailhub.core.turns import Turns
from mailhub.model.errors import NotFound, TooLarge, Unavailable
from mailhub.model.message import Content
from mailhub.model.uids import UidSet
from mailhub.policy import sealing
from mailhub.policy.authres import Result
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
_SECURED = re.compile(rb"\((TLSv[0-9.]+|SSLv[0-9.]+) ([A-Z0-9_-]+)\)")
_PROTOCOL = re.compile(rb"\bwith ([A-Za-z0-9]{1,20}) id ")


@dataclass(frozen=True, slots=True)
class Vouched:
    """What this server found when the message came. `spf`, `dkim`: the domain that passed, or
    empty. `tls`: version and cipher of the connection."""

    tls: tuple[str, str] | None
    spf: str
    dkim: str
    results: Sequence[Result] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """What the header says of the way. `vouched`: None where this server did not judge it."""

    sender: str
    recipients: Sequence[str]
    protocol: str
    list_id: str
    unsubscribe: str
    vouched: Vouched | None


@dataclass(frozen=True, slots=True)
class View:
    """A whole message. `html`: one document for each text. `digests`: SHA-256 of each attachment's
    content, in hex."""

    listed: Listed
    html: Sequence[str]
    text: str
    digests: Sequence[str]
    trace: Trace


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

    async def view(self, at: Address, link: str = "") -> View:
        """The message. `link`: a path that ids of attachments are put behind, for pictures inside
        the text; else they are `attachment:` and the id. Raises NotFound, Corrupt, Unavailable."""
        listed = await self._find(at)
        opened = await self._open(at)
        html, plain = await self._texts(opened, listed, link)
        return View(
            listed,
            html,
            plain,
            await self._digest(at, opened, listed),
            await self._trace(opened),
        )

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

    async def _texts(self, opened: _Open, listed: Listed, link: str) -> tuple[list[str], str]:
        parts = {one.cid: one.id for one in listed.facts.structure.attachments if one.cid}
        left = room = HTML
        html: list[str] = []
        plain: list[str] = []
        turns = Turns(self._clock)
        for one in shown.texts(opened.root):
            if left <= 0 or room <= 0:
                break
            page, lines = await self._text(opened, one, parts, link, min(left, room))
            if page:
                html.append(page[:left])
                left -= len(page)
            if lines:
                plain.append(lines[:room])
                room -= len(lines)
            await turns.rest()
        return html, "\n".join(plain)

    async def _text(
        self, opened: _Open, one: Shown, parts: dict[str, str], link: str, limit: int
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
        return text.read(b"".join(content), part, more=stop < part.end)[:limit].replace("\0", "")

    async def _converted(
        self, source: str, is_html: bool, parts: dict[str, str], link: str
    ) -> tuple[str, str]:
        """(HTML that can be shown, text)."""
        if self._workers is None or sanitized.small(source):
            if is_html:
                return sanitized.clean(source, parts, link), text.readable(source)
            return sanitized.from_plain(source), source
        given = {"html": is_html, "parts": parts, "link": link}
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
        block = await self._header(opened)

        def first(name: bytes) -> str:
            found = header.values(block, name)
            return words.decode(found[0]) if found else ""

        received = next(iter(header.values(block, b"received")), b"")
        protocol = _PROTOCOL.search(received)
        return Trace(
            sender=first(b"return-path").strip("<> "),
            recipients=[words.decode(one) for one in header.values(block, b"delivered-to")[:1]],
            protocol=protocol[1].decode() if protocol else "",
            list_id=first(b"list-id"),
            unsubscribe=first(b"list-unsubscribe"),
            vouched=self._vouched(block, received),
        )

    def _vouched(self, block: bytes, received: bytes) -> Vouched | None:
        """Only a field under our own name counts: others' were removed when the message came."""
        found = sealing.judgement(block, self._authserv_id) if self._authserv_id else None
        if found is None:
            return None
        results = found[1].results
        secured = _SECURED.search(words.unfold(received))
        tls = (secured[1].decode(), secured[2].decode()) if secured else None
        return Vouched(
            tls,
            _passed(results, "spf", ("smtp.mailfrom", "smtp.helo")),
            _passed(results, "dkim", ("header.d", "header.i")),
            results,
        )


def _beginning(content: Content) -> tuple[int, int]:
    return 0, min(content.header_length, HEADER)


class NoAttachment(NotFound):
    """The message is there, the attachment is not."""


def _passed(results: Sequence[Result], method: str, names: Sequence[str]) -> str:
    for one in results:
        if one.method == method and one.result == "pass":
            for name in names:
                if value := one.get(name):
                    return value.rpartition("@")[2]
    return ""


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
