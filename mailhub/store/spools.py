"""Where a message's chunks go while they arrive: memory first, then a file without a name."""

from __future__ import annotations

import mmap
import os
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import IO

from mailhub.model.errors import StorageFull, Unavailable
from mailhub.ports import Buffer
from mailhub.store.faults import FULL


class StoredBody:
    """`ports.Body`: immutable bytes in memory or in a mapped file."""

    __slots__ = ("_closers", "_digest", "_size", "_view")

    def __init__(self, view: memoryview, digest: bytes, *closers: mmap.mmap | IO[bytes]):
        self._view: memoryview | None = view
        self._digest = digest
        self._size = len(view)
        self._closers = closers

    @property
    def size(self) -> int:
        return self._size

    @property
    def digest(self) -> bytes:
        return self._digest

    def view(self) -> memoryview:
        if self._view is None:
            raise ValueError("the body was closed")
        return self._view

    def close(self) -> None:
        """Lets go of the bytes. Views that others still hold stay good until they end."""
        self._view = None
        for closer in self._closers:
            try:
                closer.close()
            except BufferError:
                continue  # A commit still reads from the map; it goes with its last view.
        self._closers = ()


class MemorySpool:
    """`ports.Spool` that may grow past `limit` bytes only into a file under `folder`; with no
    folder, all stays in memory."""

    __slots__ = ("_buffer", "_file", "_folder", "_hash", "_limit", "_size")

    def __init__(self, head: bytes, limit: int, folder: Path | None) -> None:
        self._buffer = bytearray(head)
        self._hash = sha256(head)
        self._size = len(head)
        self._limit = limit
        self._folder = folder
        self._file: IO[bytes] | None = None

    @property
    def size(self) -> int:
        return self._size

    def write(self, chunk: Buffer) -> None:
        """Adds a chunk. Raises StorageFull, Unavailable."""
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
        digest = self._hash.digest()
        if self._file is None:
            return StoredBody(memoryview(self._buffer).toreadonly(), digest)
        try:
            self._file.flush()
            mapped = mmap.mmap(self._file.fileno(), self._size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise _kind(error) from error
        return StoredBody(memoryview(mapped), digest, mapped, self._file)

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

    def open(self, head: bytes = b"") -> MemorySpool:
        """A new spool that starts with `head`."""
        return MemorySpool(head, self._limit, self._folder)
