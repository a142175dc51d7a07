"""What keeps the small files that all processes of a server have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from mailhub.model.kept import Kept


class KeptFiles(Protocol):
    """Files by name. Raises Unavailable."""

    def versions(self) -> Awaitable[Mapping[str, int]]:
        """Of all."""
        ...

    def some(self, names: Sequence[str]) -> Awaitable[Sequence[Kept]]:
        """Those that there are."""
        ...

    def put(self, files: Sequence[Kept]) -> Awaitable[Sequence[Kept]]:
        """Files as they are from now on, each in the place of its `version`. Those that took it, as
        they are now: a file that another process changed meanwhile stays as that left it."""
        ...

    def agree(self, files: Sequence[Kept]) -> Sequence[Kept]:
        """As `put`, and all that there are then. For the start of a process: waits for the answer,
        and no change is told."""
        ...
