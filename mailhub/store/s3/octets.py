"""A body as it is kept: as it came, or sealed piece by piece, so that no second copy of a large one
is ever whole."""

from __future__ import annotations

from hashlib import sha256

from mailhub.store import sealing


class Plain:
    """`objects.Octets`. `digest`: SHA-256 of all of it."""

    def __init__(self, view: memoryview, digest: bytes) -> None:
        self._view = view
        self._digest = digest
        self.size = len(view)

    def piece(self, start: int, stop: int) -> tuple[memoryview, bytes]:
        """See `Octets`."""
        part = self._view[start:stop]
        return part, self._digest if len(part) == self.size else sha256(part).digest()


class Sealed:
    """`objects.Octets`, made as they are asked for; the same ones each time."""

    def __init__(self, view: memoryview, key: bytes, segment: int) -> None:
        self._view = view
        self._key = key
        self._segment = segment
        self.size = sealing.sealed_size(len(view))

    def piece(self, start: int, stop: int) -> tuple[bytes, bytes]:
        """See `Octets`. A piece may begin and end inside a frame."""
        step = sealing.FRAME + sealing.TAG
        first, last = start // step, -(-stop // step)
        begin = first * sealing.FRAME
        part = self._view[begin : last * sealing.FRAME]
        frames = sealing.seal(self._key, self._segment, len(self._view), part, begin)
        octets = frames[start - first * step : stop - first * step]
        return octets, sha256(octets).digest()
