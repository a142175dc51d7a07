"""Octets that are encrypted where they are kept, in frames, so that any part is read without the
rest. Pure: whose keys are used, and where they are kept, is not known here.

A body has a key of its own, which seals nothing else, so a frame's number is its nonce. Each frame
is bound to its place, to the body's number and to the body's whole size: frames that were changed,
exchanged, left out or cut off are noticed (AES-256-GCM, NIST SP 800-38D).
"""

from __future__ import annotations

import os
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailhub.model.errors import Corrupt

FRAME = 64 * 1024
"""Octets of a frame before it is sealed."""
TAG = 16
"""Octets that a frame grows by."""
KEY = 32
"""Octets of a key."""
_NONCE = Struct(">4xQ")
_BOUND = Struct(">4sQQ")
_MAGIC = b"MHB1"
_WRAP = 12


def fresh_key() -> bytes:
    """A new key."""
    return os.urandom(KEY)


def sealed_size(size: int) -> int:
    """Octets that `size` octets become. Nothing becomes a frame of nothing."""
    return size + max(1, -(-size // FRAME)) * TAG


def span(size: int, start: int, stop: int) -> tuple[int, int]:
    """Which of the sealed octets hold [start, stop) of a body of `size` octets."""
    first, last = start // FRAME, max(start, stop - 1) // FRAME
    step = FRAME + TAG
    return first * step, min((last + 1) * step, sealed_size(size))


def seal(key: bytes, number: int, size: int, octets: memoryview, start: int = 0) -> bytes:
    """Frames of `octets`, which stand at `start`, a frame's begin, and end with a frame or the
    body."""
    cipher = AESGCM(key)
    bound = _BOUND.pack(_MAGIC, number, size)
    frames = []
    first = start // FRAME
    for place in range(max(1, -(-len(octets) // FRAME))):
        part = octets[place * FRAME : (place + 1) * FRAME]
        frames.append(cipher.encrypt(_NONCE.pack(first + place), part, bound))
    return frames[0] if len(frames) == 1 else b"".join(frames)


def unseal(key: bytes, number: int, size: int, sealed: memoryview, start: int, stop: int) -> bytes:
    """[start, stop) out of the octets that `span` names. Raises Corrupt."""
    cipher = AESGCM(key)
    bound = _BOUND.pack(_MAGIC, number, size)
    step = FRAME + TAG
    first = start // FRAME
    frames = []
    try:
        for place in range(-(-len(sealed) // step)):
            part = sealed[place * step : (place + 1) * step]
            frames.append(cipher.decrypt(_NONCE.pack(first + place), part, bound))
    except InvalidTag:
        raise Corrupt("The stored message was changed") from None
    found = frames[0] if len(frames) == 1 else b"".join(frames)
    begin = start - first * FRAME
    found = found[begin : begin + stop - start]
    if len(found) != stop - start:
        raise Corrupt("The stored message is cut short")
    return found


def wrap(key: bytes, inner: bytes, bound: bytes) -> bytes:
    """A key under another one. `bound`: what it is for; needed to open it."""
    nonce = os.urandom(_WRAP)
    return nonce + AESGCM(key).encrypt(nonce, inner, bound)


def unwrap(key: bytes, wrapped: bytes, bound: bytes) -> bytes:
    """What `wrap` was given. Raises Corrupt."""
    try:
        return AESGCM(key).decrypt(wrapped[:_WRAP], wrapped[_WRAP:], bound)
    except (InvalidTag, ValueError):
        raise Corrupt("A key does not open another") from None
