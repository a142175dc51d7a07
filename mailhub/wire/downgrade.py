"""An 8-bit or binary message made 7-bit, for servers that take nothing else (RFC 6152 section 3).

Leaf parts become quoted-printable or base64, whichever is shorter or possible; their bytes behind
the encoding stay the same but for line ends of text. Headers cannot be made 7-bit without changing
what they say: a message that has such ones cannot be converted. Signatures over what is changed
break; that is the price of the other side's age.

Pure, in pieces of bounded size; the caller owns the bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Generator, Iterator

from mailhub.model.errors import Unsupported
from mailhub.wire import contenttype, mime
from mailhub.wire.mime import Part
from mailhub.wire.slices import Buffer

PIECE = 57 * 4 * 256
"""Octets converted in one step: whole lines of base64."""
LINE = 76
"""Characters of an encoded line (RFC 2045 6.7, 6.8)."""
LONGEST_LINE = 998
"""Octets of a line that needs no encoding (RFC 5321 4.5.3.1.6)."""
_IDENTITY = frozenset({b"", b"7bit", b"8bit", b"binary"})
_CONVERTIBLE = _IDENTITY | {b"quoted-printable", b"base64"}
_NEWLINE = re.compile(rb"\r\n|\r|\n")
_ENCODING_FIELD = re.compile(
    rb"(?:\A|(?<=\n))content-transfer-encoding[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+(?:\n|\Z)",
    re.IGNORECASE,
)
_MIME_VERSION = re.compile(rb"(?:\A|\n)mime-version[ \t]*+:", re.IGNORECASE)
_CONTENT_TYPE = re.compile(rb"(?:\A|\n)content-type[ \t]*+:", re.IGNORECASE)
_EIGHT_BIT = bytes(range(128, 256))
_ENCODED_LINE = re.compile(rb".{1,%d}" % LINE)
_PLACEHOLDERS = bytes(range(128)) + b"?" * 128


Pieces = Generator[bytes, None, None]
"""Octets of the converted message; empty ones only let others run."""


def seven_bit(data: Buffer) -> Pieces:
    """The converted message, a few milliseconds a piece. Raises Unsupported, before any octet, for
    8-bit octets in a header, in a part of an unknown encoding, or in one that lies too deep to be
    looked into. `data` must not change until it ends."""
    root = yield from _scanned(data)
    parts = list(root.walk())
    for part in parts:
        yield from _check(data, part)
    position = 0
    for part in parts:
        yield from _around(data, position, part.start)
        leaf = not part.multipart and part.message is None
        kind = (yield from _kind(data, part)) if leaf else b"7bit"
        header = _piece(data, part.start, part.body)
        yield _header(header, part, kind, root=part is root)
        position = part.body
        if leaf:
            yield from _body(data, part, kind)
            position = part.end
    yield from _around(data, position, len(data))


def _scanned(data: Buffer) -> Generator[bytes, None, Part]:
    steps = mime.scanning(data)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            root: Part = stop.value
            return root
        yield b""


def _check(data: Buffer, part: Part) -> Pieces:
    if not _piece(data, part.start, part.body).isascii():
        raise Unsupported("A header has 8-bit octets, which the next server does not take")
    if part.multipart or part.message is not None:
        return
    value = part.field(b"content-type")
    media = part.content.media if value is None else contenttype.parse(value).media
    composite = media.startswith((b"multipart/", b"message/"))
    if not composite and part.encoding in _CONVERTIBLE:
        return
    for piece in _cut(data, part.body, part.end):
        if not piece.isascii():
            raise Unsupported("A part has 8-bit octets that cannot be encoded")
        yield b""


def _kind(data: Buffer, part: Part) -> Generator[bytes, None, bytes]:
    """The encoding that a leaf leaves with; empty: as it is."""
    encoding = part.encoding
    if encoding not in _IDENTITY:
        return b""
    high = line = longest = 0
    text = part.content.maintype.lower() == b"text"
    plain = True
    for piece in _cut(data, part.body, part.end):
        high += len(piece) - len(piece.translate(None, _EIGHT_BIT))
        plain = plain and b"\0" not in piece
        if encoding == b"binary":
            first, *others = map(len, piece.split(b"\n"))
            longest = max(longest, line + first, *others)
            line = others[-1] if others else line + first
        yield b""
    if encoding == b"binary" and not (plain and text):
        return b"base64"
    if not high and longest <= LONGEST_LINE:
        return b"7bit" if encoding in (b"8bit", b"binary") else b""
    # Quoted-printable costs two octets more for each that is encoded, base64 a third of all.
    return b"quoted-printable" if text and plain and high * 6 <= part.end - part.body else b"base64"


def _header(header: bytes, part: Part, kind: bytes, *, root: bool) -> bytes:
    """A part's header with the encoding that its content has now."""
    declared = part.encoding
    if not kind or (kind == b"7bit" and declared not in (b"8bit", b"binary")):
        return header
    fields = b"Content-Transfer-Encoding: %b\r\n" % kind
    if root and _MIME_VERSION.search(header) is None:
        fields = b"MIME-Version: 1.0\r\n" + fields
        if _CONTENT_TYPE.search(header) is None:
            # RFC 1428 section 3: nobody said in which charset it is.
            fields += b"Content-Type: text/plain; charset=unknown-8bit\r\n"
    header = _ENCODING_FIELD.sub(b"", header)
    block = header
    empty = b""
    for ending in (b"\r\n", b"\n"):
        if header == ending or header.endswith(b"\n" + ending):
            block, empty = header[: -len(ending)], ending
            break
    if block and not block.endswith(b"\n"):
        block += b"\r\n"
    return block + fields + (empty or b"\r\n")


def _body(data: Buffer, part: Part, kind: bytes) -> Pieces:
    if kind == b"base64":
        yield from _base64(data, part.body, part.end)
    elif kind == b"quoted-printable":
        yield from _quoted_printable(data, part.body, part.end)
    elif part.encoding == b"quoted-printable":
        yield from _requoted(data, part.body, part.end)
    else:
        # What is not in base64's alphabet is no content (RFC 2045 6.8); the others are ASCII.
        for piece in _cut(data, part.body, part.end):
            yield piece.translate(None, _EIGHT_BIT)


def _base64(data: Buffer, start: int, stop: int) -> Pieces:
    for at in range(start, stop, PIECE):
        encoded = base64.b64encode(_piece(data, at, min(at + PIECE, stop)))
        lines = b"\r\n".join(_ENCODED_LINE.findall(encoded))
        yield lines if at + PIECE >= stop else lines + b"\r\n"


def _quoted_printable(data: Buffer, start: int, stop: int) -> Pieces:
    """Cut behind line ends where there are some; a cut inside a line becomes a soft line break."""
    at = start
    while at < stop:
        end = min(at + PIECE, stop)
        piece = _piece(data, at, end)
        if end < stop:
            cut = piece.rfind(b"\n") + 1 or len(piece) - piece.endswith(b"\r")
            piece = piece[: cut or len(piece)]
        at += len(piece)
        encoded = _quoted(_NEWLINE.sub(b"\r\n", piece))
        yield encoded if at >= stop or encoded.endswith(b"\n") else encoded + b"=\r\n"


def _quoted(text: bytes) -> bytes:
    """Text with CRLF alone. binascii takes the line end of its soft breaks from the first line
    of the text, and knows none where there is only one line."""
    encoded = binascii.b2a_qp(text, istext=True)
    return encoded if b"\r\n" in text else encoded.replace(b"=\n", b"=\r\n")


def _requoted(data: Buffer, start: int, stop: int) -> Pieces:
    """Quoted-printable with raw 8-bit octets, which it must not have: only these are encoded."""
    for piece in _cut(data, start, stop):
        if piece.isascii():
            yield piece
        else:
            yield re.sub(rb"[\x80-\xff]", lambda found: b"=%02X" % found[0][0], piece)


def _around(data: Buffer, start: int, stop: int) -> Pieces:
    """Delimiters, preambles and epilogues; text there is for nobody (RFC 2046 5.1.1)."""
    for piece in _cut(data, start, stop):
        yield piece.translate(_PLACEHOLDERS)


def _piece(data: Buffer, start: int, stop: int) -> bytes:
    return bytes(data[start:stop])


def _cut(data: Buffer, start: int, stop: int) -> Iterator[bytes]:
    for at in range(start, stop, PIECE):
        yield _piece(data, at, min(at + PIECE, stop))
