"""Files that applications keep for messages still to be written: pictures of a draft, say.

They are stored in pieces, each in a commit of its own, and seen when all of them are there; nothing
holds a whole file. What becomes of them in a message is `core.composing`'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

from mailhub.core.ids import Ids
from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.errors import NotFound, TooLarge
from mailhub.model.file import StoredFile
from mailhub.ports import Clock, Storage

PIECE = 256 * 1024
"""Octets of a piece: one commit, one read."""
MOST = 1000
"""Files of one account."""
BROKEN_OFF = 86_400
"""Seconds after which a file whose pieces never all came is dropped."""


class Files:
    """Those of every account. `largest`: octets of one."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, largest: int) -> None:
        self._files = storage.files
        self._clock = clock
        self._ids = ids
        self.largest = largest

    async def keep(
        self,
        account: Account,
        name: str,
        media: str,
        cid: str,
        pieces: Iterable[bytes | memoryview],
        bound: int,
        actor: Actor,
    ) -> StoredFile:
        """Stores what `pieces` hold, in whatever portions: at most `bound` octets.

        Raises TooLarge, LimitReached, OverQuota, NotFound (the account), StorageFull, and what
        `pieces` raises.
        """
        if bound > self.largest:
            raise TooLarge("The file is too large", self.largest)
        now = int(self._clock.now())
        await self._clear(account.number, now - BROKEN_OFF)
        order = StoredFile(account.number, self._ids.new(), name, media, bound, now, cid)
        made = await self._files.begin(order, MOST)
        size = 0
        for place, piece in enumerate(_regular(pieces)):
            await self._files.put(made, place, piece)
            size += len(piece)
        done = replace(made, size=size)
        await self._files.finish(done, actor)
        return done

    async def get(self, account: int, id: str) -> StoredFile:
        """Raises NotFound."""
        found = await self._files.get(account, id)
        if found is None:
            raise NotFound("No such file")
        return found

    async def page(
        self, account: int, *, after: int = 0, before: int = 0, limit: int = 100, query: str = ""
    ) -> tuple[Sequence[StoredFile], int]:
        """See `ports.Files.page`."""
        return await self._files.page(account, after=after, before=before, limit=limit, query=query)

    async def read(self, one: StoredFile) -> AsyncIterator[bytes]:
        """The content, in pieces. Raises NotFound where it goes meanwhile."""
        place, left = 0, one.size
        while left:
            piece = await self._files.piece(one, place)
            if not piece:
                raise NotFound("The file is gone")
            yield piece
            left -= len(piece)
            place += 1

    async def remove(self, account: int, id: str, actor: Actor) -> None:
        """Raises NotFound."""
        await self._files.remove(await self.get(account, id), actor)
        await self._clear(account, 0)

    async def _clear(self, account: int, until: int) -> None:
        while await self._files.clear(account, until):
            continue


def _regular(pieces: Iterable[bytes | memoryview]) -> Iterable[bytes]:
    """The same octets in pieces of one size."""
    kept = bytearray()
    for piece in pieces:
        view = memoryview(piece)
        for at in range(0, len(view), PIECE):
            kept += view[at : at + PIECE]
            while len(kept) >= PIECE:
                yield bytes(kept[:PIECE])
                del kept[:PIECE]
    if kept:
        yield bytes(kept)
