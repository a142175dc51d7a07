"""Compressed attachments, expanded piece by piece and never past a bound: gzip (RFC 1952), the
first file of a ZIP archive, or neither. What is inside is not known here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from mailhub.model.errors import Invalid

SLICE = 64 * 1024
"""Octets taken in, and given out, in one step."""
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_ENTRY = struct.Struct("<4s5H3I2H")
"""A ZIP archive's local file header: signature, version, flags, method, time, date, checksum,
sizes, lengths of name and extra field."""
_ENCRYPTED = 1
_STORED, _DEFLATED = 0, 8


def expand(data: bytes, most: int) -> Iterator[bytes]:
    """The octets behind the compression, in pieces; those of something uncompressed as they are.
    Raises Invalid: broken, unknown, or more than `most` octets."""
    left = most
    for piece in _pieces(data):
        left -= len(piece)
        if left < 0:
            raise Invalid(f"It grows past {most} octets")
        yield piece


def gzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces compressed; without name and time, so that the same octets give the same."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _pieces(data: bytes) -> Iterator[bytes]:
    if data.startswith(_GZIP):
        return _inflate(data, 0, 31)
    if data.startswith(_ZIP):
        return _unzip(data)
    return (data[at : at + SLICE] for at in range(0, len(data), SLICE))


def _inflate(data: bytes, start: int, form: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(form)
    waiting = b""
    try:
        while not unpacker.eof:
            if not waiting:
                waiting = data[start : start + SLICE]
                start += SLICE
                if not waiting:
                    raise Invalid("It was cut short")
            yield unpacker.decompress(waiting, SLICE)
            waiting = unpacker.unconsumed_tail
    except zlib.error as error:
        raise Invalid(f"It cannot be expanded: {error}") from None


def _unzip(data: bytes) -> Iterator[bytes]:
    at = 0
    while data.startswith(_ZIP, at) and len(data) >= at + _ENTRY.size:
        _, _, flags, method, _, _, _, size, _, name, extra = _ENTRY.unpack_from(data, at)
        start = at + _ENTRY.size + name + extra
        if data[at + _ENTRY.size : start - extra].endswith(b"/"):
            at = start + size
            continue
        if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
            break
        if method == _DEFLATED:
            return _inflate(data, start, -15)
        stop = min(start + size, len(data))
        return (data[one : min(one + SLICE, stop)] for one in range(start, stop, SLICE))
    raise Invalid("It is no archive that can be read")
