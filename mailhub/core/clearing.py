"""Takes a whole domain away: its users, with a time of grace, its aliases, its keys.

One that belongs to the last administrator stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.administrators import LAST, Administrators
from mailhub.core.domains import Domains
from mailhub.model.address import Address
from mailhub.model.change import Actor
from mailhub.model.errors import InUse, NotFound

PAGE = 500


class Clearing:
    """Domains that go with all that is in them."""

    def __init__(
        self,
        accounts: Accounts,
        addresses: Addresses,
        administrators: Administrators,
        domains: Domains,
    ) -> None:
        self._accounts = accounts
        self._addresses = addresses
        self._administrators = administrators
        self._domains = domains

    async def remove(self, name: str, actor: Actor) -> None:
        """The domain is no more. Accounts whose main address stands in it can come back while
        their time of grace runs. Raises NotFound, InUse (it is the last administrator's, or
        another domain is its alias)."""
        domain = await self._domains.get(name)
        if any(one.alias_of == domain.name for one in await self._domains.all()):
            raise InUse("Another domain is an alias of this one")
        rows = await self._rows(domain.name)
        owners = {row.account for row in rows if row.main}
        administrators = {one.number for one in await self._administrators.all()}
        if administrators and administrators <= owners:
            raise InUse(LAST)
        await self._domains.update(replace(domain, catch_all=""), actor)
        for number in owners:
            if number is not None:
                await self._leave(number, actor)
        for row in rows:
            if not row.main:
                await self._drop(row, actor)
        await self._domains.remove(domain.name, actor)

    async def _leave(self, number: int, actor: Actor) -> None:
        try:
            account = await self._accounts.get(number)
            await self._administrators.revoke(account, actor)
            await self._accounts.remove(number, actor)
        except NotFound:
            return

    async def _drop(self, row: Address, actor: Actor) -> None:
        try:
            await self._addresses.remove(row, actor)
        except NotFound:
            return

    async def _rows(self, domain: str) -> Sequence[Address]:
        found: list[Address] = []
        after = 0
        while True:
            batch, _ = await self._addresses.page(after=after, limit=PAGE, domain=domain)
            found += batch
            if len(batch) < PAGE:
                return found
            after = batch[-1].number
