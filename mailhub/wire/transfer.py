"""Content transfer encodings, decoded as far as the bytes allow (RFC 2045 section 6).

Decoders are tolerant: what mail software of thirty years has broken still yields its readable
part. Nothing here raises on any bytes.
"""

from __future__ import annotations

import binascii
import re
import string
from collections.abc import Iterator

from mailhub.wire.slices import Buffer

SLICE = 64 * 1024
"""Bytes decoded in one step."""
_IDENTITY = frozenset({b"", b"7bit", b"8bit", b"binary"})
_ALPHABET = (string.ascii_letters + string.digits + "+/=").encode("ascii")
_FOREIGN = bytes(sorted(set(range(256)) - set(_ALPHABET)))
_INNER_PADDING = re.compile(rb"=++(?=[^=])")
_NO_SOFT_BREAK = re.compile(rb"=(?=\r++[^\r\n])")
_LINE_END_SPACE = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")


def known(encoding: bytes) -> bool:
    """Whether this encoding (folded case) can be decoded."""
    return encoding in _IDENTITY or encoding == b"base64" or encoding == b"quoted-printable"


def decode(data: bytes, encoding: bytes) -> bytes:
    """The content behind `encoding` (folded case); of an unknown one, the bytes as they are."""
    if encoding == b"base64":
        return from_base64(data)
    if encoding == b"quoted-printable":
        return from_quoted_printable(data)
    return data


class Decoder:
    """`decode` of content that comes in pieces, cut anywhere."""

    __slots__ = ("_carry", "_encoding")

    def __init__(self, encoding: bytes) -> None:
        self._encoding = encoding
        self._carry = b""

    def feed(self, piece: bytes) -> bytes:
        """What is certain after this piece."""
        if self._encoding == b"base64":
            clean = self._carry + piece.translate(None, _FOREIGN)
            cut = len(clean) - (len(clean) - clean.rfind(b"=") - 1) % 4
            self._carry = clean[cut:]
            return from_base64(clean[:cut])
        if self._encoding == b"quoted-printable":
            piece = self._carry + piece
            cut = _quoted_printable_cut(piece)
            self._carry = piece[cut:]
            return from_quoted_printable(piece[:cut])
        return piece

    def finish(self) -> bytes:
        """What is left at the end."""
        carry, self._carry = self._carry, b""
        return decode(carry, self._encoding) if carry else b""


def decoding(data: Buffer, start: int, stop: int, encoding: bytes) -> Iterator[bytes]:
    """`decode` of data[start:stop] in pieces, each from at most about `SLICE` bytes."""
    decoder = Decoder(encoding)
    for at in range(start, stop, SLICE):
        if piece := decoder.feed(bytes(data[at : min(at + SLICE, stop)])):
            yield piece
    if piece := decoder.finish():
        yield piece


def _quoted_printable_cut(piece: bytes) -> int:
    """Where quoted-printable may be cut: behind a line, or before what may go on as `=XX`, a
    soft line break or the spaces of a line's end."""
    line = piece.rfind(b"\n") + 1
    if line:
        return line
    cut = len(piece.rstrip(b" \t\r="))
    if piece[cut - 2 : cut - 1] == b"=":
        cut = len(piece[: cut - 1].rstrip(b"="))
    return cut or len(piece)


def from_base64(data: bytes) -> bytes:
    """Base64 without regard to characters outside its alphabet (RFC 2045 6.8).

    Padding inside ends one run and another may follow, as where blocks were encoded one by one
    and joined. A last lone character, which holds no whole byte, is dropped.
    """
    clean = data.translate(None, _FOREIGN)
    if b"=" not in clean.rstrip(b"="):
        return _run(clean)
    return b"".join(_run(run) for run in _INNER_PADDING.split(clean))


def _run(run: bytes) -> bytes:
    run = run.rstrip(b"=")
    if len(run) % 4 == 1:
        run = run[:-1]
    return binascii.a2b_base64(run + b"=" * (-len(run) % 4))


def from_quoted_printable(data: bytes) -> bytes:
    """Quoted-printable; an `=` that starts nothing stands for itself (RFC 2045 6.7, note 1)."""
    if b" \r" in data or b"\t\r" in data or b" \n" in data or b"\t\n" in data:
        data = _LINE_END_SPACE.sub(b"", data)
    if data.count(b"=\r") != data.count(b"=\r\n"):
        # Behind `=` and a lone CR, a2b_qp would drop all up to the next LF.
        data = _NO_SOFT_BREAK.sub(b"=3D", data)
    return binascii.a2b_qp(data)
