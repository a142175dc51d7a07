"""Bodies as files, for a program that keeps folders: whole ones on their way there, and husks of
those that it has.

A husk is a file with a body's name, size and time, nothing in it and no right to read it. The
program takes what looks as in its last copy for known, and does not open it; so a bucket goes into
a backup without lying here, and a body goes there once. A program that opens a husk after all is
refused, and says so: never is anything else kept in a body's place.

Blocks; knows no bucket, no database and no program.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from mailhub.store.carrying.lists import Body

STAMP = 1_000_000_000
"""The time of every body's file: its name alone says which one it is."""
MARK = "bodies.copy"
DOUBT = "bodies.doubt"
"""The file that says which copy has all that husks stand for, and the one for one that has not."""


def leaf(body: Body) -> str:
    """The folder of a body: 128 numbers each, so that one that goes changes little."""
    return f"{body.name[:6]}/{body.name[6:9]}"


class BodyFolder:
    """`folder`: where the bodies are; beside it is what is known of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mark = folder.parent / MARK
        self._doubt = folder.parent / DOUBT

    def path(self, body: Body) -> Path:
        """Where a body is, or would be."""
        return self.folder / leaf(body) / body.name

    @property
    def copy(self) -> str:
        """The copy that has all that husks stand for; empty where there may be none."""
        return _said(self._mark) if self.folder.is_dir() else ""

    def follow(self, copy: str) -> None:
        """From now on it is this one, which has all that is here."""
        _say(self._mark, copy)

    def doubt(self) -> None:
        """The copy that was followed has not all that husks stand for."""
        _say(self._doubt, self.copy)
        self.clear()

    @property
    def doubted(self) -> str:
        """The copy of which that is so; empty for none."""
        return _said(self._doubt)

    def clear(self) -> None:
        """No copy has anything."""
        self._mark.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)

    def rebuild(self, copy: str, bodies: Iterable[Body]) -> None:
        """A husk for each body of a copy, and nothing else."""
        self.clear()
        for body in bodies:
            path = self.path(body)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _husk(path, body.size)
        self.follow(copy)

    def settle(self, wanted: Iterable[Body]) -> Iterator[Body]:
        """Takes away everything but husks of what is wanted, which comes in order; those of which
        there is no husk."""
        there = deque(self._leaves())
        for name, bodies in groupby(wanted, leaf):
            while there and there[0] < name:
                shutil.rmtree(self.folder / there.popleft())
            known: dict[str, int] = {}
            if there and there[0] == name:
                known = _husks(self.folder / there.popleft())
            for body in bodies:
                if known.pop(body.name, None) != body.size:
                    yield body
            for gone in known:
                (self.folder / name / gone).unlink()
        for name in there:
            shutil.rmtree(self.folder / name)

    def _leaves(self) -> Iterator[str]:
        for top in sorted(os.listdir(self.folder)):
            for name in sorted(os.listdir(self.folder / top)):
                yield f"{top}/{name}"

    def fresh(self, body: Body) -> Path:
        """Where a body is to be written before `took`."""
        path = self.path(body)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.folder.parent / f"{body.name}.fresh"

    def took(self, body: Body) -> None:
        """It is written, whole."""
        path = self.folder.parent / f"{body.name}.fresh"
        path.chmod(0o400)
        os.utime(path, (STAMP, STAMP))
        path.rename(self.path(body))

    def hollow(self, copy: str, bodies: Iterable[Body]) -> None:
        """A copy has all that is here: the files of these become husks."""
        self.follow(copy)
        for body in bodies:
            path = self.path(body)
            if path.exists():
                _husk(path, body.size)


def _said(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _say(path: Path, text: str) -> None:
    """Durably, and all of it or nothing."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w", encoding="ascii") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def _husk(path: Path, size: int) -> None:
    """The right to read it goes last: what is not finished is no husk."""
    if path.exists():
        path.chmod(0o600)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.ftruncate(handle, size)
        os.utime(handle, (STAMP, STAMP))
        os.fchmod(handle, 0)
    finally:
        os.close(handle)


def _husks(folder: Path) -> dict[str, int]:
    """Names and sizes of the husks; whatever else is there goes."""
    found: dict[str, int] = {}
    with os.scandir(folder) as entries:
        for entry in list(entries):
            about = entry.stat(follow_symlinks=False)
            if stat.S_IMODE(about.st_mode) == 0:
                found[entry.name] = about.st_size
            else:
                os.unlink(entry.path)
    return found
