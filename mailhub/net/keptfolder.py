"""Small files of the data folder that all processes of a server have in common: what one writes,
the others have a moment later.

The files stay what everything else reads and writes; here they are held against what is kept for
all, at the start, whenever somebody says that one changed, and every few seconds. Of two changes at
once the one stays that was kept first. `kept-files.json` says what this folder agreed on last, so
that what was written just before a crash is told afterwards. Private keys are among them: what is
kept for all is to be guarded like the folder.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from mailhub.model.errors import MailhubError, Unavailable
from mailhub.model.kept import Kept
from mailhub.net.folder import replacing, write_json
from mailhub.ports import Log
from mailhub.ports.kept import KeptFiles

SHARED = (
    "system.json",
    "checkup.json",
    "backup.json",
    "backup/key",
    "backup/ssh-key",
    "tls/system.key",
    "tls/self-signed.crt",
    "tls/accounts/*.json",
    "tls/installed/*.crt",
    "tls/installed/*.key",
)
"""Settings that somebody made, keys, certificates. Secrets are added by who makes them."""
REMOVED = "tls/installed/*"
"""What may be taken away; other files come back."""
AGREED = "kept-files.json"
_SECRET = re.compile(r"(?!kept-files|node|initial-admin)[a-z-]+\.json")
"""Secrets, by whatever name, lie at the top; what is this process's alone is none of them."""
LARGEST = 1 << 20
_Stamp = tuple[int, int, int]


class KeptFolder:
    """`folder`: the data folder. Everything runs on the reactor's thread, `begin` and `settle` as a
    process starts."""

    def __init__(self, folder: Path, kept: KeptFiles, log: Log) -> None:
        self._folder = folder
        self._kept = kept
        self._log = log
        self._names = set(SHARED)
        self._agreed: dict[str, tuple[int, str]] = {}
        """Version and digest, by name; the digest of nothing is empty."""
        self._stamps: dict[str, _Stamp] = {}
        self._watchers: list[Callable[[], object]] = []

    def watch(self, changed: Callable[[], object]) -> None:
        """`changed` is called when files came from others."""
        self._watchers.append(changed)

    # -- the start

    def begin(self) -> None:
        """Agrees with all others, and waits for that. Raises Unavailable."""
        with suppress(OSError, ValueError, TypeError):
            known = json.loads((self._folder / AGREED).read_text())
            self._agreed = {name: (int(at), str(digest)) for name, (at, digest) in known.items()}
        self._settle(self._changed())

    def settle(self, name: str) -> None:
        """The file is one of them; where others have it already, theirs is taken. Raises
        Unavailable."""
        self._names.add(name)
        mine = [file for file in self._changed() if file.name == name]
        if mine:
            self._settle(mine)

    def _settle(self, mine: Sequence[Kept]) -> None:
        found = self._kept.agree(mine)
        self._take([file for file in found if self._is_new(file)])

    # -- afterwards

    async def look(self) -> None:
        """Takes what others changed, and hands on what was changed here."""
        try:
            there = await self._kept.versions()
            names = [name for name, at in there.items() if at != self._at(name)]
            if names:
                self._take(await self._kept.some(names))
            mine = self._changed()
            if mine:
                self._note(await self._kept.put(mine))
        except Unavailable:
            return  # mail cannot be had either; the next look is soon

    # -- files

    def _at(self, name: str) -> int:
        return self._agreed.get(name, (0, ""))[0]

    def _is_new(self, file: Kept) -> bool:
        return self._agreed.get(file.name) != (file.version, _digest(file.octets))

    def _is_ours(self, name: str) -> bool:
        known = any(fnmatchcase(name, one) for one in self._names) and ".." not in name
        return known or _SECRET.fullmatch(name) is not None

    def _present(self) -> dict[str, _Stamp]:
        found: dict[str, _Stamp] = {}
        for pattern in self._names:
            for path in self._folder.glob(pattern):
                with suppress(OSError):
                    about = path.stat()
                    name = path.relative_to(self._folder).as_posix()
                    found[name] = (about.st_mtime_ns, about.st_size, about.st_ino)
        return found

    def _changed(self) -> Sequence[Kept]:
        """Files that are not what was agreed on. Those that are gone and must not be, are wanted
        anew."""
        present = self._present()
        changed: list[Kept] = []
        for name in sorted({*present, *self._agreed}, key=_order):
            if present.get(name) == self._stamps.get(name) and name in self._stamps:
                continue
            octets = self._read(name) if name in present else None
            at, digest = self._agreed.get(name, (0, ""))
            if octets is None and name in present:
                continue
            if _digest(octets) == digest:
                self._see(name)
            elif octets is not None or fnmatchcase(name, REMOVED):
                changed.append(Kept(name, octets, at))
            else:
                del self._agreed[name]
        return changed

    def _read(self, name: str) -> bytes | None:
        path = self._folder / name
        with suppress(OSError):
            if path.stat().st_size <= LARGEST:
                return path.read_bytes()
        return None

    def _see(self, name: str) -> None:
        try:
            about = (self._folder / name).stat()
            self._stamps[name] = (about.st_mtime_ns, about.st_size, about.st_ino)
        except OSError:
            self._stamps.pop(name, None)

    def _take(self, files: Sequence[Kept]) -> None:
        """Files of others, keys before their certificates."""
        taken = []
        for file in sorted(files, key=lambda one: _order(one.name)):
            if not self._is_ours(file.name):
                continue
            if file.octets != self._read(file.name):
                self._put(self._folder / file.name, file.octets)
                taken.append(file.name)
        self._note(files)
        if taken:
            self._log.event("kept-files", outcome="taken", names=taken)
            for changed in self._watchers:
                changed()

    def _put(self, path: Path, octets: bytes | None) -> None:
        try:
            if octets is None:
                path.unlink(missing_ok=True)
                return
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, octets)
        except OSError as error:
            raise MailhubError(f"{path}: {error.strerror}") from error

    def _note(self, files: Sequence[Kept]) -> None:
        """What is agreed on now."""
        for file in files:
            if self._is_ours(file.name):
                self._agreed[file.name] = (file.version, _digest(file.octets))
                if file.octets == self._read(file.name):
                    self._see(file.name)
        if files:
            write_json(self._folder / AGREED, self._agreed, 0o600)


def shared_files(folder: Path) -> Sequence[tuple[str, bytes]]:
    """What of a data folder is kept for all, with its octets: for who moves a store."""
    paths = {path for pattern in (*SHARED, "*.json") for path in folder.glob(pattern)}
    named = {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}
    return [(name, named[name].read_bytes()) for name in sorted(named) if _is_shared(name)]


def put_shared(folder: Path, name: str, octets: bytes | None) -> None:
    """Makes such a file what was kept for all; None: it was taken away. Raises MailhubError."""
    path = folder / name
    if not _is_shared(name) or (octets is None and not fnmatchcase(name, REMOVED)):
        return
    try:
        if octets is None:
            path.unlink(missing_ok=True)
        elif not path.is_file() or path.read_bytes() != octets:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, octets)
    except OSError as error:
        raise MailhubError(f"{path}: {error.strerror}") from error


def _is_shared(name: str) -> bool:
    known = any(fnmatchcase(name, one) for one in SHARED) and ".." not in name
    return known or _SECRET.fullmatch(name) is not None


def _order(name: str) -> tuple[bool, str]:
    return not name.endswith(".key"), name


def _digest(octets: bytes | None) -> str:
    return "" if octets is None else sha256(octets).hexdigest()


def _write(path: Path, octets: bytes) -> None:
    """Whole or not at all, durable, for its owner alone; certificates are for all."""
    mode = 0o644 if path.suffix == ".crt" else 0o600
    with replacing(path, mode) as file:
        os.fchmod(file.fileno(), mode)
        file.write(octets)
