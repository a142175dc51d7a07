"""Backups: when one is made, where to, how it went. One at a time.

What a picture is, and who keeps the copies, are ports; the words for a person, each face's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

from mailhub.core.backup_bodies import BodyCopies
from mailhub.model.backup import BackupStatus, BackupTarget, LastBackup, Snapshot, Verified
from mailhub.model.errors import InUse, MailhubError, NotFound, Unavailable
from mailhub.model.settings import BackupSettings
from mailhub.ports import Clock, Log
from mailhub.ports.backup import BackupMemory, Bodies, Picture, Repository

DAY = 86_400
AGAIN = 3600
"""Seconds after a failure until it is tried again."""


class Backups:
    """Makes them, and tells what there is. `bodies`: what goes along with the picture; None where
    all is in it."""

    def __init__(
        self,
        picture: Picture,
        repository: Repository,
        memory: BackupMemory,
        clock: Clock,
        log: Log,
        settings: BackupSettings,
        bodies: Bodies | None = None,
    ) -> None:
        self._copies = BodyCopies(bodies, repository) if bodies is not None else None
        self._picture = picture
        self._repository = repository
        self._memory = memory
        self._clock = clock
        self._log = log
        self._settings = settings
        self._running = False

    @property
    def target(self) -> BackupTarget:
        """Where to: as chosen last, else as configured."""
        chosen = self._kept().get("target")
        if chosen:
            return BackupTarget(**chosen)
        configured = self._settings
        return BackupTarget(
            address=configured.target,
            user=configured.user,
            secret=configured.secret,
            keep=configured.keep,
        )

    @property
    def last(self) -> LastBackup:
        """How the newest attempt went."""
        return LastBackup(**self._kept().get("last", {}))

    @property
    def verified(self) -> Verified:
        """How the newest verification went."""
        return Verified(**self._kept().get("verified", {}))

    def choose(self, target: BackupTarget) -> None:
        """From now on backups go there. Raises Invalid for a target that makes no sense."""
        if target.on:
            self._repository.check(target)
        self._keep(target=asdict(target))
        self._log.event("backup", outcome="target", target=self.shown(target))

    def shown(self, target: BackupTarget) -> str:
        """The target's address without what is secret in it."""
        return self._repository.shown(target) if target.on else target.address

    def public_key(self, target: BackupTarget) -> str:
        """Our key as the target's server has to know it; empty where it asks for none."""
        return self._repository.public_key(target) if target.on else ""

    async def status(self) -> BackupStatus:
        """What there is. Raises Unavailable, where the target does not answer."""
        target = self.target
        found: list[Snapshot] = []
        if target.on:
            sizes = self._kept().get("sizes", {})
            for one in await self._repository.snapshots(target):
                size, added = sizes.get(one.id, (0, 0))
                found.append(replace(one, size=size, added=added))
        key = self.public_key(target)
        return BackupStatus(target, self._running, self.last, tuple(reversed(found)), key)

    async def run(self) -> Snapshot:
        """Makes one now. Raises NotFound (there is no target), InUse (one is being made),
        StorageFull, Unavailable."""
        target = self._wanted()
        if self._running:
            raise InUse("A backup is being made")
        self._running = True
        try:
            made = await self._make(target)
        except MailhubError as error:
            self._tried(error.text)
            self._log.event("backup", outcome="failed", reason=error.text, level="error")
            raise
        finally:
            self._running = False
        self._made()
        self._log.event("backup", outcome="made", id=made.id, size=made.size, added=made.added)
        return made

    async def verify(self, *, whole: bool = False) -> None:
        """Whether what was kept can be read again; `whole`: every byte of it. Raises NotFound,
        Unavailable with what is wrong."""
        try:
            await self._repository.verify(self._wanted(), whole=whole)
        except MailhubError as error:
            self._proved(error.text, whole)
            self._log.event("backup", outcome="unreadable", reason=error.text, level="error")
            raise
        self._proved("", whole)
        self._log.event("backup", outcome="verified", whole=whole)

    async def round(self) -> None:
        """Makes one when its hour has come."""
        if self.target.on and not self._running and self._due():
            try:
                await self.run()
                if self._is_unproven():
                    await self.verify()
            except MailhubError:
                return  # It is in the log and in the status, and tried again.

    def _due(self) -> bool:
        now = self._clock.now()
        hour = now - (now - self._settings.hour * 3600) % DAY
        last = self.last
        return last.good < hour and (last.at < hour or last.at <= now - AGAIN)

    def _is_unproven(self) -> bool:
        every = self._settings.verify * DAY
        return bool(every) and self.verified.at <= self._clock.now() - every

    async def _make(self, target: BackupTarget) -> Snapshot:
        async with self._held():
            folder = await self._picture.take()
            try:
                made = await (self._copies or self._repository).save(target, folder)
            finally:
                await self._picture.drop()
        await self._repository.forget(target)
        left = {one.id: one for one in await self._repository.snapshots(target)}
        if made.id not in left:
            raise Unavailable("The backup is not there after it was made")
        sizes = {id: size for id, size in self._kept().get("sizes", {}).items() if id in left}
        self._keep(sizes={**sizes, made.id: (made.size, made.added)})
        return replace(made, time=left[made.id].time)

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[None]:
        """What the picture refers to stays where it is meanwhile."""
        if self._copies is not None:
            await self._copies.hold()
        try:
            yield
        finally:
            if self._copies is not None:
                with suppress(MailhubError):  # it ends by itself
                    await self._copies.let_go()

    def _wanted(self) -> BackupTarget:
        target = self.target
        if not target.on:
            raise NotFound("Backups are off: choose where they shall go")
        return target

    def _tried(self, text: str) -> None:
        self._keep(last=asdict(LastBackup(int(self._clock.now()), self.last.good, text)))

    def _made(self) -> None:
        now, text = int(self._clock.now()), ""
        lost = self._copies.lost if self._copies is not None else 0
        if lost:
            text = f"It was made, and lacks {lost} larger messages that the bucket has lost"
            self._log.event("backup", outcome="lacking", bodies=lost, level="error")
        self._keep(last=asdict(LastBackup(now, now, text)))

    def _proved(self, text: str, whole: bool) -> None:
        self._keep(verified=asdict(Verified(int(self._clock.now()), text, whole)))

    def _kept(self) -> Mapping[str, Any]:
        found = self._memory.read()
        return found if isinstance(found, dict) else {}

    def _keep(self, **what: Any) -> None:
        self._memory.write({**self._kept(), **what})
