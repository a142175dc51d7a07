"""Signatures of a zone that are kept, so that a start need not make them again. Pure.

Each is found by all that it depends on. What is kept is worth nothing without that, so damage only
costs the time to make it anew.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType

FINGERPRINT = 16
STEP = 200
"""Signatures that are looked at at a time."""
_HEAD = struct.Struct(f"!{FINGERPRINT}sH")


def fingerprint(public: bytes, begins: int, owner: bytes, rows: Sequence[bytes]) -> bytes:
    """Of a signature: the key, when it begins, and what it is of."""
    told = blake2b(public, digest_size=FINGERPRINT)
    told.update(b"|%d|" % begins + owner)
    for one in rows:
        told.update(one)
    return told.digest()


class Kept:
    """`known`: rows of signatures by their fingerprints."""

    def __init__(self, known: Mapping[bytes, bytes] = MappingProxyType({})) -> None:
        self._known = known
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
        """Whether it is worth to be kept again: something was put, or not asked for."""
        return self._used.keys() != self._known.keys()

    def packed(self) -> Generator[None, None, bytes]:
        """All that were asked for or put; in slices."""
        pieces = []
        for number, (what, made) in enumerate(self._used.items()):
            pieces.append(_HEAD.pack(what, len(made)) + made)
            if number % STEP == STEP - 1:
                yield
        return b"".join(pieces)


def unpacked(data: bytes) -> Generator[None, None, Kept]:
    """What `packed` gave; in slices."""
    known: dict[bytes, bytes] = {}
    at = 0
    while at + _HEAD.size <= len(data):
        what, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size + size
        if at <= len(data):
            known[what] = data[at - size : at]
        if len(known) % STEP == STEP - 1:
            yield
    return Kept(known)
