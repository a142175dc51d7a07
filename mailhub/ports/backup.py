"""What backups need of the world: a picture of the store, and somewhere to put it."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Protocol

from mailhub.model.backup import BackupTarget, Beside, Snapshot
from mailhub.model.errors import Unavailable


class Picture(Protocol):
    """Everything the server keeps, as it is at one moment."""

    def take(self) -> Awaitable[str]:
        """A folder with it, that stays as it is until `drop`. Mail goes on meanwhile. Raises
        StorageFull, Unavailable."""
        ...

    def drop(self) -> Awaitable[None]:
        """The folder is needed no more."""
        ...


class Bodies(Protocol):
    """Bodies that are not in the picture, as files beside it, a batch at a time: those that a copy
    has are there by name only (`Beside`). Everything raises StorageFull, Unavailable."""

    @property
    def lost(self) -> int:
        """How many could not be fetched since `settle`: what keeps them has lost them."""
        ...

    @property
    def beside(self) -> Beside:
        """What goes along with the picture just now."""
        ...

    def hold(self) -> Awaitable[None]:
        """From now on none goes that is referred to, for a day or until `let_go`."""
        ...

    def let_go(self) -> Awaitable[None]:
        """They may go again."""
        ...

    def listed(self, taken: str) -> Awaitable[str]:
        """Whose bodies the picture in this folder refers to: their label."""
        ...

    def follow(self, copy: str, files: Iterable[tuple[str, int]]) -> Awaitable[None]:
        """What a copy has is there by name from now on, and nothing else: names and sizes, which
        are gone through once on a thread. `copy` empty: nothing is."""
        ...

    def settle(self, taken: str) -> Awaitable[None]:
        """Finds out what has to be fetched of what the picture in this folder refers to; all else
        goes."""
        ...

    def fetch(self) -> Awaitable[bool]:
        """Fetches the next batch; whether there are more."""
        ...

    def kept(self, copy: str) -> Awaitable[None]:
        """A copy has all that is there: the batch stays by name only."""
        ...

    def doubt(self) -> Awaitable[None]:
        """The copy that was followed has not all that it was said to have."""
        ...

    def doubted(self, copy: str) -> bool:
        """Whether that is so of this one, as far as is known here."""
        ...


class Unread(Unavailable):
    """Bodies that are there by name only are not in the copy that was said to have them."""


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

    def save(
        self, target: BackupTarget, folder: str, beside: Beside | None = None
    ) -> Awaitable[Snapshot]:
        """Keeps a copy of the folder, and of what is beside it; the repository is made where there
        is none. When it was made is told by `snapshots`. Raises Unread."""
        ...

    def save_some(self, target: BackupTarget, beside: Beside) -> Awaitable[Snapshot]:
        """Keeps a copy of bodies on the way to a backup. Raises Unread."""
        ...

    def copies(self, target: BackupTarget, label: str) -> Awaitable[Sequence[Snapshot]]:
        """What holds bodies of this label, the oldest first: backups, and copies on the way."""
        ...

    def bodies(self, target: BackupTarget, copy: str) -> Awaitable[Iterable[tuple[str, int]]]:
        """Names and sizes of the bodies of a copy, to be gone through once."""
        ...

    def forget_some(self, target: BackupTarget, label: str) -> Awaitable[None]:
        """Lets go of the copies that were made on the way, but for the newest copy of all."""
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
