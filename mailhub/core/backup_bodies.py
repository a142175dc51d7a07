"""Bodies that are kept beside the store, on their way into a backup: in batches, each copied once.

A body is never changed, so what an earlier copy has is not fetched again; it only has to be named.
Batches are copies of their own until the backup is made, which holds all of them: who is stopped
in the middle goes on from the last one.
"""

from __future__ import annotations

from mailhub.model.backup import BackupTarget, Snapshot
from mailhub.ports.backup import Bodies, Repository, Unread


class BodyCopies:
    """Makes backups with what is beside the picture."""

    def __init__(self, bodies: Bodies, repository: Repository) -> None:
        self._bodies = bodies
        self._repository = repository

    @property
    def lost(self) -> int:
        """Bodies that the newest backup lacks, since what keeps them had lost them."""
        return self._bodies.lost

    async def hold(self) -> None:
        """None goes from now on; to be called before the picture is taken."""
        await self._bodies.hold()

    async def let_go(self) -> None:
        """They may go again."""
        await self._bodies.let_go()

    async def save(self, target: BackupTarget, folder: str) -> Snapshot:
        """Keeps the picture in `folder` with all bodies that it refers to. Raises StorageFull,
        Unavailable."""
        label = await self._agree(target, folder)
        try:
            made = await self._save(target, folder, label)
        except Unread:
            # Nothing is taken for granted any more: the next one fetches all of them.
            await self._bodies.doubt()
            raise
        await self._bodies.kept(made.id)
        await self._repository.forget_some(target, label)
        return made

    async def _agree(self, target: BackupTarget, folder: str) -> str:
        """What is here by name is what the newest copy has."""
        bodies, repository = self._bodies, self._repository
        label = await bodies.listed(folder)
        copies = await repository.copies(target, label)
        if not copies or bodies.doubted(copies[-1].id):
            await bodies.follow("", ())
        elif bodies.beside.copy != copies[-1].id:
            await bodies.follow(copies[-1].id, await repository.bodies(target, copies[-1].id))
        await bodies.settle(folder)
        return label

    async def _save(self, target: BackupTarget, folder: str, label: str) -> Snapshot:
        bodies, repository = self._bodies, self._repository
        while await bodies.fetch():
            some = await repository.save_some(target, bodies.beside)
            await bodies.kept(some.id)
            await repository.forget_some(target, label)
        return await repository.save(target, folder, bodies.beside)
