"""`ports.Picture` of a data folder, made on a thread of the reactor's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool

from mailhub.store import picture


class FolderPicture:
    """`to`: where the picture is while it is needed; on the same file system, so that messages are
    linked and not copied. `copy`: see `picture.take`."""

    def __init__(
        self, data: Path, to: Path, reactor: Any, copy: Callable[[Path], None] | None = None
    ) -> None:
        self._data = data
        self._to = to
        self._copy = copy
        self._reactor = reactor

    async def take(self) -> str:
        """See `ports.Picture`."""
        await self._off_reactor(picture.take, self._data, self._to, self._copy)
        return str(self._to)

    async def drop(self) -> None:
        """See `ports.Picture`."""
        await self._off_reactor(picture.clear, self._to)

    async def _off_reactor(self, work: Any, *arguments: object) -> None:
        pool = self._reactor.getThreadPool()
        await deferToThreadPool(self._reactor, pool, work, *arguments)
