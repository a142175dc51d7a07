"""Backups over fakes: a picture that is a word, a repository that is a list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mailhub.core.backup import Backups
from mailhub.model.backup import BackupTarget, Beside, Snapshot
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
    """`problem`: what every call raises. `parts`: copies on the way. `holds`: bodies, by copy."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.kept: list[Snapshot] = []
        self.problem: MailhubError | None = None
        self.checked: list[bool] = []
        self.made = 0
        self.parts: list[Snapshot] = []
        self.holds: dict[str, dict[str, Any]] = {}
        self.unread: MailhubError | None = None

    def check(self, target: BackupTarget) -> None:
        if target.address == "nonsense":
            raise Invalid("nonsense", "target")

    def shown(self, target: BackupTarget) -> str:
        return target.address.replace("secret", "")

    def public_key(self, target: BackupTarget) -> str:
        return "ssh-ed25519 AAAA" if target.address.startswith("sftp") else ""

    async def save(
        self, target: BackupTarget, folder: str, beside: Beside | None = None
    ) -> Snapshot:
        self._raise()
        made = self._next()
        self.kept.append(made)
        if beside is not None:
            self._take(made.id, beside)
        return Snapshot(made.id, made.time, 1000, 10)

    def _next(self) -> Snapshot:
        self.made += 1
        return Snapshot(f"{self.made - 1:08x}", int(self.clock.now()))

    def _take(self, id: str, beside: Beside) -> None:
        """What is there by name only has to be in the copy that is named."""
        if self.unread is not None:
            raise self.unread
        known = self.holds.get(beside.copy, {})
        files: dict[str, bytes] = json.loads(beside.folder)
        self.holds[id] = {
            name: known[name] if what is None else what for name, what in files.items()
        }

    async def save_some(self, target: BackupTarget, beside: Beside) -> Snapshot:
        self._raise()
        made = self._next()
        self._take(made.id, beside)
        self.parts.append(made)
        return made

    async def copies(self, target: BackupTarget, label: str) -> Sequence[Snapshot]:
        self._raise()
        found = [one for one in (*self.kept, *self.parts) if one.id in self.holds]
        return sorted(found, key=lambda one: one.id)

    async def bodies(self, target: BackupTarget, copy: str) -> Iterable[tuple[str, int]]:
        return [(name, len(what)) for name, what in self.holds[copy].items()]

    async def forget_some(self, target: BackupTarget, label: str) -> None:
        newest = (await self.copies(target, label))[-1].id
        self.parts = [one for one in self.parts if one.id == newest]

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


class FakeBodies:
    """Bodies in memory, two a batch. `bucket`: what there is, and `wanted` of it; `fetched`: names,
    in order. `folder`: what is there; None by name only."""

    def __init__(self) -> None:
        self.bucket: dict[str, str] = {}
        self.wanted: list[str] = []
        self.folder: dict[str, str | None] = {}
        self.copy = ""
        self.doubt_of = ""
        self.fetched: list[str] = []
        self.held: list[bool] = []
        self.lost = 0
        self.problem: MailhubError | None = None

    @property
    def beside(self) -> Beside:
        return Beside(json.dumps(self.folder), "bodies-1", self.copy)

    async def hold(self) -> None:
        self.held.append(True)

    async def let_go(self) -> None:
        self.held.append(False)

    async def listed(self, taken: str) -> str:
        return "bodies-1"

    async def follow(self, copy: str, files: Iterable[tuple[str, int]]) -> None:
        self.copy = copy
        self.folder = dict.fromkeys([name for name, _ in files])

    async def settle(self, taken: str) -> None:
        self.folder = {n: w for n, w in self.folder.items() if w is None and n in self.wanted}
        self.missing = [name for name in self.wanted if name not in self.folder]
        self.lost = 0

    async def fetch(self) -> bool:
        batch, self.missing = self.missing[:2], self.missing[2:]
        for name in batch:
            if self.problem is not None:
                raise self.problem
            self.fetched.append(name)
            if name in self.bucket:
                self.folder[name] = self.bucket[name]
            else:
                self.lost += 1
        return bool(self.missing)

    async def kept(self, copy: str) -> None:
        self.copy = copy
        self.folder = dict.fromkeys(self.folder)

    async def doubt(self) -> None:
        self.doubt_of, self.copy, self.folder = self.copy, "", {}

    def doubted(self, copy: str) -> bool:
        return self.doubt_of == copy


class FakeMemory:
    value: Any = None

    def read(self) -> Any:
        return self.value

    def write(self, value: Any) -> None:
        self.value = value


def backups(
    clock: Clock,
    log: Log,
    settings: BackupSettings | None = None,
    bodies: FakeBodies | None = None,
) -> Backups:
    """Backups whose parts can be looked at: `_picture`, `_repository`, `_memory`."""
    return Backups(
        FakePicture(),
        FakeRepository(clock),
        FakeMemory(),
        clock,
        log,
        settings or BackupSettings(target="local"),
        bodies,
    )
