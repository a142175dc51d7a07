"""What the store keeps of files for messages still to be written."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from mailhub.model.change import Actor
from mailhub.model.file import StoredFile


class Files(Protocol):
    """Files by account, each of them in pieces, which come and go one by one: no commit is
    large."""

    def begin(self, one: StoredFile, most: int) -> Awaitable[StoredFile]:
        """Makes room for a file that nobody sees yet, of at most `size` octets; the store gives
        `number`. Raises NotFound
        (the account), LimitReached (it has `most` already), OverQuota (with its mail, and its
        other files)."""
        ...

    def put(self, one: StoredFile, place: int, octets: bytes) -> Awaitable[None]:
        """The next piece; places begin at 0."""
        ...

    def finish(self, one: StoredFile, actor: Actor) -> Awaitable[None]:
        """Now the file is there, and has the size that is told here. Raises NotFound (it went
        meanwhile, with its account)."""
        ...

    def get(self, account: int, id: str) -> Awaitable[StoredFile | None]: ...
    def page(
        self,
        account: int,
        *,
        after: int = 0,
        before: int = 0,
        limit: int = 100,
        query: str = "",
    ) -> Awaitable[tuple[Sequence[StoredFile], int]]:
        """As `Addresses.page`. `query`: part of a name."""
        ...

    def piece(self, one: StoredFile, place: int) -> Awaitable[bytes]:
        """Empty behind the last one, and where the file is gone."""
        ...

    def remove(self, one: StoredFile, actor: Actor) -> Awaitable[None]:
        """Nobody sees it any more. Raises NotFound."""
        ...

    def clear(self, account: int, until: int) -> Awaitable[bool]:
        """Drops some pieces of files that were removed, or that were begun before `until` (epoch
        seconds) and never finished; whether there were any."""
        ...
