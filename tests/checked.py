"""A machine that does as a test says, and what looks it over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mailhub.core.backup import Backups
from mailhub.core.checkup import Checkup
from mailhub.core.provisioning import Provisioning
from mailhub.core.system import System
from mailhub.model.errors import Unavailable
from mailhub.model.settings_system import SystemSettings
from mailhub.net.together import together
from tests.certified import ADDRESS
from tests.world import HOSTNAME, World

GB = 1 << 30


@dataclass
class FakeMachine:
    """`ports.Machine` and `ports.Volume`. `done`: what was asked of it."""

    marked: bool = False
    broken: bool = False
    free: int = 50 * GB
    done: list[str] = field(default_factory=list)

    def room(self) -> tuple[int, int]:
        return self.free, 100 * GB

    def wants_reboot(self) -> bool:
        return self.marked

    async def updates(self) -> Sequence[tuple[str, str]]:
        return [("libgnutls30", "3.5.18-1"), ("libxau6", "1:1.0.8")]

    async def upgrade(self) -> str:
        if self.broken:
            raise Unavailable("apt-get failed: no network")
        self.done.append("upgrade")
        return "Calculating upgrade...\n"

    async def reboot(self) -> None:
        self.done.append("reboot")


class Memory:
    """`ports.backup.BackupMemory`."""

    def __init__(self) -> None:
        self.kept: Any = None

    def read(self) -> Any:
        return self.kept

    def write(self, value: Any) -> None:
        self.kept = value


def system(here: World, machine: FakeMachine, settings: SystemSettings) -> System:
    """Version 1.2.3 of the server."""
    return System(machine, here.web, Memory(), here.log, settings, "1.2.3")


def checkup(
    here: World, machine: FakeMachine, provisioning: Provisioning, backups: Backups
) -> Checkup:
    """Of a world whose public address is known."""
    return Checkup(
        here.addresses,
        here.records,
        provisioning,
        backups,
        here.resolver,
        machine,
        here.clock,
        together,
        HOSTNAME,
        (ADDRESS,),
    )
