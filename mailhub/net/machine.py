"""The machine by Debian's own programs: apt-get and systemctl, without a shell, never waited for on
the reactor. Who may have them run is core's."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.utils import getProcessOutputAndValue

from mailhub.model.errors import Unavailable

MARKS = (Path("/run/reboot-required"), Path("/var/run/reboot-required"))
"""Debian's packages leave one of them when they want a reboot."""
SAID = 4000
"""Characters of a complaint."""
_INSTALLED = re.compile(r"^Inst (\S+) (?:\[[^]]*\] )?\((\S+)", re.MULTILINE)
_QUIET = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


class DataVolume:
    """`ports.Volume`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def room(self) -> tuple[int, int]:
        """See `ports.Volume`."""
        try:
            facts = os.statvfs(self._folder)
        except OSError:
            return 0, 0
        return facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize


class DebianMachine:
    """`ports.Machine`. `sudo`: put before what only root may do, unless this is root."""

    def __init__(self, reactor: Any, sudo: Sequence[str] = ("sudo", "-n")) -> None:
        self._reactor = reactor
        self._sudo = () if os.geteuid() == 0 else tuple(sudo)

    def wants_reboot(self) -> bool:
        """See `ports.Machine`."""
        return any(mark.exists() for mark in MARKS)

    async def updates(self) -> Sequence[tuple[str, str]]:
        """See `ports.Machine`."""
        return listed(await self._run("apt-get", "-qq", "--simulate", "upgrade"))

    async def upgrade(self) -> str:
        """See `ports.Machine`."""
        keep = ("-o", "Dpkg::Options::=--force-confold")
        await self._run(*self._sudo, "apt-get", "-qq", "update")
        return await self._run(*self._sudo, "apt-get", "-y", *keep, "upgrade")

    async def reboot(self) -> None:
        """See `ports.Machine`."""
        await self._run(*self._sudo, "systemctl", "--no-block", "reboot")

    async def _run(self, program: str, *words: str) -> str:
        path = next(
            (
                found
                for folder in _QUIET["PATH"].split(":")
                if os.access(found := os.path.join(folder, program), os.X_OK)
            ),
            "",
        )
        if not path:
            raise Unavailable(f"There is no program {program} here")
        output, errors, code = await getProcessOutputAndValue(  # type: ignore[no-untyped-call]
            path, list(words), _QUIET, reactor=self._reactor
        )
        if code:
            said = (errors or output).decode("utf-8", "replace").strip()[-SAID:]
            raise Unavailable(f"{program} failed: {said or code}")
        return str(output.decode("utf-8", "replace"))


def listed(output: str) -> Sequence[tuple[str, str]]:
    """Names and versions in what a simulated upgrade says."""
    return _INSTALLED.findall(output)
