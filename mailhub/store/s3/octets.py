"""A body as it is kept: as it came, or sealed piece by piece, so that no second copy of a large one
is ever whole."""

from __future__ import annotations

from hashlib import sha256
from mmap import ACCESS_READ, mmap
from pathlib import Path

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


class Filed:
    """`objects.Octets` that are in a file, which is not empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def piece(self, start: int, stop: int) -> tuple[memoryview, bytes]:
        """See `Octets`. The file's pages, which are in memory as long as there is room."""
        with self._path.open("rb") as file:
            part = memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))[start:stop]
        return part, sha256(part).digest()


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
