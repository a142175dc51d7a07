"""The text of a message for who answers it, or writes on at it: plain, in whole paragraphs.

How a message is shown is `core.viewing`'s; what is answered with it, `core.drafting`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.core.octets import content_of
from mailhub.core.reading import LARGE, Reading, length
from mailhub.core.turns import Turns, run
from mailhub.core.viewing import Address, Views
from mailhub.model.mailbox import Mailbox
from mailhub.model.message import Content
from mailhub.ports import Clock, Storage
from mailhub.wire import flowed, header, shown, text, transfer
from mailhub.wire.mime import Part

TEXT = 1536 * 1024
"""Octets of a text that are read."""
HEADER = 256 * 1024
STEP = 32 * 1024
_PLAIN = (b"text/plain", b"multipart/mixed")


@dataclass(frozen=True, slots=True)
class Wording:
    """`block`: the message's header. `text`: with a paragraph in each line, where its writer said
    so. `plain`: the message is this text, and what is attached to it, and nothing else. `cut`: it
    goes on behind."""

    block: bytes
    text: str
    plain: bool
    cut: bool = False

    def values(self, name: bytes) -> Sequence[bytes]:
        """The raw values of a header field."""
        return header.values(self.block, name)


class Wordings:
    """Those of every message."""

    def __init__(self, storage: Storage, reading: Reading, views: Views, clock: Clock) -> None:
        self._storage = storage
        self._reading = reading
        self._views = views
        self._clock = clock

    async def of(self, box: Mailbox, uid: int) -> Wording:
        """One message's. Raises NotFound, Corrupt, Unavailable."""
        content = await content_of(self._storage, box, uid)
        block = await self._reading.octets(content, 0, min(content.header_length, HEADER))
        root = await self._structure(box, content)
        found = shown.texts(root)
        parts = [one.plain for one in found if one.plain is not None]
        alone = len(found) <= 1 and len(parts) == len(found)
        plain = alone and root.content.media in _PLAIN and all(one.html is None for one in found)
        if len(parts) < len(found):
            view = await self._views.view(Address(box.account, box.number, uid))
            return Wording(block, view.text[:TEXT], False, len(view.text) > TEXT)
        texts = [await self._text(content, part) for part in parts]
        cut = any(part.end - part.body > TEXT for part in parts)
        return Wording(block, "\n".join(texts), plain, cut)

    async def _structure(self, box: Mailbox, content: Content) -> Part:
        size = length(content)
        if size > LARGE:
            return await self._reading.structure(box.account, box.number, content)
        return await self._reading.scanned(await self._reading.octets(content, 0, size))

    async def _text(self, content: Content, part: Part) -> str:
        decoder, turns = transfer.Decoder(part.encoding), Turns(self._clock)
        stop = min(part.end, part.body + TEXT)
        pieces = []
        for at in range(part.body, stop, STEP):
            pieces.append(
                decoder.feed(await self._reading.octets(content, at, min(at + STEP, stop)))
            )
            await turns.rest()
        pieces.append(decoder.finish())
        words = text.read(b"".join(pieces), part, more=stop < part.end)
        lines = "\n".join(flowed.lines(words)).removesuffix("\n")
        told = part.content.parameter
        if told(b"format").lower() != b"flowed":
            return lines
        return await run(flowed.unflowing(lines, delsp=told(b"delsp").lower() == b"yes"), turns)
