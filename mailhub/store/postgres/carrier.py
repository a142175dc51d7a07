"""`ports.backup.Bodies`: a bucket's bodies on their way into backups, of which each goes once.

The list comes with the picture (`copying`), files and husks are `carrying.husks`'s. Of a body no
more is in memory than a piece, and of all that is on its way no more on the disk than is set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from mailhub.model.backup import Beside
from mailhub.model.errors import Corrupt, StorageFull, Unavailable
from mailhub.model.message import BlobRef
from mailhub.ports.leases import carried
from mailhub.store import picture
from mailhub.store.carrying import lists
from mailhub.store.carrying.husks import BodyFolder
from mailhub.store.carrying.lists import Body, body_of
from mailhub.store.faults import FULL
from mailhub.store.postgres import freeing
from mailhub.store.postgres.copying import LIST
from mailhub.store.postgres.outside import Outside, Writing
from mailhub.store.s3.objects import Objects, all_of

PIECE = 1 << 20
"""Octets of a body that are in memory."""
AT_ONCE = 4
"""Bodies that are fetched at a time."""
MOST = 20_000
"""Bodies that are on their way at a time, at most."""
HOLD = 86_400
"""Seconds for which bodies are held; said anew with each batch."""
NAME = "bodies"


class BucketBodies:
    """`folder`: of backups. `room`: octets of bodies that may lie there at a time."""

    def __init__(self, folder: Path, outside: Outside, writing: Writing, room: int) -> None:
        assert outside.objects is not None
        self._folder = folder
        self._files = BodyFolder(folder / NAME)
        self._outside = outside
        self._objects: Objects = outside.objects
        self._writing = writing
        self._room = room
        self._label = ""
        self._missing: Iterator[Body] = iter(())
        self._batch: Sequence[Body] = ()
        self.lost = 0

    @property
    def beside(self) -> Beside:
        """See `ports.backup.Bodies`."""
        return Beside(str(self._files.folder), self._label, self._files.copy)

    async def hold(self) -> None:
        """See `ports.backup.Bodies`."""
        await self._writing.write(freeing.hold, HOLD)

    async def let_go(self) -> None:
        """See `ports.backup.Bodies`."""
        await self._writing.write(freeing.hold, 0)

    async def listed(self, taken: str) -> str:
        """See `ports.backup.Bodies`."""
        path = Path(taken) / picture.STORE / LIST
        self._label = f"{NAME}-{await self._thread(lists.bucket, path) or 'none'}"
        return self._label

    async def follow(self, copy: str, files: Iterable[tuple[str, int]]) -> None:
        """See `ports.backup.Bodies`."""
        if copy:
            bodies = (body for name, size in files if (body := body_of(name, size)) is not None)
            await self._thread(self._files.rebuild, copy, bodies)
        else:
            await self._thread(self._files.clear)

    async def settle(self, taken: str) -> None:
        """See `ports.backup.Bodies`."""
        wanted = Path(taken) / picture.STORE / LIST
        missing = self._folder / "bodies.missing"
        await self._thread(self._settle, wanted, missing)
        self._missing = lists.read(missing)
        self._batch = ()
        self.lost = 0

    def _settle(self, wanted: Path, missing: Path) -> None:
        for left in self._folder.glob("*.fresh"):
            left.unlink()
        missing.unlink(missing_ok=True)
        lists.write(missing, lists.bucket(wanted), self._files.settle(lists.read(wanted)))

    async def fetch(self) -> bool:
        """See `ports.backup.Bodies`."""
        batch, more = await self._thread(self._next)
        if batch:
            await self.hold()
            await self._fetch_all(batch)
        self._batch = batch
        return bool(more)

    async def _fetch_all(self, batch: Sequence[Body]) -> None:
        waiting = iter(batch)
        try:
            # Nothing is taken for this database's that is another's.
            await self._outside.claim(self._writing)
            await all_of([carried(self._fetch_some(waiting)) for _ in range(AT_ONCE)])
        except Unavailable as error:
            raise Unavailable(f"The bucket cannot be read: {error.text}") from error

    def _next(self) -> tuple[list[Body], bool]:
        """What is fetched next, and whether there is more behind it."""
        batch: list[Body] = []
        size = 0
        for body in islice(self._missing, MOST):
            batch.append(body)
            size += body.size
            if size >= self._room:
                break
        return batch, size >= self._room or len(batch) == MOST

    async def _fetch_some(self, waiting: Iterator[Body]) -> None:
        for body in waiting:
            try:
                await self._fetch(body)
            except Corrupt:
                # The bucket has lost it: the others are to be kept all the same.
                self.lost += 1

    async def _fetch(self, body: Body) -> None:
        path = await self._thread(self._files.fresh, body)
        for start in range(0, body.size, PIECE):
            ref = BlobRef(body.segment, start, min(PIECE, body.size - start))
            [octets] = await self._objects.read([ref])
            await self._thread(_write, path, start, octets)
        await self._thread(self._files.took, body)

    async def kept(self, copy: str) -> None:
        """See `ports.backup.Bodies`."""
        await self._thread(self._files.hollow, copy, self._batch)
        self._batch = ()

    async def doubt(self) -> None:
        """See `ports.backup.Bodies`."""
        await self._thread(self._files.doubt)

    def doubted(self, copy: str) -> bool:
        """See `ports.backup.Bodies`."""
        return self._files.doubted == copy

    async def _thread(self, work: Callable[..., Any], *args: object) -> Any:
        try:
            return await self._objects.thread(work, *args)
        except OSError as error:
            if error.errno in FULL:
                raise StorageFull("The disk has no room for bodies on their way") from error
            raise Unavailable(f"Bodies cannot be kept for a backup: {error}") from error


def _write(path: Path, start: int, octets: bytes) -> None:
    """No handle stays open: who waits for this may be told to stop before it is done."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.seek(start)
        file.write(octets)
