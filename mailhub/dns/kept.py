"""Signatures of a zone that are kept, so that a start need not make them again. Pure.

Each is found by all that it depends on. What is kept is worth nothing without that, so damage only
costs the time to make it anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from hashlib import blake2b

FINGERPRINT = 16
_HEAD = struct.Struct(f"!{FINGERPRINT}sH")


def fingerprint(public: bytes, begins: int, owner: bytes, rows: Sequence[bytes]) -> bytes:
    """Of a signature: the key, when it begins, and what it is of."""
    told = blake2b(public, digest_size=FINGERPRINT)
    told.update(b"|%d|" % begins + owner)
    for one in rows:
        told.update(one)
    return told.digest()


class Kept:
    """`data`: what `packed` gave. `is_new`: something was put, or not asked for."""

    def __init__(self, data: bytes = b"") -> None:
        self._known = dict(_unpacked(data))
        self._used: dict[bytes, bytes] = {}

    def find(self, what: bytes) -> bytes | None:
        """The row of a signature."""
        found = self._known.get(what)
        if found is not None:
            self._used[what] = found
        return found

    def put(self, what: bytes, made: bytes) -> None:
        """One that was made."""
        self._used[what] = made

    @property
    def is_new(self) -> bool:
        """Whether it is worth to be kept again."""
        return self._used.keys() != self._known.keys()

    def packed(self) -> bytes:
        """All that were asked for or put."""
        return b"".join(_HEAD.pack(what, len(made)) + made for what, made in self._used.items())


def _unpacked(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + _HEAD.size <= len(data):
        what, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size + size
        if at > len(data):
            return
        yield what, data[at - size : at]
