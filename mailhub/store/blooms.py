"""Sets that may say yes where it is no, and never no where it is yes: a byte or two a member.

Pure arithmetic on bytes; what is put into a set, and kept of it, is its user's.
"""

from __future__ import annotations

from collections.abc import Collection
from zlib import crc32

BITS = 12
"""Of a member, at least; with four places for each, one question in two hundred is answered
wrongly."""
SMALLEST = 64
_MIX = 0x9E3779B97F4A7C15
_ALL = (1 << 64) - 1


def _places(member: str) -> tuple[int, int, int, int]:
    """Four numbers of which the last bits count. Who makes two members alike on purpose gains a
    wrong yes: so a checksum will do, in a tenth of a digest's time."""
    mixed = crc32(member.encode("utf-8", "surrogatepass")) * _MIX & _ALL
    return mixed >> 44, mixed >> 29, mixed >> 14, mixed


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

    __slots__ = ("_places",)

    def __init__(self, member: str) -> None:
        self._places = _places(member)

    def __call__(self, made: bytes) -> bool:
        mask = len(made) * 8 - 1
        return all(made[(bit & mask) >> 3] & 1 << (bit & 7) for bit in self._places)
