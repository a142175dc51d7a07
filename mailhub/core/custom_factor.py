"""A second factor that an application asks its people for by itself.

All that is known of it here is that there is one, so that the password alone opens no mail
program. What it is, and whether somebody showed it, the application knows.
"""

from __future__ import annotations

from mailhub.model.account import Account, Factor
from mailhub.model.change import Actor
from mailhub.ports import Storage


class CustomFactor:
    """That of every account."""

    def __init__(self, storage: Storage) -> None:
        self._factors = storage.factors

    async def enable(self, account: Account, actor: Actor) -> None:
        """Turns it on; sessions end where it is the first factor. Done again it succeeds again.
        Raises NotFound (the account)."""
        await self._factors.turn_on(account.number, Factor.CUSTOM, actor)

    async def disable(self, account: Account, actor: Actor) -> None:
        """Turns it off; sessions end, other factors stay. Done again it succeeds again. Raises
        NotFound (the account)."""
        await self._factors.clear(account.number, (Factor.CUSTOM,), actor)
