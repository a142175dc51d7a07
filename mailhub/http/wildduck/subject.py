"""Whose things a WildDuck call is about: the user that its path names."""

from __future__ import annotations

from mailhub.core.accounts import Accounts
from mailhub.http.wildduck import replies
from mailhub.model.account import Account
from mailhub.model.errors import NotFound


class Subjects:
    """Finds users."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def of(self, id: str) -> Account:
        """The user with this id. Raises Refusal (404 UserNotFound)."""
        try:
            return await self._accounts.by_id(id)
        except NotFound:
            raise replies.user_not_found() from None
