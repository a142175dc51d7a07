"""How many IMAP sessions each account has at all processes, and whether it may have one more."""

from __future__ import annotations

from collections.abc import Callable

from mailhub.core.allowances import Allowances
from mailhub.model.errors import LimitReached
from mailhub.ports import Seats


class Sessions:
    """The open ones, by account number."""

    def __init__(self, allowances: Allowances, seats: Seats) -> None:
        self._allowances = allowances
        self._seats = seats

    async def enter(self, account: int) -> Callable[[], None]:
        """One more; what is returned ends it, and may be called again. Raises LimitReached."""
        most = await self._allowances.sessions(account)
        if not await self._seats.take(_key(account), most):
            raise LimitReached("This account has too many sessions")
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self._seats.give(_key(account))

        return leave

    async def count(self, account: int) -> int:
        """How many are open. Those of other processes are known where the account has a limit."""
        return await self._seats.count(_key(account))


def _key(account: int) -> str:
    return f"imap:{account}"
