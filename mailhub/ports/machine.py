"""The machine that the server runs on: its disk, its packages, its power."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol


class Volume(Protocol):
    """Where the server keeps everything."""

    def room(self) -> tuple[int, int]:
        """Octets that are free, and all of them; (0, 0) where nobody knows."""
        ...


class Machine(Protocol):
    """What runs the operating system. Everything but `wants_reboot` raises Unavailable with the
    words of the program that failed."""

    def wants_reboot(self) -> bool:
        """Whether an upgrade takes effect after a reboot only."""
        ...

    def updates(self) -> Awaitable[Sequence[tuple[str, str]]]:
        """Packages with newer versions: name and version."""
        ...

    def upgrade(self) -> Awaitable[str]:
        """Upgrades all of them; what the program said."""
        ...

    def reboot(self) -> Awaitable[None]:
        """Begins to."""
        ...
