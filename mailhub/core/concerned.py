"""Which accounts have something of a kind, so that most are told apart without a look-up.

Learned from the store once, and again where changes were missed; in between the store's changes
add to it. An account that is not in it has nothing; one that is may have.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence


class Concerned:
    """A set of account numbers. `ask`: those that have something now, of the store."""

    def __init__(self, ask: Callable[[], Awaitable[Sequence[int]]]) -> None:
        self._ask = ask
        self._accounts: set[int] | None = None
        self._heard_of: set[int] = set()
        """Those that changed before it was learned."""
        self._missed = 1
        self._learned = 0
        """How often it came to lack what others changed, and up to where it learned it."""

    async def begin(self) -> None:
        """Learns what it lacks. May be repeated. Raises Unavailable."""
        while self._learned != self._missed:
            missed = self._missed
            found = set(await self._ask())
            self._accounts = found | self._heard_of | (self._accounts or set())
            self._heard_of.clear()
            self._learned = missed

    def __contains__(self, account: int) -> bool:
        return self._accounts is not None and account in self._accounts

    def add(self, account: int) -> None:
        """It may have something by now: the next that comes for it asks."""
        accounts = self._heard_of if self._accounts is None else self._accounts
        accounts.add(account)

    def discard(self, account: int) -> None:
        """It has nothing."""
        if self._accounts is not None:
            self._accounts.discard(account)

    def miss(self) -> None:
        """Others may have something by now."""
        self._missed += 1
