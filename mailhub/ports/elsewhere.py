"""What is kept of accounts whose mail still lives on another server."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from mailhub.model.change import Actor
from mailhub.model.elsewhere import Elsewhere


class Elsewheres(Protocol):
    """One row an account, by its number."""

    def get(self, account: int) -> Awaitable[Elsewhere | None]: ...
    def among(self, accounts: Sequence[int]) -> Awaitable[Mapping[int, Elsewhere]]:
        """Those of `accounts` that are not here yet."""
        ...

    def page(self, *, after: int = 0, limit: int = 100) -> Awaitable[Sequence[Elsewhere]]:
        """Those of accounts with number > after, whatever their phase, in that order."""
        ...

    def any(self) -> Awaitable[bool]:
        """Whether anybody is not here yet."""
        ...

    def put(self, one: Elsewhere, actor: Actor) -> Awaitable[None]:
        """Adds or replaces it, and makes what waits in the queue for the other server due. Raises
        NotFound (the account)."""
        ...

    def learned(self, account: int, auth_version: int, actor: Actor) -> Awaitable[None]:
        """From now on the account's password is the other server's, as long as this version
        stands. Nothing where the account is here."""
        ...

    def remove(self, account: int, actor: Actor) -> Awaitable[None]:
        """Makes what waits in the queue for the other server due. Raises NotFound."""
        ...
