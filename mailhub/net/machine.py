"""The machine by Debian's own programs: apt-get and systemctl, without a shell, never waited for on
the reactor. Who may have them run is core's."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from typing import Any

from twisted.internet.utils import getProcessOutputAndValue

from mailhub.model.errors import Unavailable
from mailhub.model.settings_system import SystemSettings

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
    """`ports.Machine`, by the programs that the settings name."""

    def __init__(self, settings: SystemSettings, reactor: Any) -> None:
        self._reactor = reactor
        self._settings = settings
        self._sudo = () if os.geteuid() == 0 else settings.sudo

    def wants_reboot(self) -> bool:
        """See `ports.Machine`."""
        return Path(self._settings.marker).exists()

    async def updates(self) -> Sequence[tuple[str, str]]:
        """See `ports.Machine`."""
        return listed(await self._run(*self._settings.apt, "-qq", "--simulate", "upgrade"))

    async def upgrade(self) -> str:
        """See `ports.Machine`."""
        keep = ("-o", "Dpkg::Options::=--force-confold")
        apt = (*self._sudo, *self._settings.apt)
        await self._run(*apt, "-qq", "update")
        return await self._run(*apt, "-y", *keep, "upgrade")

    async def reboot(self) -> None:
        """See `ports.Machine`."""
        await self._run(*self._sudo, *self._settings.rebooting)

    async def _run(self, program: str, *words: str) -> str:
        path = which(program, path=_QUIET["PATH"])
        if path is None:
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
