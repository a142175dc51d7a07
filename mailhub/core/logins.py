"""Everybody's logins, for administrators, and who may not guess any more for now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.core.noted import Noted
from mailhub.model.identity import Login
from mailhub.policy.limits import Guesses, Held
from mailhub.ports import Storage


@dataclass(frozen=True, slots=True)
class Logins:
    """A page, newest first. `before`: where it goes on, empty where it does not."""

    rows: Sequence[Login]
    before: str = ""


class LoginLog:
    """Reads what is noted of logins, and the limits on guesses."""

    def __init__(self, storage: Storage, noted: Noted, guesses: Guesses) -> None:
        self._storage = storage
        self._noted = noted
        self._guesses = guesses

    async def page(
        self,
        *,
        account: int | None = None,
        ip: str = "",
        failures: bool = False,
        before: str = "",
        limit: int = 50,
    ) -> Logins:
        """What happened to logins. `ip`: an address, or the beginning of some. `failures`: those
        alone that failed. Rare ones may take several pages, some of them empty."""
        await self._noted.flush(account)
        rows, before = await self._storage.authlog.everybody(
            account=account, ip=ip, failures=failures, before=before, limit=limit
        )
        return Logins(rows, before)

    async def held(self, addresses: Sequence[str]) -> Sequence[Held]:
        """Those of the addresses that have to wait, themselves or with their network."""
        found = {}
        for address in addresses:
            for one in await self._guesses.held(address):
                found[one.network] = one
        return tuple(found.values())

    async def release(self, address: str) -> None:
        """The address and its network may guess again. Raises Invalid (it is no address)."""
        await self._guesses.release(address)
