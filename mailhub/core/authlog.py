"""The log of what concerns an account's logins, for its owner and who helps them."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.noted import Noted
from mailhub.model.errors import NotFound
from mailhub.model.identity import AuthEntry
from mailhub.ports import Storage


class AuthLog:
    """Reads it; what is written stands in it at once."""

    def __init__(self, storage: Storage, noted: Noted) -> None:
        self._storage = storage
        self._noted = noted

    async def page(
        self,
        account: int,
        *,
        after: int = 0,
        before: int = 0,
        limit: int = 20,
        action: str = "",
        session: str = "",
        ip: str = "",
    ) -> tuple[Sequence[AuthEntry], int]:
        """See `ports.AuthLog.page`."""
        await self._noted.flush(account)
        return await self._storage.authlog.page(
            account,
            after=after,
            before=before,
            limit=limit,
            action=action,
            session=session,
            ip=ip,
        )

    async def get(self, account: int, id: str) -> AuthEntry:
        """Raises NotFound."""
        found = await self._storage.authlog.get(account, id)
        if found is None:
            raise NotFound("No such event")
        return found
