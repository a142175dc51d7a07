"""Tar archives (POSIX.1-2001 `pax`) as bytes, piece by piece: what is written may be of any size,
and what is read is bounded before it is kept. Pure.

Headers are the standard library's. Its reader is not used: it keeps extended headers whole, however
large an archive says that they are. Of what it could read, files and folders alone are taken here:
no links, no devices, no names that leave the folder they are unpacked in.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from tarfile import BLOCKSIZE, DIRTYPE, REGTYPE, XHDTYPE

from mailhub.model.errors import Invalid

END = bytes(2 * BLOCKSIZE)
"""After the last member."""
MOST_EXTENDED = 64 * 1024
"""Bytes of an extended header that is read."""
LONGEST_PATH = 4096
Read = Callable[[int], bytes]
"""Gives as many bytes as are asked for, and fewer at the end alone."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file, or a folder where `folder` is set. `path`: relative, with `/`. `size`: bytes that
    follow its header. `date`: epoch seconds. `notes`: further facts, as extended header."""

    path: str
    size: int = 0
    date: int = 0
    folder: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)


def header(member: Member) -> bytes:
    """What stands before a member's bytes."""
    info = tarfile.TarInfo(member.path)
    info.size = member.size
    info.mtime = member.date
    info.type = DIRTYPE if member.folder else REGTYPE
    info.mode = 0o700 if member.folder else 0o600
    info.pax_headers = dict(member.notes)
    return info.tobuf(tarfile.PAX_FORMAT)


def padding(size: int) -> bytes:
    """What stands behind `size` bytes of a member."""
    return bytes(-size % BLOCKSIZE)


def next_member(read: Read) -> Member | None:
    """The next header; None at the end of the archive. The member's bytes and their padding are
    to be read before it is called again. Raises Invalid."""
    notes: dict[str, str] = {}
    while True:
        block = read(BLOCKSIZE)
        if len(block) < BLOCKSIZE:
            raise Invalid("The archive is cut short")
        if not any(block):
            if len(read(BLOCKSIZE)) < BLOCKSIZE:
                raise Invalid("The archive is cut short")
            return None
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError):
            raise Invalid("This is no archive, or it is damaged") from None
        if info.type != XHDTYPE:
            return _member(info, notes)
        notes = _notes(read, info.size)


def _member(info: tarfile.TarInfo, notes: dict[str, str]) -> Member:
    path = notes.pop("path", info.name)
    size = notes.pop("size", "")
    length = int(size) if size.isascii() and size.isdigit() else info.size
    if info.type not in (REGTYPE, DIRTYPE) or length < 0:
        raise Invalid(f"The archive has what is neither a file nor a folder: {shown(path)}")
    return Member(safe(path), length, int(info.mtime), info.type == DIRTYPE, notes)


def safe(path: str) -> str:
    """`path` where it stays in the folder that it is unpacked in. Raises Invalid."""
    levels = path.rstrip("/").split("/")
    if len(path) > LONGEST_PATH or "\0" in path or not all(level.strip(".") for level in levels):
        raise Invalid(f"The archive has a path that leads out of it: {shown(path)}")
    return "/".join(levels)


def shown(path: str) -> str:
    """A path as it can be put into a line."""
    return "".join(one if one.isprintable() else "?" for one in path[:100])


def _notes(read: Read, size: int) -> dict[str, str]:
    """Records `LENGTH KEY=VALUE\\n`."""
    if not 0 <= size <= MOST_EXTENDED:
        raise Invalid("The archive has a header of unreasonable size")
    data = read(size)
    if len(data) < size or len(read(-size % BLOCKSIZE)) < -size % BLOCKSIZE:
        raise Invalid("The archive is cut short")
    found: dict[str, str] = {}
    at = 0
    while at < size:
        number, _, _ = data[at : at + 8].partition(b" ")
        length = int(number) if number.isdigit() else 0
        record = data[at : at + length]
        if not len(number) + 2 < length <= size - at or not record.endswith(b"\n"):
            raise Invalid("The archive has a header that cannot be read")
        key, equals, value = record[len(number) + 1 : -1].partition(b"=")
        try:
            found[key.decode()] = value.decode()
        except UnicodeDecodeError:
            raise Invalid("The archive has a header that cannot be read") from None
        if not equals:
            raise Invalid("The archive has a header that cannot be read")
        at += length
    return found
