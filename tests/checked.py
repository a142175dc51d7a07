"""A machine that does as a test says, and what looks it over."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailhub.core.backup import Backups
from mailhub.core.checkup import Checkup, Means
from mailhub.core.system import System
from mailhub.model.errors import Unavailable
from mailhub.model.settings_checks import CheckSettings
from mailhub.model.settings_system import SystemSettings
from mailhub.net.together import together
from tests import zoned
from tests.certified import ADDRESS, Certified
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
    return System(machine, here.web, Memory(), here.clock, here.log, settings, "1.2.3")


@dataclass
class FakeCondition:
    """`ports.Condition`."""

    free: int = 3 * GB
    clock: bool | None = True
    passwords: bool | None = False

    def memory(self) -> tuple[int, int]:
        return self.free, 4 * GB

    def clock_is_set(self) -> bool | None:
        return self.clock

    def takes_passwords(self) -> bool | None:
        return self.passwords


@dataclass
class FakeReach:
    """`ports.Reach`. `closed`: endpoints where nobody is, `greeting`: what all others say."""

    closed: set[str] = field(default_factory=set)
    greeting: bytes = b"220 far.example ESMTP"
    asked: list[str] = field(default_factory=list)

    async def reach(self, endpoint: str, *, greeted: bool = False) -> bytes:
        self.asked.append(endpoint)
        if endpoint in self.closed:
            raise Unavailable("Connection refused")
        return self.greeting if greeted else b""


class FakeFetch:
    """`ports.Fetch`: `documents` by URL; an exception in the place of one is raised."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes | Exception] = {}

    async def get(self, url: str, *, kind: str, size: int, seconds: float) -> bytes:
        found = self.documents.get(url, Unavailable("Connection refused"))
        if isinstance(found, Exception):
            raise found
        return found


class Within:
    """`ports.Within` without a clock."""

    async def __call__(self, work: Coroutine[Any, Any, Any], seconds: float) -> Any:
        return await work


def means(
    here: World, machine: FakeMachine, certified: Certified, backups: Backups, **given: Any
) -> Means:
    """Of a world whose public address is known. `given`: what is to be another."""
    made = {
        "addresses": here.addresses,
        "records": here.records,
        "certificates": certified.certificates,
        "hosted": certified.hosted,
        "provisioning": certified.provisioning,
        "zones": zoned.place(here).zones,
        "backups": backups,
        "system": system(here, machine, SystemSettings()),
        "queue": here.store.queue,
        "resolver": here.resolver,
        "asking": lambda address: here.resolver,
        "forget": lambda: None,
        "fetch": FakeFetch(),
        "volume": machine,
        "condition": FakeCondition(),
        "reach": FakeReach(),
        "clock": here.clock,
        "together": together,
        "within": Within(),
        "log": here.log,
        "memory": Memory(),
        "settings": CheckSettings(),
        "hostname": HOSTNAME,
        "own": (ADDRESS,),
    }
    return Means(**{**made, **given})


def checkup(
    here: World, machine: FakeMachine, certified: Certified, backups: Backups, **given: Any
) -> Checkup:
    """Looks with such means."""
    return Checkup(means(here, machine, certified, backups, **given))
