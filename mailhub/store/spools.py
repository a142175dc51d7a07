"""Where a message's chunks go while they arrive: memory first, then a file without a name."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path
from typing import IO

from mailhub.model.errors import StorageFull, Unavailable
from mailhub.ports import Buffer
from mailhub.store.faults import FULL

SLICE = 256 * 1024
"""Octets that are hashed at once: a fraction of a millisecond."""
LARGE = 1024 * 1024
"""Octets from which on they are hashed in slices as they are there, and not when the digest is
wanted: by the thread that writes them, beside which the reactor goes on."""


class StoredBody:
    """`ports.Body`: immutable bytes in memory or in a mapped file.

    `whole`: room for another beginning, and the message. `digest`: None: made when it is wanted.
    """

    __slots__ = ("_closers", "_digest", "_room", "_size", "_view", "_whole", "plain")

    def __init__(
        self,
        whole: memoryview,
        digest: bytes | None,
        room: int = 0,
        *closers: mmap.mmap | IO[bytes],
    ):
        self._whole = whole
        self._room = room
        self._view: memoryview | None = whole[room:]
        self._digest = digest
        self._size = len(whole) - room
        self._closers = closers
        self.plain = False

    @property
    def hashed(self) -> bytes | None:
        return self._digest

    @property
    def size(self) -> int:
        return self._size

    @property
    def digest(self) -> bytes:
        if self._digest is None:
            for _ in self._hash():
                continue
        assert self._digest is not None
        return self._digest

    def view(self) -> memoryview:
        if self._view is None:
            raise ValueError("the body was closed")
        return self._view

    def begin_with(self, head: bytes, skip: int) -> Generator[None, None, None]:
        """See `ports.Body`."""
        start = self._room + skip - len(head)
        if self._view is None or start < 0 or skip > self._size:
            raise ValueError("there is no room for this")
        self._write(head, start)
        self._room = start
        self._view = self._whole[start:]
        self._size = len(self._view)
        self._digest = None
        self.plain = self.plain and not head.startswith(b".") and b"\n." not in head
        if self._size > LARGE:
            yield from self._hash()

    def _write(self, head: bytes, start: int) -> None:
        file = self._closers[-1] if self._closers else None
        if file is None:
            buffer = self._whole.obj
            assert isinstance(buffer, bytearray)
            buffer[start : start + len(head)] = head
            return
        try:
            # A shared map shows what is written to its file.
            os.pwrite(file.fileno(), head, start)  # type: ignore[union-attr]
        except OSError as error:
            raise _kind(error) from error

    def _hash(self) -> Generator[None, None, None]:
        view = self.view()
        digest = sha256()
        for at in range(0, len(view), SLICE):
            digest.update(view[at : at + SLICE])
            yield
        self._digest = digest.digest()

    def close(self) -> None:
        """Lets go of the bytes. Views that others still hold stay good until they end."""
        self._view = None
        self._whole = memoryview(b"")
        for closer in self._closers:
            try:
                closer.close()
            except BufferError:
                continue  # A commit still reads from the map; it goes with its last view.
        self._closers = ()


class MemorySpool:
    """`ports.Spool` that may grow past `limit` bytes only into a file under `folder`; with no
    folder, all stays in memory. `room`: octets that are kept free before it; who asks for some
    will use it, so nothing is hashed before that."""

    __slots__ = ("_buffer", "_file", "_folder", "_hash", "_limit", "_room", "_size", "plain")

    def __init__(self, head: bytes, limit: int, folder: Path | None, room: int = 0) -> None:
        self._buffer = bytearray(room) + head
        self._hash = None if room else sha256(head)
        self._room = room
        self._size = len(head)
        self._limit = limit
        self._folder = folder
        self._file: IO[bytes] | None = None
        self.plain = False

    @property
    def size(self) -> int:
        return self._size

    def write(self, chunk: Buffer) -> None:
        """Adds a chunk. Raises StorageFull, Unavailable."""
        if self._hash is not None:
            self._hash.update(chunk)
        self._size += len(chunk)
        if self._file is not None:
            self._spill(chunk)
            return
        self._buffer += chunk
        if len(self._buffer) > self._limit and self._folder is not None:
            self._open_file(self._folder)
            self._spill(self._buffer)
            self._buffer = bytearray()

    def _open_file(self, folder: Path) -> None:
        try:
            self._file = tempfile.TemporaryFile(dir=folder, buffering=1 << 18)  # noqa: SIM115
        except OSError as error:
            raise _kind(error) from error

    def _spill(self, chunk: Buffer) -> None:
        if self._file is None:
            return
        try:
            self._file.write(chunk)
        except OSError as error:
            raise _kind(error) from error

    def finish(self) -> StoredBody:
        """The bytes, complete. Raises StorageFull, Unavailable."""
        digest = self._hash.digest() if self._hash is not None else None
        room = self._room
        if self._file is None:
            return self._body(memoryview(self._buffer).toreadonly(), digest)
        try:
            self._file.flush()
            mapped = mmap.mmap(self._file.fileno(), room + self._size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise _kind(error) from error
        return self._body(memoryview(mapped), digest, mapped, self._file)

    def _body(
        self, whole: memoryview, digest: bytes | None, *closers: mmap.mmap | IO[bytes]
    ) -> StoredBody:
        body = StoredBody(whole, digest, self._room, *closers)
        body.plain = self.plain
        return body

    def abort(self) -> None:
        """Drops everything."""
        self._buffer = bytearray()
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                return  # Its buffer could not be written: nobody wants it any more.


def _kind(error: OSError) -> StorageFull | Unavailable:
    return StorageFull() if error.errno in FULL else Unavailable()


class SpoolFolder:
    """`ports.Spools`. `folder` None: spools stay in memory."""

    def __init__(self, limit: int, folder: Path | None = None) -> None:
        self._limit = limit
        self._folder = folder
        if folder is not None:
            os.makedirs(folder, mode=0o700, exist_ok=True)

    def open(self, head: bytes = b"", room: int = 0) -> MemorySpool:
        """See `ports.Spools`."""
        return MemorySpool(head, self._limit, self._folder, room)
