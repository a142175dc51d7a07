"""What backups need of the world: a picture of the store, and somewhere to put it."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from mailhub.model.backup import BackupTarget, Snapshot


class Picture(Protocol):
    """Everything the server keeps, as it is at one moment."""

    def take(self) -> Awaitable[str]:
        """A folder with it, that stays as it is until `drop`. Mail goes on meanwhile. Raises
        StorageFull, Unavailable."""
        ...

    def drop(self) -> Awaitable[None]:
        """The folder is needed no more."""
        ...


class Repository(Protocol):
    """Keeps encrypted copies of folders. Everything raises Unavailable with the words of who
    keeps them, and Invalid for a target that makes no sense."""

    def check(self, target: BackupTarget) -> None:
        """Whether the target makes sense; nobody is asked."""
        ...

    def shown(self, target: BackupTarget) -> str:
        """The target's address without what is secret in it."""
        ...

    def public_key(self, target: BackupTarget) -> str:
        """Our key as its server has to know it; empty where it asks for none."""
        ...

    def save(self, target: BackupTarget, folder: str) -> Awaitable[Snapshot]:
        """Keeps a copy of the folder; the repository is made where there is none. When it was
        made is told by `snapshots`."""
        ...

    def snapshots(self, target: BackupTarget) -> Awaitable[Sequence[Snapshot]]:
        """What there is, the oldest first."""
        ...

    def forget(self, target: BackupTarget) -> Awaitable[None]:
        """Lets go of what need not be kept any longer."""
        ...

    def verify(self, target: BackupTarget, *, whole: bool) -> Awaitable[None]:
        """Whether all of it can be read; `whole`: every byte, else what says where they are."""
        ...


class BackupMemory(Protocol):
    """A little JSON that outlives the process."""

    def read(self) -> Any:
        """What was written last; None for nothing."""
        ...

    def write(self, value: Any) -> None:
        """Keeps it, durably."""
        ...
