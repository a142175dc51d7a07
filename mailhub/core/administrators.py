"""Who administers this server: made, unmade, and never the last one.

A server that nobody administers can be helped only from its own shell, so no face takes the role
from the last one who has it. What an administrator may do stands in `core.rights`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailhub.core.accounts import Accounts
from mailhub.model.account import Account, Role
from mailhub.model.change import Actor
from mailhub.model.errors import InUse

PAGE = 500
LAST = "This is the last administrator. Make another one first."


class Administrators:
    """Accounts with the role."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def all(self) -> Sequence[Account]:
        """Those that can log in."""
        found: list[Account] = []
        after = 0
        while True:
            batch, _ = await self._accounts.page(after=after, limit=PAGE)
            found += [one for one in batch if _administers(one)]
            if len(batch) < PAGE:
                return found
            after = batch[-1].number

    async def grant(self, account: Account, actor: Actor) -> Account:
        """The account with the role. Raises NotFound."""
        if account.role is Role.ADMIN:
            return account
        return await self._accounts.update(replace(account, role=Role.ADMIN), actor)

    async def revoke(self, account: Account, actor: Actor) -> Account:
        """The account without the role. Raises InUse (nobody else has it), NotFound.

        It is looked for others when the role is gone: two who take it from each other at once
        both find nobody, and both keep it.
        """
        if account.role is not Role.ADMIN:
            return account
        changed = await self._accounts.update(replace(account, role=Role.USER), actor)
        if not await self.all():
            await self._accounts.update(replace(changed, role=Role.ADMIN), actor)
            raise InUse(LAST)
        return changed


def _administers(account: Account) -> bool:
    return account.role is Role.ADMIN and not (account.disabled or account.suspended)
