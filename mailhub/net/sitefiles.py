"""Files of web sites: opened so that no path leads out of a site's folder, and read on threads.

Every part of a path is opened below the one before it, and symbolic links are not followed: there
is no moment between looking and opening. Only the folder of a site itself may be a link. What a
browser is told of a file is not known here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool

from mailhub.model.errors import NotFound, Unavailable

Aside = Callable[[Callable[[], Any]], Awaitable[Any]]
PIECE = 64 * 1024
"""Octets that are read at once."""
_BELOW = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class SiteFile:
    """An open file. `descriptor`: whoever has it closes it; -1 where all of it is in `content`.
    `modified`: epoch seconds; `mark`: differs where the file differs. `is_folder`: nothing to
    read."""

    descriptor: int
    size: int
    modified: int
    mark: str
    is_folder: bool = False
    content: bytes | None = None


def on_threads(reactor: Any) -> Aside:
    """The reactor's own."""

    def run(work: Callable[[], Any]) -> Awaitable[Any]:
        return deferToThreadPool(reactor, reactor.getThreadPool(), work)

    return run


class FolderOfSites:
    """`ports.SiteFolders`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def place(self, name: str) -> str:
        return str(self._path / name)

    def find(self, name: str) -> str:
        if not name or "/" in name or name.startswith("."):
            return ""
        path = self._path / name
        return str(path) if path.is_dir() else ""


class SiteFiles:
    """Opens and reads them. `aside`: runs what may wait for a disk where nobody waits for it."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside

    async def open(self, root: str, names: Sequence[str], indexes: Sequence[str] = ()) -> SiteFile:
        """What the parts of a path name below `root`; with `indexes` the first of these that is in
        the folder so called. Raises NotFound, Unavailable."""
        opened: SiteFile = await self._off(_open, root, tuple(names), tuple(indexes))
        return opened

    async def read(self, file: SiteFile, start: int, end: int) -> bytes:
        """Some of it, up to a piece. Raises Unavailable."""
        data: bytes = await self._off(_read, file.descriptor, min(end - start, PIECE), start)
        return data

    def close(self, file: SiteFile) -> None:
        """Ends it."""
        if file.descriptor >= 0:
            with suppress(OSError):
                os.close(file.descriptor)

    async def _off(self, work: Any, *given: Any) -> Any:
        try:
            return await self._aside(partial(work, *given))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
            raise NotFound("There is no such page") from None
        except OSError as error:
            if error.errno in (36, 40):  # ENAMETOOLONG, ELOOP: what no file is called, a link
                raise NotFound("There is no such page") from None
            raise Unavailable(f"The file cannot be read ({error.strerror})") from error


class Pieces:
    """What is between two places of a file, for `Answer.stream`. The file is closed with it, also
    where nothing was read. Less comes where it was cut meanwhile."""

    def __init__(self, files: SiteFiles, file: SiteFile, start: int, end: int) -> None:
        self._files = files
        self._file: SiteFile | None = file
        self._start = start
        self._end = end

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        data = b""
        if self._file is not None and self._start < self._end:
            data = await self._files.read(self._file, self._start, self._end)
        if not data:
            await self.aclose()
            raise StopAsyncIteration
        self._start += len(data)
        return data

    async def aclose(self) -> None:
        """Nobody reads any more."""
        file, self._file = self._file, None
        if file is not None:
            self._files.close(file)


def _open(root: str, names: tuple[str, ...], indexes: tuple[str, ...]) -> SiteFile:
    held = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names:
            below = os.open(name, _BELOW, dir_fd=held)
            os.close(held)
            held = below
        found = _described(held)
        if indexes:
            if not found.is_folder:
                raise NotADirectoryError
            return _small(_index(held, indexes))
        held = -1
        return _small(found)
    finally:
        if held >= 0:
            os.close(held)


def _small(file: SiteFile) -> SiteFile:
    """Most files are read while we are at it: another trip to a thread costs more than reading."""
    if file.is_folder or file.size > PIECE:
        return file
    try:
        content = os.pread(file.descriptor, PIECE, 0)
    finally:
        os.close(file.descriptor)
    return replace(file, descriptor=-1, size=len(content), content=content)


def _index(folder: int, indexes: tuple[str, ...]) -> SiteFile:
    for name in indexes:
        try:
            held = os.open(name, _BELOW, dir_fd=folder)
        except OSError:
            continue
        try:
            found = _described(held)
        except FileNotFoundError:
            os.close(held)
            continue
        if not found.is_folder:
            return found
        os.close(held)
    raise FileNotFoundError


def _described(descriptor: int) -> SiteFile:
    """Raises FileNotFoundError for what is neither a file nor a folder: nobody reads a device."""
    facts = os.fstat(descriptor)
    is_folder = stat.S_ISDIR(facts.st_mode)
    if not is_folder and not stat.S_ISREG(facts.st_mode):
        raise FileNotFoundError
    mark = f"{facts.st_mtime_ns:x}-{facts.st_size:x}-{facts.st_ino:x}"
    return SiteFile(descriptor, facts.st_size, int(facts.st_mtime), mark, is_folder)


def _read(descriptor: int, size: int, start: int) -> bytes:
    return os.pread(descriptor, size, start)
