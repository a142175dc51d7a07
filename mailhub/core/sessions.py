"""How many IMAP sessions each account has, and whether it may have one more.

Counted in each process for itself.
"""

from __future__ import annotations

from collections.abc import Callable

from mailhub.core.allowances import Allowances
from mailhub.model.errors import LimitReached


class Sessions:
    """The open ones, by account number."""

    def __init__(self, allowances: Allowances) -> None:
        self._allowances = allowances
        self._open: dict[int, int] = {}

    async def enter(self, account: int) -> Callable[[], None]:
        """One more; what is returned ends it, and may be called again. Raises LimitReached."""
        most = await self._allowances.sessions(account)
        if most and self.count(account) >= most:
            raise LimitReached("This account has too many sessions")
        self._open[account] = self.count(account) + 1
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self._drop(account)

        return leave

    def count(self, account: int) -> int:
        """How many are open."""
        return self._open.get(account, 0)

    def _drop(self, account: int) -> None:
        rest = self._open[account] - 1
        if rest:
            self._open[account] = rest
        else:
            del self._open[account]
