"""What the store keeps of filters and automatic replies."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from typing import Protocol

from mailhub.model.change import Actor
from mailhub.model.filter import Autoreply, Filter, OwnedFilter, Ruling


class Filters(Protocol):
    """Filters and automatic replies by account. Every change is told of as RulesChanged."""

    def ruled(self) -> Awaitable[Sequence[int]]:
        """Numbers of all accounts whose `ruling` is not empty."""
        ...

    def ruling(self, account: int) -> Awaitable[Ruling]:
        """Empty for an account that does not exist."""
        ...

    def of_account(self, account: int) -> Awaitable[Sequence[Filter]]:
        """All of them, oldest first."""
        ...

    def page(
        self, *, after: int = 0, before: int = 0, limit: int = 100, target: str = ""
    ) -> Awaitable[tuple[Sequence[OwnedFilter], int]]:
        """Everybody's, as `Addresses.page`. `target`: part of an address or a URL that they pass
        mail on to."""
        ...

    def add(self, one: Filter, most: int, actor: Actor) -> Awaitable[Filter]:
        """The store gives `number`. Raises LimitReached where the account has `most` already,
        NotFound (account, or mailbox)."""
        ...

    def replace(self, one: Filter, actor: Actor) -> Awaitable[None]:
        """By account and id; all but `number` and `created`. Raises NotFound (it, or mailbox)."""
        ...

    def remove(self, account: int, id: str, actor: Actor) -> Awaitable[None]:
        """Raises NotFound."""
        ...

    def autoreply(self, account: int) -> Awaitable[Autoreply | None]: ...
    def set_autoreply(self, one: Autoreply, actor: Actor) -> Awaitable[None]:
        """Raises NotFound (account)."""
        ...

    def remove_autoreply(self, account: int, actor: Actor) -> Awaitable[None]:
        """Nothing happens where there is none."""
        ...

    def marked(self, account: int, keys: Collection[str], now: int) -> Awaitable[Collection[str]]:
        """Those of `keys` that were done, and are not to be done again yet (`model.decision.Once`)
        at `now`, epoch seconds. It may be done while this is read: `Reply.once` is certain."""
        ...
