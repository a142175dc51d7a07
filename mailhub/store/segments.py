"""Segments: append-only files of message bytes. No row and no thread is known here.

A file is a head and then entries; an entry is `ENTRY` and the bytes. The entry names its own
place and the SHA-256 of its bytes, so a torn tail, a misplaced write and a damaged entry are all
recognised without the database. Rows refer to the bytes themselves (`BlobRef`).

What no row refers to is garbage: a crash between the write and the commit leaves some at the end,
where the next start cuts it off.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from mailhub.model.errors import Corrupt
from mailhub.model.message import BlobRef
from mailhub.store.batch import Bytes
from mailhub.store.orders import Blob

HEAD = b"mailhub segment 1\n".ljust(64, b"\0")
_MAGIC = b"MHS1"
_ENTRY = struct.Struct(">4sIQQ32sI4x")
"""Magic, segment, offset of the bytes, their length, their digest, CRC of all before."""
ENTRY_SIZE = _ENTRY.size
_MAX_BUFFERS = 1000
"""Below IOV_MAX (1024 on Linux), and even: an entry's two parts stay together."""
_EARLY = 256 * 1024
"""Octets written at once from which on the disk begins with them before they are synced."""
_SYNC_FILE_RANGE_WRITE = 2
_SYNC_FILE_RANGE = getattr(ctypes.CDLL(None), "sync_file_range", None)
"""Linux's; other systems begin at the sync."""


def path_of(folder: Path, number: int) -> Path:
    """The file of segment `number`."""
    return folder / f"{number:08x}.segment"


def numbers(folder: Path) -> list[int]:
    """Every segment that has a file, in order."""
    return sorted(int(path.stem, 16) for path in folder.glob("*.segment"))


def sync_folder(folder: Path) -> None:
    """Makes names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def begin_writing(handle: int) -> None:
    """Has the disk begin with what a file holds in memory; waits for nothing and promises nothing.

    Errors are left to the sync that follows, which hears of every write of the file that failed.
    """
    if _SYNC_FILE_RANGE is not None:
        everything = ctypes.c_int64(0)  # from there on, and as far as the file goes
        _SYNC_FILE_RANGE(handle, everything, everything, _SYNC_FILE_RANGE_WRITE)


class Appender:
    """The one writer of segments.

    `append` and `sync` raise OSError; after that, call `abandon`: bytes whose sync failed are
    never synced again, the next append begins a new file.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._handle = -1
        self._number = 0
        self._end = 0
        self._dirty: list[int] = []
        self._fresh = False
        """Whether no sync of the current file came back well: no row refers to it."""

    @property
    def current(self) -> int:
        """The segment being written, or the one that will be next: files below are closed."""
        return self._number if self._handle >= 0 else self._number + 1

    def resume(self, number: int, end: int) -> None:
        """Goes on in an existing segment, cut off at `end`: nothing behind it was acknowledged.

        A file that is shorter than that is left as it is, for `verify` to find what it lacks.
        """
        end = max(end, len(HEAD))
        self._number = number
        handle = os.open(path_of(self._folder, number), os.O_RDWR | os.O_CLOEXEC)
        size = os.fstat(handle).st_size
        if size < end:
            os.close(handle)
            return
        if size > end:
            os.ftruncate(handle, end)
            os.fsync(handle)
        os.lseek(handle, end, os.SEEK_SET)
        self._handle, self._end = handle, end

    def append(self, bodies: Sequence[Bytes]) -> list[Blob]:
        """Writes all of them; not durable before `sync`."""
        blobs: list[Blob] = []
        buffers: list[bytes | memoryview] = []
        for body in bodies:
            length = len(body.view)
            if self._handle < 0 or self._end >= self._size:
                self._write(buffers)
                buffers = []
                self._begin()
            start = self._end + ENTRY_SIZE
            head = _ENTRY.pack(_MAGIC, self._number, start, length, body.digest, 0)
            buffers.append(head[:-8] + struct.pack(">I4x", crc32(head[:-8])))
            buffers.append(body.view)
            self._end = start + length
            ref = BlobRef(self._number, start, length)
            blobs.append(Blob(ref, body.digest, body.view, body.plain))
        self._write(buffers)
        return blobs

    def _write(self, buffers: list[bytes | memoryview]) -> None:
        position = total = 0
        while position < len(buffers):
            chunk = buffers[position : position + _MAX_BUFFERS]
            position += len(chunk)
            left = sum(map(len, chunk))
            total += left
            while left:
                written = os.writev(self._handle, chunk)
                left -= written
                if left:
                    chunk = _behind(chunk, written)
        if buffers and (not self._dirty or self._dirty[-1] != self._handle):
            self._dirty.append(self._handle)
        if total >= _EARLY:
            # Rows are made meanwhile, and the sync behind them has less to wait for.
            begin_writing(self._handle)

    def _begin(self) -> None:
        """A new file, durable in its folder before anything refers to it."""
        taken = numbers(self._folder)
        number = max(taken[-1] if taken else 0, self._number) + 1
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        handle = os.open(path_of(self._folder, number), flags, 0o600)
        try:
            os.write(handle, HEAD)
            os.fsync(handle)
            sync_folder(self._folder)
        except OSError:
            os.close(handle)
            path_of(self._folder, number).unlink(missing_ok=True)
            raise
        if self._handle >= 0 and self._handle not in self._dirty:
            os.close(self._handle)
        self._handle, self._number, self._end = handle, number, len(HEAD)
        self._fresh = True

    def sync(self) -> None:
        """Makes everything appended durable."""
        dirty, self._dirty = self._dirty, []
        for handle in dirty:
            try:
                os.fdatasync(handle)
            finally:
                if handle != self._handle:
                    os.close(handle)
        if dirty:
            self._fresh = False

    def abandon(self) -> None:
        """Lets go of the current file for good, and removes it when nothing in it was synced."""
        for handle in {self._handle, *self._dirty} - {-1}:
            try:
                os.close(handle)
            except OSError:
                continue  # The file is given up either way.
        self._handle, self._dirty = -1, []
        if self._fresh:
            self._fresh = False
            try:
                path_of(self._folder, self._number).unlink(missing_ok=True)
            except OSError:
                return  # It stays as garbage; no row refers to it.


def _behind(buffers: Sequence[bytes | memoryview], written: int) -> list[bytes | memoryview]:
    """What is left of `buffers` after `written` bytes of them."""
    for place, buffer in enumerate(buffers):
        if written < len(buffer):
            return [memoryview(buffer)[written:], *buffers[place + 1 :]]
        written -= len(buffer)
    return []


class Files:
    """Reads from segments. Not for use by several threads: each has its own."""

    _MERGE_GAP = 4096
    _MERGE_SIZE = 4 << 20
    _OPEN = 64

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handles: dict[int, int] = {}

    def _handle(self, number: int) -> int:
        handle = self._handles.pop(number, -1)
        if handle < 0:
            self._let_go()
            try:
                handle = os.open(path_of(self._folder, number), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise Corrupt("The stored message is missing") from None
        self._handles[number] = handle
        return handle

    def _let_go(self) -> None:
        """Closes files that were removed, which would keep their space, and one where there are
        many."""
        gone = [one for one, handle in self._handles.items() if not os.fstat(handle).st_nlink]
        for number in gone:
            os.close(self._handles.pop(number))
        if len(self._handles) >= self._OPEN:
            os.close(self._handles.pop(next(iter(self._handles))))

    def read(self, refs: Sequence[BlobRef]) -> list[bytes]:
        """The bytes of each; neighbours in one system call. Raises Corrupt, OSError."""
        found: dict[BlobRef, bytes] = {}
        run: list[BlobRef] = []
        for ref in sorted(set(refs), key=lambda ref: (ref.segment, ref.offset)):
            if run and (
                ref.segment != run[0].segment
                or ref.offset - run[-1].offset - run[-1].length > self._MERGE_GAP
                or ref.offset + ref.length - run[0].offset > self._MERGE_SIZE
            ):
                self._read_run(run, found)
                run = []
            run.append(ref)
        if run:
            self._read_run(run, found)
        return [found[ref] for ref in refs]

    def _read_run(self, run: Sequence[BlobRef], found: dict[BlobRef, bytes]) -> None:
        handle = self._handle(run[0].segment)
        first = run[0].offset
        size = run[-1].offset + run[-1].length - first
        data = os.pread(handle, size, first)
        while len(data) < size:
            more = os.pread(handle, size - len(data), first + len(data))
            if not more:
                raise Corrupt("The stored message is cut short")
            data += more
        if len(run) == 1:
            found[run[0]] = data
            return
        for ref in run:
            found[ref] = data[ref.offset - first : ref.offset - first + ref.length]

    def close(self) -> None:
        """Closes every file."""
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()


@dataclass(frozen=True, slots=True)
class Found:
    """An entry as it stands in a file."""

    ref: BlobRef
    digest: bytes


def entry_at(data: bytes, number: int, start: int) -> Found | None:
    """The entry whose head `data` begins with, if it is one and of this very place."""
    if len(data) < ENTRY_SIZE:
        return None
    magic, segment, offset, length, digest, check = _ENTRY.unpack_from(data)
    if magic != _MAGIC or check != crc32(data[: ENTRY_SIZE - 8]):
        return None
    if (segment, offset) != (number, start):
        return None
    return Found(BlobRef(segment, offset, length), digest)


def scan(folder: Path, number: int) -> Iterator[Found]:
    """The entries of a segment from its begin, up to the first that is torn or damaged."""
    with path_of(folder, number).open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        start = len(HEAD) + ENTRY_SIZE
        while start <= end:
            file.seek(start - ENTRY_SIZE)
            entry = entry_at(file.read(ENTRY_SIZE), number, start)
            if entry is None or start + entry.ref.length > end:
                return
            yield entry
            start += entry.ref.length + ENTRY_SIZE
