"""Message content on the wire: where it ends, its dot-stuffing, its line ends, its size.

Pure scanning of whole chunks, never line by line: `DotContent` for DATA (RFC 5321 section 4.5.2),
`ChunkContent` for BDAT (RFC 3030). What is kept is bounded by one chunk; a message that was found
at fault is dropped as it comes, up to its true end, so its rest is never read as commands.
"""

from __future__ import annotations

import re
from enum import Enum
from io import IncrementalNewlineDecoder

from mailhub.smtp.faults import Fault

END = b"\r\n.\r\n"
_DOT = b"\r\n."
_NEWLINE = re.compile(rb"\r\n|\r|\n")


class Newlines(Enum):
    """What to do with a CR or LF that stands alone. Passing it on would let a message that ends
    here go on elsewhere (SMTP smuggling), so it is either refused or made a CRLF."""

    REFUSE = "refuse"
    NORMALIZE = "normalize"
    KEEP = "keep"
    """For BODY=BINARYMIME, whose bytes are no lines (RFC 3030 section 3)."""


class _Content:
    """The size limit and the newline policy over pieces in which every CRLF is whole."""

    __slots__ = ("_newlines", "_room", "fault")

    def __init__(self, limit: int, newlines: Newlines) -> None:
        self._room = limit
        self._newlines = newlines
        self.fault: Fault | None = None

    def _keep(self, piece: bytes) -> bytes:
        """What of `piece` becomes part of the message: all, or nothing once there is a fault."""
        if self._newlines is not Newlines.KEEP and not only_pairs(piece):
            if self._newlines is Newlines.REFUSE:
                self.fault = Fault.BARE_NEWLINE
                return b""
            piece = _NEWLINE.sub(b"\r\n", piece)
        self._room -= len(piece)
        if self._room < 0:
            self.fault = Fault.TOO_LARGE
            return b""
        return piece

    def drop(self) -> None:
        """Keeps no more: whoever takes the message cannot. The end is still looked for."""
        if self.fault is None:
            self.fault = Fault.DROPPED


def only_pairs(piece: bytes) -> bool:
    """Whether CR and LF stand only as CRLF. The decoder notes which line ends it met, in one scan
    that makes nothing but the text."""
    seen = IncrementalNewlineDecoder(None, translate=False)
    seen.decode(piece.decode("latin-1"), final=True)
    return seen.newlines in (None, "\r\n")


class DotContent(_Content):
    """The content of one DATA command. The caller starts it on a buffer that begins with the CRLF
    that ended the command line, which also precedes the first line of the content.

    RFC 5321 section 4.5.3.1.6 caps a text line at 998 octets and asks servers to take longer ones
    where they can: lines have no limit here, the message has.
    """

    __slots__ = ("_dots", "_lead")

    def __init__(self, limit: int, newlines: Newlines) -> None:
        super().__init__(limit + 2, newlines)
        self._lead = 2
        self._dots = False

    @property
    def plain(self) -> bool:
        """At its end: whether it is known that no line begins with a dot, and that CR and LF stand
        only as CRLF."""
        return self._newlines is Newlines.REFUSE and self.fault is None and not self._dots

    def take(self, buffer: bytes, start: int) -> tuple[bytes, int, bool]:
        """From `start`: message bytes, where to go on, and whether the message has ended.

        Up to four bytes that may begin the end are left for the next call.
        """
        dot = buffer.find(_DOT, start)
        end = -1 if dot < 0 else buffer.find(END, dot)
        ended = end >= 0
        if ended:
            stop, go_on = end + 2, end + len(END)
        else:
            stop = go_on = len(buffer) - _held(buffer, start)
        if self.fault is not None or stop == start:
            return b"", go_on, ended
        piece = buffer[start:stop]
        if 0 <= dot < stop - 2:
            # The end itself is not in the piece, so each dot that starts a line was stuffed.
            piece = piece.replace(b"\r\n.", b"\r\n")
            self._dots = True
        piece = self._keep(piece)
        if self._lead and piece:
            piece = piece[self._lead :]
            self._lead = 0
        return piece, go_on, ended


def _held(buffer: bytes, start: int) -> int:
    """How many of the last bytes from `start` on are a beginning of END."""
    for length in range(min(len(END) - 1, len(buffer) - start), 0, -1):
        if buffer.endswith(END[:length]):
            return length
    return 0


class ChunkContent(_Content):
    """The content of all BDAT commands of one transaction, announced one by one."""

    __slots__ = ("_carriage_return", "_rest", "last")
    plain = False

    def __init__(self, limit: int, newlines: Newlines) -> None:
        super().__init__(limit, newlines)
        self._carriage_return = False
        self._rest = 0
        self.last = False

    def expect(self, size: int, *, last: bool) -> None:
        """The next `size` bytes are the next chunk; `last` says that none follows it."""
        self._rest = size
        self.last = last

    def take(self, buffer: bytes, start: int) -> tuple[bytes, int, bool]:
        """As `DotContent.take`. A CR at the end of what came waits for the LF that may follow,
        in the next chunk even."""
        piece = buffer[start : start + self._rest]
        self._rest -= len(piece)
        go_on = start + len(piece)
        if self.fault is not None:
            return b"", go_on, not self._rest
        complete = self.last and not self._rest
        if self._carriage_return:
            piece = b"\r" + piece
        self._carriage_return = not complete and piece.endswith(b"\r")
        if self._carriage_return:
            piece = piece[:-1]
        return self._keep(piece) if piece else b"", go_on, not self._rest
