"""Whose account a login name is, where some are our own and others a directory's.

`core.login` asks here as it would ask the local directory alone.
"""

from __future__ import annotations

from mailhub.core.mirroring import Mirroring
from mailhub.model.account import Account
from mailhub.ports import Directory


class MixedDirectory:
    """`ports.Directory`: our own accounts first, then those of the directory."""

    def __init__(self, local: Directory, mirroring: Mirroring) -> None:
        self._local = local
        self._mirroring = mirroring

    async def find(self, name: str) -> Account | None:
        """See `ports.Directory`. Raises Unavailable where only a directory that is away could
        know."""
        account = await self._local.find(name)
        if account is None:
            concerned = self._mirroring.concerns(name)
            return await self._mirroring.look(name) if concerned else None
        mirror = await self._mirroring.of(account.number)
        return account if mirror is None else await self._mirroring.look_again(account, mirror)

    async def verify(self, account: Account, password: str) -> bool:
        """See `ports.Directory`."""
        mirror = await self._mirroring.of(account.number)
        if mirror is None:
            return await self._local.verify(account, password)
        return bool(password) and await self._mirroring.prove(mirror, password)
