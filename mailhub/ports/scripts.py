"""What the store keeps of Sieve scripts."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from mailhub.model.change import Actor
from mailhub.model.script import Allowance, Script


class Scripts(Protocol):
    """Scripts by account and name. Every change is told of as RulesChanged."""

    def scripted(self) -> Awaitable[Sequence[int]]:
        """Numbers of all accounts with an active script."""
        ...

    def of_account(self, account: int) -> Awaitable[Sequence[Script]]:
        """All of them, by name."""
        ...

    def get(self, account: int, name: str) -> Awaitable[Script | None]: ...
    def active(self, account: int) -> Awaitable[Script | None]: ...
    def put(self, one: Script, allowance: Allowance, actor: Actor) -> Awaitable[None]:
        """Makes it, or gives it new source; what is active stays so. Raises LimitReached
        (scripts) and OverQuota (octets) where the allowance does not hold it, NotFound
        (account)."""
        ...

    def activate(self, account: int, name: str, actor: Actor) -> Awaitable[None]:
        """This one and no other; none at all for an empty name. Raises NotFound."""
        ...

    def rename(self, account: int, name: str, new_name: str, actor: Actor) -> Awaitable[None]:
        """Raises NotFound, AlreadyExists."""
        ...

    def remove(self, account: int, name: str, actor: Actor) -> Awaitable[None]:
        """Raises NotFound, InUse where it is active."""
        ...

    def note_failure(self, account: int, name: str, failure: str) -> Awaitable[None]:
        """What a run ended with, for the owner to see. Nothing happens where the script is
        gone."""
        ...
