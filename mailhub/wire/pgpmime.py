"""PGP/MIME (RFC 3156 section 4): how a message looks whose content is encrypted.

The fields about the content go inside with it, byte for byte; all others stay outside, so that
lists, threads and filters know the message as before. Nothing is encrypted here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from mailhub.wire import contenttype, header

_SEALED = (b"enveloped-data", b"authenveloped-data")
_PKCS7 = (b"application/pkcs7-mime", b"application/x-pkcs7-mime")
_OUTER = (
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n'
    b' boundary="%(boundary)b"\r\n'
    b"\r\n"
    b"This is an OpenPGP/MIME encrypted message (RFC 3156).\r\n"
    b"--%(boundary)b\r\n"
    b"Content-Type: application/pgp-encrypted\r\n"
    b"Content-Description: PGP/MIME version identification\r\n"
    b"\r\n"
    b"Version: 1\r\n"
    b"\r\n"
    b"--%(boundary)b\r\n"
    b'Content-Type: application/octet-stream; name="encrypted.asc"\r\n'
    b"Content-Description: OpenPGP encrypted message\r\n"
    b'Content-Disposition: inline; filename="encrypted.asc"\r\n'
    b"\r\n"
)
_CLOSE = b"\r\n--%b--\r\n"
_MOST_ADDED = 2048
"""Octets that the parts of the frame, the packets' heads and the session key take at most."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`outer`: the new message up to the armor. `inner`: what is encrypted before the old message's
    body. `close`: what ends the new message."""

    outer: bytes
    inner: bytes
    close: bytes


def is_encrypted(block: bytes) -> bool:
    """Whether a message with this header is encrypted as a whole already: PGP/MIME, or S/MIME
    (RFC 8551 section 3.2.2)."""
    found = header.values(block, b"content-type")
    if not found:
        return False
    kind = contenttype.parse(found[0])
    if kind.media in _PKCS7:
        return kind.parameter(b"smime-type").lower() in _SEALED
    return kind.media == b"multipart/encrypted"


def frame(block: bytes) -> Frame:
    """The frame for a message with this header, its empty line included."""
    names = {name for name, _ in header.fields(block)}
    inside = {name for name in names if name.startswith(b"content-")}
    outer = _open(header.select_fields(block, {*inside, b"mime-version"}, negate=True))
    inner = header.select_fields(block, inside) if inside else b""
    inner = _open(inner) + b"\r\n"
    if b"content-type" not in inside:
        # Some mail programs want a field to see that a part begins (RFC 2045 section 5.2).
        inner = b"Content-Type: text/plain\r\n" + inner
    # No line of base64 or armor begins with what every boundary here begins with.
    boundary = b"=-" + hashlib.sha256(block).hexdigest()[:32].encode()
    return Frame(outer + _OUTER % {b"boundary": boundary}, inner, _CLOSE % boundary)


def _open(block: bytes) -> bytes:
    """A block of fields without its empty line, so that more can follow."""
    for end in (b"\n\r\n", b"\n\n"):
        if block.endswith(end):
            return block[: -len(end) + 1]
    if block in (b"\r\n", b"\n", b""):
        return b""
    return block if block.endswith(b"\n") else block + b"\r\n"


def stored_size(size: int) -> int:
    """At most so many octets come of a message of `size`."""
    return size + size * 3 // 8 + _MOST_ADDED
