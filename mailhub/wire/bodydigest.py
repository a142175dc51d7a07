"""Digests of a message's body in DKIM's two canonical forms (RFC 6376 3.4.3, 3.4.4), for verifying.

A body comes piece by piece and nothing of it is kept, so that a caller can stop between pieces and
let others run. Work grows with the length alone, whatever the octets are: each step is one search
or replacement over a whole piece.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_LINE_ENDS = b"\r\n" * 4096


class BodyDigests:
    """SHA-256 of one canonical form of a body, and of its first octets.

    `limits`: after how many octets a digest ends (`l=`); None: with the body. `size`: octets of
    the canonical form so far.
    """

    __slots__ = ("_hashes", "_lines", "_relaxed", "_tail", "size")

    def __init__(self, limits: Iterable[int | None] = (None,), *, relaxed: bool) -> None:
        self._hashes = {limit: hashlib.sha256() for limit in limits}
        self._relaxed = relaxed
        self._lines = 0
        """Line ends that nothing came behind yet."""
        self._tail = b""
        """A space, a CR or both, whose meaning hangs on what comes."""
        self.size = 0

    def feed(self, piece: bytes) -> None:
        """The next octets of the body."""
        text = self._tail + piece
        if self._relaxed:
            text = _single_spaces(text).replace(b" \r\n", b"\r\n")
        end = len(text)
        if text.endswith(b"\r"):
            end -= 1
        if self._relaxed and text.endswith(b" ", 0, end):
            end -= 1
        self._tail = text[end:]
        content = _without_line_ends(text, end)
        if content:
            self._put_lines()
            self._put(text[:content] if content < len(text) else text)
        self._lines += (end - content) // 2

    def finish(self) -> None:
        """The body has ended. A last line without its end gets one; an empty body stays empty in
        relaxed form and is one line end in simple form."""
        rest = self._tail.removeprefix(b" ") if self._relaxed else self._tail
        if rest:
            self._put_lines()
            self._put(self._tail)
        if self.size or not self._relaxed:
            self._put(b"\r\n")

    def digest(self, limit: int | None = None) -> bytes:
        """Of the whole body, or of its first octets."""
        return self._hashes[limit].digest()

    def _put_lines(self) -> None:
        while self._lines:
            many = min(self._lines, len(_LINE_ENDS) // 2)
            self._put(_LINE_ENDS[: 2 * many])
            self._lines -= many

    def _put(self, text: bytes) -> None:
        for limit, running in self._hashes.items():
            if limit is None:
                running.update(text)
            elif limit > self.size:
                running.update(text[: limit - self.size])
        self.size += len(text)


def _single_spaces(text: bytes) -> bytes:
    """Every run of spaces and tabs as one space: each pass halves the runs."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


def _without_line_ends(text: bytes, end: int) -> int:
    """Where the run of CRLFs that ends at `end` begins; `end` where there is none."""
    start = len(text[:end].rstrip(b"\r\n"))
    # CR and LF that stand alone are content: the run is what pairs up from its end.
    pairs = text[start:end].replace(b"\r\n", b"\0")
    return end - 2 * (len(pairs) - len(pairs.rstrip(b"\0")))
