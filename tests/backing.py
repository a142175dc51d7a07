"""Backups over fakes: a picture that is a word, a repository that is a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mailhub.core.backup import Backups
from mailhub.model.backup import BackupTarget, Snapshot
from mailhub.model.errors import Invalid, MailhubError
from mailhub.model.settings import BackupSettings
from mailhub.ports import Clock, Log


class FakePicture:
    def __init__(self) -> None:
        self.taken = 0
        self.dropped = 0

    async def take(self) -> str:
        self.taken += 1
        return "picture"

    async def drop(self) -> None:
        self.dropped += 1


class FakeRepository:
    """`problem`: what every call raises."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.kept: list[Snapshot] = []
        self.problem: MailhubError | None = None
        self.checked: list[bool] = []

    def check(self, target: BackupTarget) -> None:
        if target.address == "nonsense":
            raise Invalid("nonsense", "target")

    def shown(self, target: BackupTarget) -> str:
        return target.address.replace("secret", "")

    def public_key(self, target: BackupTarget) -> str:
        return "ssh-ed25519 AAAA" if target.address.startswith("sftp") else ""

    async def save(self, target: BackupTarget, folder: str) -> Snapshot:
        self._raise()
        made = Snapshot(f"{len(self.kept):08x}", int(self.clock.now()))
        self.kept.append(made)
        return Snapshot(made.id, made.time, 1000, 10)

    async def snapshots(self, target: BackupTarget) -> Sequence[Snapshot]:
        self._raise()
        return list(self.kept)

    async def forget(self, target: BackupTarget) -> None:
        oldest = self.clock.now() - target.keep
        self.kept = [one for one in self.kept[:-1] if one.time > oldest] + self.kept[-1:]

    async def verify(self, target: BackupTarget, *, whole: bool) -> None:
        self._raise()
        self.checked.append(whole)

    def _raise(self) -> None:
        if self.problem is not None:
            raise self.problem


class FakeMemory:
    value: Any = None

    def read(self) -> Any:
        return self.value

    def write(self, value: Any) -> None:
        self.value = value


def backups(clock: Clock, log: Log, settings: BackupSettings | None = None) -> Backups:
    """Backups whose parts can be looked at: `_picture`, `_repository`, `_memory`."""
    return Backups(
        FakePicture(),
        FakeRepository(clock),
        FakeMemory(),
        clock,
        log,
        settings or BackupSettings(target="local"),
    )
