"""Relaxed canonicalization of header fields and bodies (RFC 6376 3.4.2, 3.4.4), for signing.

A body comes in pieces of any size and only its digest is kept, so a message of any length is
signed in bounded memory. Every step is a search or replacement over a whole piece: none looks at
single octets. Verifying is done elsewhere and by other code.
"""

from __future__ import annotations

import hashlib

CRLF = b"\r\n"


def relaxed_value(value: bytes) -> bytes:
    """A field's value on one line, with single spaces, and none at its ends."""
    value = _single_spaces(value.replace(b"\r\n", b"").replace(b"\n", b""))
    return value.strip(b" ")


def relaxed_field(name: bytes, value: bytes) -> bytes:
    """`name:value` without the line end. `name`: in any case, without the colon."""
    return b"%b:%b" % (name.lower().rstrip(b" \t"), relaxed_value(value))


def _single_spaces(text: bytes) -> bytes:
    """Every run of spaces and tabs as one space: each pass halves the runs."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


class RelaxedBodyHash:
    """The SHA-256 of a body in relaxed form, fed piece by piece.

    Line ends at the end of the body do not count, and nobody knows where that is before it comes:
    so the digest runs on, and `_settled` remembers how it stood before the last of them.
    """

    __slots__ = ("_empty", "_running", "_settled", "_tail")

    def __init__(self) -> None:
        self._running = hashlib.sha256()
        self._settled = self._running.copy()
        self._tail = b""
        self._empty = True

    def feed(self, piece: bytes) -> None:
        """The next octets of the body."""
        text = _single_spaces(self._tail + piece).replace(b" \r\n", CRLF)
        end = len(text) - len(_unfinished(text))
        content = _lines_start(text, end)
        if content:
            self._running.update(text[:content])
            self._settled = self._running.copy()
            self._empty = False
        self._running.update(text[content:end])
        self._tail = text[end:]

    def digest(self) -> bytes:
        """The digest of all that was fed. A last line without its end gets one, as every server
        on the way gives it one; an empty body stays empty."""
        if self._tail.endswith(b"\r"):
            last = self._running.copy()
            last.update(self._tail + CRLF)
            return last.digest()
        if self._empty:
            return hashlib.sha256().digest()
        last = self._settled.copy()
        last.update(CRLF)
        return last.digest()


def _unfinished(text: bytes) -> bytes:
    """The end of a piece that the next one may turn into a line end or into one space."""
    for ending in (b" \r", b"\r", b" "):
        if text.endswith(ending):
            return ending
    return b""


def _lines_start(text: bytes, end: int) -> int:
    """Where the run of CRLFs that ends at `end` begins; `end` where there is none."""
    if not text.endswith(CRLF, 0, end):
        return end
    start = len(text[:end].rstrip(CRLF))
    # Among the last CRs and LFs, a run ends where one of them stands alone.
    start = max(start, text.rfind(b"\r\r", start, end) + 1, text.rfind(b"\n\n", start, end) + 1)
    return start + (text[start : start + 1] == b"\n")
