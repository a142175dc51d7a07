"""The message as it goes on the wire: line ends, dot-stuffing, and whether it is 8-bit.

Works on whole pieces, never line by line; memory is bounded by one piece. What was stored with a
bare CR or LF leaves with CRLF: else it could end here and go on elsewhere (SMTP smuggling).
"""

from __future__ import annotations

import re

from mailhub.ports import Message
from mailhub.smtp.content import only_pairs

PIECE = 256 * 1024
"""Octets read and sent at a time; a message up to this size is kept whole."""
_NEWLINE = re.compile(rb"\r\n|\r|\n")
_HEADER_END = re.compile(rb"\r?\n\r?\n")


class Content:
    """A message to be sent, read as often as servers are tried."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.size = message.size
        self._whole: bytes | None = None
        self._eight_bit: bool | None = None
        self._eight_bit_header: bool | None = None

    @property
    def small(self) -> bool:
        """Whether it is one piece."""
        return self.size <= PIECE

    async def piece(self, start: int) -> bytes:
        """Octets from `start` on. Raises Corrupt, Unavailable."""
        if not self.small:
            return await self.message.read(start, min(start + PIECE, self.size))
        if self._whole is None:
            self._whole = await self.message.read(0, self.size)
        return self._whole[start:] if start else self._whole

    async def eight_bit(self) -> bool:
        """Whether any octet is above 127."""
        if self._eight_bit is None:
            self._eight_bit = False
            for start in range(0, self.size, PIECE):
                if not (await self.piece(start)).isascii():
                    self._eight_bit = True
                    break
        return self._eight_bit

    async def eight_bit_header(self) -> bool:
        """Whether the message's own header has such octets (RFC 6532)."""
        if self._eight_bit_header is None:
            self._eight_bit_header = await self._look_at_header()
        return self._eight_bit_header

    async def _look_at_header(self) -> bool:
        tail = b"\n"  # a message may begin with its empty line
        for start in range(0, self.size, PIECE):
            piece = tail + await self.piece(start)
            end = _HEADER_END.search(piece)
            if not piece[: end.start() if end else None].isascii():
                return True
            if end is not None:
                return False
            tail = piece[-3:]
        return False


class Lines:
    """Makes every line end CRLF, and the last line have one. `feed` pieces, then `end`."""

    __slots__ = ("_carriage_return", "_line_start")

    def __init__(self) -> None:
        self._carriage_return = False
        self._line_start = True

    def feed(self, piece: bytes) -> bytes:
        """The piece as it leaves. A CR at its end waits for the LF that may follow."""
        if self._carriage_return:
            piece = b"\r" + piece
        self._carriage_return = piece.endswith(b"\r")
        if self._carriage_return:
            piece = piece[:-1]
        if not only_pairs(piece):
            piece = _NEWLINE.sub(b"\r\n", piece)
        if piece:
            self._line_start = piece.endswith(b"\n")
        return piece

    def end(self) -> bytes:
        """What comes behind the last piece."""
        return b"" if self._line_start and not self._carriage_return else b"\r\n"


class Dots(Lines):
    """The content of DATA: dots at the start of a line are doubled (RFC 5321 4.5.2)."""

    __slots__ = ()

    def feed(self, piece: bytes) -> bytes:
        """As `Lines.feed`."""
        line_start = self._line_start
        piece = super().feed(piece)
        piece = piece.replace(b"\r\n.", b"\r\n..")
        if line_start and piece.startswith(b"."):
            piece = b"." + piece
        return piece

    def end(self) -> bytes:
        """The end of the message."""
        return super().end() + b".\r\n"


class Plain(Lines):
    """The content of DATA where it is known that it can go as it is (`ports.Spool`)."""

    __slots__ = ()

    def feed(self, piece: bytes) -> bytes:
        """The same."""
        return piece

    def end(self) -> bytes:
        """The end of the message."""
        return b".\r\n"


class Raw(Lines):
    """BODY=BINARYMIME: octets that are no lines (RFC 3030 section 3)."""

    __slots__ = ()

    def feed(self, piece: bytes) -> bytes:
        """The piece as it is."""
        return piece

    def end(self) -> bytes:
        """Nothing."""
        return b""
