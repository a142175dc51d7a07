"""Which protocol sessions are open under whose login: each ends with it, and whoever owns the
account can look and end one.

They are those of this process, which serves them; there are thousands, so each is one small object,
which is its own listener.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from mailhub.core.credential import MAILBOX
from mailhub.model.account import Principal
from mailhub.model.change import AccountChanged, Change, ElsewhereChanged, Missed
from mailhub.model.errors import NotFound
from mailhub.ports import Clock

MISSED = "The server lost touch with what others changed"
MOVED = "The mailbox moves, please log in again"
REASON = "The session was ended by the owner of the account"
Listener = Callable[[Sequence[Change]], None]
Listeners = dict[int, dict[object, Listener]]
"""By account number, then by what stands for the listener."""


class OpenLogin:
    """A session. `number`: its name in this process; `since`: epoch seconds, 0 if unknown."""

    __slots__ = ("_ended", "_listeners", "number", "principal", "since")

    def __init__(
        self,
        number: int,
        principal: Principal,
        since: int,
        ended: Callable[[str], None],
        listeners: Listeners,
    ) -> None:
        self.number = number
        self.principal = principal
        self.since = since
        self._ended = ended
        self._listeners = listeners
        listeners.setdefault(principal.account, {})[self] = self.heard

    def leave(self) -> None:
        """It is over by itself; done again it changes nothing."""
        drop(self._listeners, self.principal.account, self)

    def stop(self, reason: str) -> None:
        """Ends it, with what its client is told."""
        self.leave()
        self._ended(reason)

    def heard(self, changes: Sequence[Change]) -> None:
        """What changed in the account."""
        for change in changes:
            if isinstance(change, Missed):
                self.stop(MISSED)
                return
            if isinstance(change, AccountChanged) and change.ends(self.principal.auth_version):
                self.stop(change.reason)
                return
            moved = isinstance(change, ElsewhereChanged) and change.phase
            if moved and self.principal.service in MAILBOX:
                self.stop(MOVED)
                return


class OpenLogins:
    """All of them, among the listeners of `core.watch`. Without a clock nobody is told since
    when."""

    def __init__(self, listeners: Listeners, clock: Clock | None = None) -> None:
        self._listeners = listeners
        self._clock = clock
        self._numbers = count(1)

    def begin(self, principal: Principal, ended: Callable[[str], None]) -> OpenLogin:
        """One more; `ended` is called once, unless it leaves before."""
        since = int(self._clock.now()) if self._clock is not None else 0
        return OpenLogin(next(self._numbers), principal, since, ended, self._listeners)

    def of_account(self, account: int) -> Sequence[OpenLogin]:
        """Oldest first."""
        mine = self._listeners.get(account, ())
        return [one for one in mine if isinstance(one, OpenLogin)]

    def end(self, account: int, number: int, reason: str = REASON) -> None:
        """Its connection closes. Raises NotFound."""
        for one in self.of_account(account):
            if one.number == number:
                one.stop(reason)
                return
        raise NotFound("This session is over already")


def drop(listeners: Listeners, account: int, token: object) -> None:
    """The listener hears no more; done again it changes nothing."""
    mine = listeners.get(account)
    if mine is not None and mine.pop(token, None) is not None and not mine:
        del listeners[account]
