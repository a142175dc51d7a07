"""Sets that may say yes where it is no, and never no where it is yes: a byte or two a member.

Pure arithmetic on bytes; what is put into a set, and kept of it, is its user's.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from hashlib import blake2b

HASHES = 4
BITS = 12
"""Of a member, at least; with four hashes, one question in two hundred is answered wrongly."""
SMALLEST = 64
_PLACES = struct.Struct(f"<{HASHES}I")


def _places(member: str) -> tuple[int, ...]:
    data = member.encode("utf-8", "surrogatepass")
    return _PLACES.unpack(blake2b(data, digest_size=_PLACES.size).digest())


def bloom(members: Collection[str]) -> bytes:
    """The set; its size is a power of two octets."""
    size = SMALLEST
    while size * 8 < len(members) * BITS:
        size *= 2
    made, mask = bytearray(size), size * 8 - 1
    for member in members:
        for place in _places(member):
            bit = place & mask
            made[bit >> 3] |= 1 << (bit & 7)
    return bytes(made)


class Question:
    """Whether sets may hold `member`, asked of many."""

    __slots__ = ("_bits",)

    def __init__(self, member: str) -> None:
        self._bits = _places(member)

    def __call__(self, made: bytes) -> bool:
        mask = len(made) * 8 - 1
        return all(made[(bit & mask) >> 3] & 1 << (bit & 7) for bit in self._bits)
