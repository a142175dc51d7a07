"""Sieve scripts of accounts: every rule about keeping them, whatever face they come by.

What a script means stands in `wire.sieve`, what it does to mail in `core.scripting`.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.turns import Turns, run
from mailhub.model.change import Actor
from mailhub.model.errors import LimitReached, NotFound, OverQuota, TooLarge
from mailhub.model.script import Allowance, Script
from mailhub.model.settings_sieve import SieveSettings
from mailhub.ports import Clock, Storage
from mailhub.wire.sieve.checks import compiling
from mailhub.wire.sieve.constants import script_name


class Scripts:
    """The scripts of every account."""

    def __init__(self, storage: Storage, clock: Clock, settings: SieveSettings) -> None:
        self._storage = storage
        self._clock = clock
        self.settings = settings

    @property
    def _allowance(self) -> Allowance:
        return Allowance(self.settings.scripts, self.settings.size, self.settings.total)

    async def all(self, account: int) -> Sequence[Script]:
        """By name."""
        return await self._storage.scripts.of_account(account)

    async def get(self, account: int, name: str) -> Script:
        """Raises NotFound."""
        found = await self._storage.scripts.get(account, name)
        if found is None:
            raise NotFound("No such script")
        return found

    async def check(self, source: str) -> tuple[str, ...]:
        """What is allowed in a script and hardly meant. Raises BadScript (Invalid), TooLarge."""
        if len(source.encode()) > self.settings.size:
            raise TooLarge("The script is too large", self.settings.size)
        program = await run(compiling(source), Turns(self._clock))
        return program.warnings

    async def put(self, account: int, name: str, source: str, actor: Actor) -> tuple[str, ...]:
        """Keeps a script under a name, in place of what had it before; as `check`.

        Raises Invalid (the name, BadScript), TooLarge, LimitReached (scripts), OverQuota (octets),
        NotFound (account).
        """
        script_name(name)
        warnings = await self.check(source)
        await self._storage.scripts.put(Script(account, name, source), self._allowance, actor)
        return warnings

    async def has_room(self, account: int, name: str, size: int) -> None:
        """Whether a script of so many octets could be put. Raises Invalid, TooLarge,
        LimitReached, OverQuota."""
        script_name(name)
        allowance = self._allowance
        if size > allowance.size:
            raise TooLarge("The script is too large", allowance.size)
        others = [one for one in await self.all(account) if one.name != name]
        if len(others) >= allowance.scripts:
            raise LimitReached("Too many scripts")
        if sum(one.size for one in others) + size > allowance.total:
            raise OverQuota("The scripts take too much room together")

    async def activate(self, account: int, name: str, actor: Actor) -> None:
        """Runs this script on mail from now on, and no other; an empty name: none. What it was
        checked against when it was put may have changed since. Raises NotFound, BadScript."""
        if name:
            await self.check((await self.get(account, name)).source)
        await self._storage.scripts.activate(account, name, actor)

    async def rename(self, account: int, name: str, new_name: str, actor: Actor) -> None:
        """Raises NotFound, AlreadyExists, Invalid (the new name)."""
        script_name(new_name)
        await self._storage.scripts.rename(account, name, new_name, actor)

    async def remove(self, account: int, name: str, actor: Actor) -> None:
        """Raises NotFound, InUse (it is active)."""
        await self._storage.scripts.remove(account, name, actor)
