"""Which protocol sessions are open under whose login, so that who owns the account can look and
end one.

Counted in this process, which serves them. What ends a login of itself is `core.watch`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from mailhub.model.account import Principal
from mailhub.model.errors import NotFound
from mailhub.ports import Clock

REASON = "The session was ended by the owner of the account"


@dataclass(frozen=True, slots=True)
class OpenLogin:
    """A session. `number`: its name in this process; `since`: epoch seconds; `stop`: ends it, with
    what its client is told."""

    number: int
    principal: Principal
    since: int
    stop: Callable[[str], None]


class OpenLogins:
    """All of them, by account number. Without a clock nobody is told since when."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._numbers = count(1)
        self._open: dict[int, dict[int, OpenLogin]] = {}

    def came(self, principal: Principal, stop: Callable[[str], None]) -> int:
        """One more; its number."""
        number = next(self._numbers)
        since = int(self._clock.now()) if self._clock is not None else 0
        mine = self._open.setdefault(principal.account, {})
        mine[number] = OpenLogin(number, principal, since, stop)
        return number

    def left(self, account: int, number: int) -> None:
        """It is over; done again it changes nothing."""
        mine = self._open.get(account)
        if mine is not None and mine.pop(number, None) is not None and not mine:
            del self._open[account]

    def of_account(self, account: int) -> Sequence[OpenLogin]:
        """Oldest first."""
        return tuple(self._open.get(account, {}).values())

    def end(self, account: int, number: int, reason: str = REASON) -> None:
        """Its connection closes. Raises NotFound."""
        found = self._open.get(account, {}).get(number)
        if found is None:
            raise NotFound("This session is over already")
        found.stop(reason)

    def end_all(self, account: int, reason: str = REASON) -> int:
        """Ends them all; how many there were."""
        mine = self.of_account(account)
        for one in mine:
            one.stop(reason)
        return len(mine)
