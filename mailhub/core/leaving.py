"""Accounts that leave while their mail stays, and come back to it under the same address.

For administrators who never lose mail by a removal. How an account goes for good, after a time of
grace, is `core.accounts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailhub.core.accounts import AccountOrder, Accounts, check_password
from mailhub.core.administrators import Administrators
from mailhub.core.domains import Domains
from mailhub.core.homes import at_home
from mailhub.model.account import Account, RemovedAccount
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, InUse, NotFound

NEVER = 253_402_300_799
"""The end of the year 9999: a time of grace without end."""


class Leaving:
    """`kept`: names of domains that stay though nothing stands in them."""

    def __init__(
        self,
        accounts: Accounts,
        administrators: Administrators,
        domains: Domains,
        kept: frozenset[str] = frozenset(),
    ) -> None:
        self._accounts = accounts
        self._administrators = administrators
        self._domains = domains
        self._kept = kept

    async def gone(self) -> Sequence[RemovedAccount]:
        """Those that left and can come back, of each address the latest."""
        latest: dict[str, RemovedAccount] = {}
        for one in await self._accounts.all_removed():
            before = latest.get(one.username)
            if before is None or before.removed <= one.removed:
                latest[one.username] = one
        return list(latest.values())

    async def leave(self, account: Account, actor: Actor) -> None:
        """Nobody logs in as the account, nothing is delivered to it, its mail stays. Its domain
        goes when nothing else stands in it. Raises InUse (the last administrator), NotFound."""
        account = await self._administrators.revoke(account, actor)
        domain = account.address.rpartition("@")[2]
        if domain:
            await self._domains.drop_catch_all(domain, account.address, actor)
        await self._accounts.remove(account.number, actor, due=NEVER)
        await self.abandon(domain, actor)

    async def come(self, order: AccountOrder, actor: Actor) -> Account:
        """The account so ordered, whose username is its address: new, or the one that left, with
        its mail, and the password, role and limits that are ordered. Its domain becomes local.

        Raises Invalid (with `field`), AlreadyExists.
        """
        name = order.username
        before = next((one for one in await self.gone() if one.username == name), None)

        async def make() -> Account:
            if before is not None:
                return await self._return(before, order, actor)
            return await self._accounts.create(order, actor)

        return await at_home(self._domains, name, actor, make)

    async def _return(self, one: RemovedAccount, order: AccountOrder, actor: Actor) -> Account:
        check_password(order.password)
        account, _ = await self._accounts.restore(one.id, actor)
        if not account.address:
            # Somebody else has the address meanwhile.
            await self._accounts.remove(account.number, actor, due=one.due)
            raise AlreadyExists("This address exists already", "address")
        account = await self._accounts.set_password(account.number, order.password, actor)
        return await self._accounts.update(
            replace(
                account,
                disabled=False,
                suspended=False,
                role=order.role,
                limits=order.limits,
                metadata={**account.metadata, **order.metadata},
            ),
            actor,
        )

    async def abandon(self, domain: str, actor: Actor) -> None:
        """The domain is no longer local where nothing stands in it: mail to it is for others."""
        if not domain or domain in self._kept:
            return
        try:
            found = await self._domains.get(domain)
            if not (found.catch_all or found.alias_of):
                await self._domains.remove(domain, actor)
        except (NotFound, InUse):
            return
