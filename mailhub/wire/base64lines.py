"""Base64 piece by piece: into the lines of a message (RFC 2045 section 6.8), and out of JSON."""

from __future__ import annotations

import binascii
from base64 import encodebytes
from collections.abc import Iterator

from mailhub.model.errors import Invalid

LINE = 57
"""Octets that make a line of 76 characters."""
_STEP = 48 * 1024
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


class Lines:
    """Encodes what is fed to it."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, octets: bytes) -> bytes:
        """Whole lines of what came so far."""
        held = self._held + octets
        whole = len(held) - len(held) % LINE
        self._held = held[whole:]
        return encodebytes(held[:whole]).replace(b"\n", b"\r\n")

    def finish(self) -> bytes:
        """The last line."""
        return encodebytes(self._held).replace(b"\n", b"\r\n") if self._held else b""


def decode(text: bytes | memoryview, field: str) -> Iterator[bytes]:
    """The octets of base64 text as it stands in JSON, with its escapes, in pieces. Raises
    Invalid."""
    view = memoryview(text)
    raw = held = b""
    for at in range(0, len(view), _STEP):
        raw += bytes(view[at : at + _STEP])
        cut = len(raw) - 1 if raw.endswith(b"\\") else len(raw)
        clean, raw = raw[:cut], raw[cut:]
        # PHP writes a slash with a backslash before it; many break their lines.
        for escaped, meant in ((b"\\/", b"/"), (b"\\r", b""), (b"\\n", b"")):
            clean = clean.replace(escaped, meant)
        held += clean.translate(_URL_SAFE, b" \r\n\t")
        whole = len(held) - len(held) % 4
        if held[:whole].find(b"=") >= 0 and at + _STEP < len(view):
            raise Invalid("Not base64", field)
        if at + _STEP < len(view):
            yield _decoded(held[:whole], field)
            held = held[whole:]
    yield _decoded(held.rstrip(b"=") + b"=" * (-len(held.rstrip(b"=")) % 4) + raw, field)


def _decoded(text: bytes, field: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except binascii.Error:
        raise Invalid("Not base64", field) from None
