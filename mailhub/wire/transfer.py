"""Content transfer encodings, decoded as far as the bytes allow (RFC 2045 section 6).

Decoders are tolerant: what mail software of thirty years has broken still yields its readable
part. Nothing here raises on any bytes; an unknown encoding is None.
"""

from __future__ import annotations

import binascii
import re

IDENTITY = frozenset({b"", b"7bit", b"8bit", b"binary"})
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_PADDED = re.compile(rb"={1,2}[^A-Za-z0-9+/=]*(?=[A-Za-z0-9+/])")
_UNCLEAN = re.compile(rb"[ \t]+(?=\r?\n)")


def known(encoding: bytes) -> bool:
    """Whether `decode` can read this encoding; folded case, no spaces around."""
    return encoding in IDENTITY or encoding in {b"base64", b"quoted-printable"}


def decode(data: bytes, encoding: bytes) -> bytes | None:
    """The content behind `encoding` (folded case), or None where it is not known."""
    if encoding in IDENTITY:
        return data
    if encoding == b"base64":
        return from_base64(data)
    if encoding == b"quoted-printable":
        return from_quoted_printable(data)
    return None


def from_base64(data: bytes) -> bytes:
    """Base64 without regard to characters outside its alphabet (RFC 2045 6.8).

    Padding inside ends one run and another may follow, as where blocks were encoded one by one
    and joined. A last lone character, which holds no whole byte, is dropped.
    """
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        return b"".join(_base64_run(run) for run in _PADDED.split(data))


def _base64_run(run: bytes) -> bytes:
    kept = _NOT_BASE64.sub(b"", run)
    if len(kept) % 4 == 1:
        kept = kept[:-1]
    return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def from_quoted_printable(data: bytes) -> bytes:
    """Quoted-printable; an `=` that starts nothing stands for itself (RFC 2045 6.7, note 1)."""
    return binascii.a2b_qp(_UNCLEAN.sub(b"", data))
