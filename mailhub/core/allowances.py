"""What an account may send a day: recipients of its own mail, and messages forwarded from it.

Counted where a recipient is accepted. The counts are kept by coordination; while that is away
mail goes on uncounted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mailhub.core.plan import Recipient
from mailhub.core.standing import Standings
from mailhub.model.account import Limits
from mailhub.model.errors import AllowanceUsed, Unavailable
from mailhub.model.settings import LimitSettings
from mailhub.ports import Counters, Log

DAY = 86400.0


class Allowances:
    """Daily allowances. `settings`: for accounts without a limit of their own."""

    def __init__(
        self, counters: Counters, standings: Standings, settings: LimitSettings, log: Log
    ) -> None:
        self._counters = counters
        self._standings = standings
        self._settings = settings
        self._log = log

    async def send(self, account: int) -> None:
        """Counts a recipient of the account's mail. Raises AllowanceUsed."""
        limit = await self._limit(account, _recipients, self._settings.recipients)
        if not await self._take(f"recipients:{account}", limit):
            self._log.event("allowance", outcome="recipients", account=account, limit=limit)
            raise AllowanceUsed("The daily limit of recipients is reached")

    async def forward(self, recipient: Recipient) -> Recipient:
        """Counts a forwarded message for each account that it is forwarded from. Past a limit it
        is delivered to the mailboxes alone."""
        for account, _ in recipient.resolution.accounts:
            limit = await self._limit(account, _forwards, self._settings.forwards)
            if not await self._take(f"forwards:{account}", limit):
                self._log.event("allowance", outcome="forwards", account=account, limit=limit)
                return replace(recipient, resolution=replace(recipient.resolution, remote=()))
        return recipient

    async def _limit(self, account: int, of: Callable[[Limits], int], default: int) -> int:
        return of(await self._standings.limits(account)) or default

    async def _take(self, key: str, limit: int) -> bool:
        if not limit:
            return True
        try:
            if await self._counters.hit(key, DAY) <= limit:
                return True
            await self._counters.hit(key, DAY, -1)
        except Unavailable:
            return True
        return False


def _recipients(limits: Limits) -> int:
    return limits.recipients


def _forwards(limits: Limits) -> int:
    return limits.forwards
