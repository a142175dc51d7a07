"""As whom an account may write: its own addresses, and others that it named and may use."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core import preferences
from mailhub.core.addresses import Addresses
from mailhub.core.composing import principal_of
from mailhub.model.account import Account
from mailhub.model.errors import Invalid
from mailhub.wire import address as grammar


class Authors:
    """Those of every account."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    async def of(self, account: Account) -> Sequence[str]:
        """The addresses, the main one first."""
        rows = await self._addresses.of_account(account.number)
        plain = [row.address for row in rows if "*" not in row.address]
        named = dict.fromkeys((account.address, *plain, *preferences.of(account).also))
        return [one for one in named if one and await self.may_use(account, one)]

    async def may_use(self, account: Account, address: str) -> bool:
        """Whether the account may write as it."""
        try:
            canonical = grammar.join(*grammar.split(address))
        except Invalid:
            return False
        return await self._addresses.owns(principal_of(account), canonical)
