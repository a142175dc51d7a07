"""The machine that the server runs on: its disk, its packages, its power."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol


class Volume(Protocol):
    """Where the server keeps everything."""

    def room(self) -> tuple[int, int]:
        """Octets that are free, and all of them; (0, 0) where nobody knows."""
        ...


class Condition(Protocol):
    """How the machine does; nothing of it waits."""

    def memory(self) -> tuple[int, int]:
        """Octets that programs could still have, and all of them; (0, 0) where nobody knows."""
        ...

    def clock_is_set(self) -> bool | None:
        """Whether something keeps the machine's clock right; None where nobody knows."""
        ...

    def takes_passwords(self) -> bool | None:
        """Whether its SSH server lets people in with a password; None where there is none."""
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
