"""The server as a program on a machine: its version, upgrades, a reboot; each as far as the
settings let administrators go. Nothing is asked of anybody outside unless privacy is off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailhub.model.errors import InUse, NotPermitted, Unavailable
from mailhub.model.settings_system import SystemSettings
from mailhub.model.web import WebRequest
from mailhub.ports import Clock, Log, Machine, Web
from mailhub.ports.backup import BackupMemory

PRIVATE = "private"
KNOWN = 8 * 3600
"""Seconds for which it is known which packages have newer versions, and what the newest of ours
is."""
_VERSION = re.compile(r"v?[0-9][0-9A-Za-z.+-]{0,60}")


class System:
    """`memory`: outlives the process. `version`: this program's."""

    def __init__(
        self,
        machine: Machine,
        web: Web,
        memory: BackupMemory,
        clock: Clock,
        log: Log,
        settings: SystemSettings,
        version: str,
    ) -> None:
        self._machine = machine
        self._web = web
        self._memory = memory
        self._clock = clock
        self._log = log
        self._settings = settings
        self.version = f"v{version}"
        """As releases are tagged."""
        self._updates: Sequence[tuple[str, str]] = ()
        self._updates_until = 0.0
        self._upgrading = False
        self._latest = ""
        self._latest_until = 0.0

    @property
    def may(self) -> SystemSettings:
        """What administrators may do here."""
        return self._settings

    @property
    def private(self) -> bool:
        """Whether nobody is asked for new versions. So it is until somebody says otherwise."""
        kept = self._memory.read()
        return not (isinstance(kept, dict) and kept.get(PRIVATE) is False)

    def keep_private(self, private: bool) -> None:
        """Raises Unavailable."""
        self._memory.write({PRIVATE: private})

    async def latest(self) -> str:
        """The newest version. Raises NotPermitted (privacy), Unavailable."""
        if self.private:
            raise NotPermitted("New versions are not looked for: privacy is on")
        if not self._settings.versions:
            raise NotPermitted("Nobody is asked for new versions: set `system.versions`")
        if self._clock.seconds() < self._latest_until:
            return self._latest
        answer = await self._web.ask(WebRequest(url=self._settings.versions, size=4096))
        found = _VERSION.fullmatch(answer.body.decode("ascii", "ignore").strip())
        if answer.status != 200 or found is None:
            raise Unavailable("What was answered is no version")
        self._latest, self._latest_until = found[0], self._clock.seconds() + KNOWN
        return found[0]

    async def updates(self) -> Sequence[tuple[str, str]]:
        """Packages with newer versions. Raises NotPermitted, Unavailable."""
        self._check(self._settings.packages, "packages")
        if self._clock.seconds() >= self._updates_until:
            self._updates = await self._machine.updates()
            self._updates_until = self._clock.seconds() + KNOWN
        return self._updates

    async def upgrade(self) -> str:
        """Upgrades packages; what was said. Raises NotPermitted, InUse, Unavailable."""
        self._check(self._settings.packages, "packages")
        if self._upgrading:
            raise InUse("Packages are being upgraded")
        self._upgrading, self._updates_until = True, 0.0
        try:
            said = await self._machine.upgrade()
        finally:
            self._upgrading = False
        self._log.event("system", outcome="upgraded")
        return said

    def wants_reboot(self) -> bool:
        """Whether an upgrade takes effect after a reboot only."""
        return self._machine.wants_reboot()

    async def reboot(self) -> bool:
        """Whether the machine goes down now: only where an upgrade wants it. Raises NotPermitted,
        Unavailable."""
        if not self.wants_reboot():
            return False
        self._check(self._settings.reboot, "reboot")
        self._log.event("system", outcome="rebooting", level="warn")
        await self._machine.reboot()
        return True

    def _check(self, allowed: bool, name: str) -> None:
        if not allowed:
            raise NotPermitted(f"This is off: `system.{name}` in the configuration turns it on")
