"""The login names of accounts, each looked up once in the course of a call."""

from __future__ import annotations

from mailhub.core.accounts import Accounts
from mailhub.model.errors import NotFound


class Names:
    """Of one call."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._known: dict[int | None, str] = {None: ""}

    async def of(self, account: int | None) -> str:
        """Empty where there is none, or not any more."""
        if account not in self._known:
            assert account is not None
            try:
                self._known[account] = (await self._accounts.get(account)).username
            except NotFound:
                self._known[account] = ""
        return self._known[account]
