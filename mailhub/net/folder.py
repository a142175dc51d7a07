"""The data folder: whose it is, what runs in it, and the files that tell others so.

One process at a time owns a folder; `run/mailhub.json` is there exactly while it serves. Knows
nothing of what the store keeps beside it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from mailhub.model.errors import MailhubError

READY = "run/mailhub.json"
CONTROL = "run/control.sock"
ADMIN = "initial-admin.json"
LOCK = "run/lock"
SECRET = 32
"""Octets of a secret."""


class Busy(MailhubError):
    """Another process owns the folder. `pid`: which, 0 when unknown."""

    def __init__(self, folder: Path, pid: int) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"{folder} is in use by {who}; one server at a time may have it")
        self.pid = pid


class DataFolder:
    """`path` is made, 0700, when it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def make(self) -> None:
        """Makes the folder and its `run`. Raises MailhubError where it cannot be had."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.path / "run").mkdir(mode=0o755, exist_ok=True)
        except OSError as error:
            raise MailhubError(f"{self.path}: {error.strerror}") from error

    def give_to(self, uid: int, gid: int) -> None:
        """Hands the folder to who this process becomes: all of it where root made it before."""
        everything = self.path.stat().st_uid != uid
        below = self.path.rglob("*") if everything else [*self.path.glob("run/*"), *self._tls()]
        for path in (self.path, self.path / "run", *below):
            os.chown(path, uid, gid, follow_symlinks=False)

    def _tls(self) -> list[Path]:
        folder = self.path / "tls"
        return [folder, *folder.rglob("*")] if folder.is_dir() else []

    def lock(self) -> None:
        """Takes the folder for this process, until it ends. Raises Busy."""
        path = self.path / LOCK
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise MailhubError(f"{path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(descriptor, 20).strip()
            os.close(descriptor)
            raise Busy(self.path, int(owner) if owner.isdigit() else 0) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
        self._lock = descriptor
        (self.path / READY).unlink(missing_ok=True)

    def unlock(self) -> None:
        """Lets the folder go."""
        descriptor, self._lock = self._lock, None
        if descriptor is not None:
            os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def publish(self, listeners: list[dict[str, object]]) -> None:
        """Says that the server is ready, and where."""
        write_json(self.path / READY, {"pid": os.getpid(), "listeners": listeners}, 0o644)

    def withdraw(self) -> None:
        """Takes that back."""
        (self.path / READY).unlink(missing_ok=True)

    def secret(self, name: str) -> bytes:
        """Bytes that this server alone knows, made when first asked for, readable by its owner
        alone. Raises MailhubError."""
        path = self.path / name
        try:
            if not path.exists():
                write_json(path, {"secret": secrets.token_hex(SECRET)}, 0o600)
            kept = bytes.fromhex(json.loads(path.read_text())["secret"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MailhubError(f"{path}: {error}") from error
        if len(kept) < SECRET:
            raise MailhubError(f"{path}: the secret is too short")
        return kept

    def fresh_key(self, name: str) -> str:
        """A key of 32 hex digits that is new at every start, in a file that its owner alone can
        read. Raises MailhubError."""
        key = secrets.token_hex(SECRET // 2)
        try:
            write_text(self.path / name, f"{key}\n", 0o600)
        except OSError as error:
            raise MailhubError(f"{self.path / name}: {error.strerror}") from error
        return key

    # -- the first administrator's password

    def keep_admin(self, address: str, password: str) -> None:
        """Writes `initial-admin.json`, readable by its owner alone."""
        path = self.path / ADMIN
        write_json(path, {"address": address, "password": password}, 0o600)
        if os.getuid() == 0:  # a command of root's, in the folder of the server's user
            owner = self.path.stat()
            os.chown(path, owner.st_uid, owner.st_gid)

    def admin(self) -> Mapping[str, str] | None:
        """What `keep_admin` wrote, None when it is gone or unreadable."""
        try:
            found = json.loads((self.path / ADMIN).read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def forget_admin(self) -> None:
        """The password was changed."""
        (self.path / ADMIN).unlink(missing_ok=True)


class FreshKey:
    """A key of the folder's `fresh_key`, made when somebody first wants it: a command that only
    looks into the folder writes none."""

    def __init__(self, folder: DataFolder, name: str) -> None:
        self._folder = folder
        self._name = name
        self._key = ""

    def __call__(self) -> str:
        """Raises MailhubError."""
        self._key = self._key or self._folder.fresh_key(self._name)
        return self._key


def write_json(path: Path, value: Any, mode: int) -> None:
    """As `write_text`."""
    write_text(path, json.dumps(value, indent=2) + "\n", mode)


def write_text(path: Path, text: str, mode: int) -> None:
    """As `write_octets`."""
    write_octets(path, text.encode(), mode)


def write_octets(path: Path, octets: bytes, mode: int) -> None:
    """Whole or not at all, never readable to more than `mode` says."""
    with replacing(path, mode) as file:
        file.write(octets)


@contextmanager
def replacing(path: Path, mode: int) -> Iterator[BinaryIO]:
    """A file that becomes `path` in one step when it was written to its end, durable. `mode`:
    without what the process's umask takes away."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
