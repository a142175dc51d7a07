"""Tells every session what others changed in its account.

The store speaks once per commit about everything; here that is sorted by account, so that a
session hears of its own account only. What a listener does with a change is its own affair: one
that fails is logged and hurts no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

from mailhub.core.background import spawn
from mailhub.core.credential import MAILBOX
from mailhub.core.crossing import Guest
from mailhub.core.open_logins import MOVED, Listener, Listeners, OpenLogins, drop
from mailhub.model.account import Principal
from mailhub.model.change import (
    AccountChanged,
    AddressesChanged,
    Change,
    Dequeued,
    ElsewhereChanged,
    KeptChanged,
    Missed,
    Queued,
    RoutesChanged,
    RulesChanged,
    TokenEnded,
    WebhooksChanged,
    ZonesChanged,
)
from mailhub.model.elsewhere import Phase
from mailhub.model.errors import AuthenticationFailed, StillElsewhere
from mailhub.ports import Clock, Log, Storage

_T = TypeVar("_T")
OTHERS = (
    Queued,
    Dequeued,
    AddressesChanged,
    RoutesChanged,
    RulesChanged,
    WebhooksChanged,
    ZonesChanged,
    TokenEnded,
    KeptChanged,
)
"""What no session is told of."""
ELSEWHERE, HERE = Phase.ELSEWHERE.value, (Phase.HERE.value, "")
REMEMBERED = 50_000
"""Accounts that changed last: far more than can do so while one password is looked at."""

TURN = 50
"""Accounts that are told at a time of what nobody heard."""


class Watch:
    """Fans the store's changes out to listeners by account number. `logins`: what is open now, for
    its account to see."""

    def __init__(
        self, storage: Storage, log: Log | None = None, clock: Clock | None = None
    ) -> None:
        self._listeners: Listeners = {}
        self.logins = OpenLogins(self._listeners, clock)
        self._versions: dict[int, int] = {}
        self._phases: dict[int, str] = {}
        self._log = log
        self._clock = clock
        self._end = storage.watch(self._heard)

    def subscribe(self, account: int, listener: Listener) -> Callable[[], None]:
        """`listener` hears all changes of `account` in commit order. Returns what ends it; that
        may be called more than once, and by the listener itself."""
        token = object()
        self._listeners.setdefault(account, {})[token] = listener

        def end() -> None:
            drop(self._listeners, account, token)

        return end

    def login(self, principal: Principal, ended: Callable[[str], None]) -> Callable[[], None]:
        """`ended` is called as soon as the login holds no more, once, with what its client should
        be told, or nothing. Returns what ends that, as `subscribe` does.

        Raises AuthenticationFailed where it does not hold already: the account may have changed
        while its password was looked at, or while the client thought about a challenge; and
        StillElsewhere where its mail went elsewhere meanwhile, or came from there.
        """
        if self._versions.get(principal.account, 0) > principal.auth_version:
            raise AuthenticationFailed
        phase = self._phases.get(principal.account)
        if phase is not None and principal.service in MAILBOX:
            places = (ELSEWHERE,) if isinstance(principal, Guest) else HERE
            if phase not in places:
                raise StillElsewhere(MOVED)
        return self.logins.begin(principal, ended).leave

    def listening(self, account: int) -> int:
        """How many listeners `account` has."""
        return len(self._listeners.get(account, ()))

    def close(self) -> None:
        """Hears no more."""
        self._end()

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, AccountChanged):
                known = self._versions.get(change.account, 0)
                _remember(self._versions, change.account, max(known, change.auth_version))
            elif isinstance(change, ElsewhereChanged):
                _remember(self._phases, change.account, change.phase)
            elif isinstance(change, Missed):
                spawn(self._missed(change), self._log, "changes that went unheard")
        listeners = self._listeners
        if not listeners:
            return
        batches: dict[int, list[Change]] = {}
        for change in changes:
            if isinstance(change, (*OTHERS, Missed)):
                continue
            if change.account in listeners:
                batches.setdefault(change.account, []).append(change)
        for account, batch in batches.items():
            for token, listener in tuple(listeners.get(account, {}).items()):
                if token in listeners.get(account, ()):
                    self._tell(listener, batch)

    async def _missed(self, change: Missed) -> None:
        """Nobody can say what became of any account: all hear of it, logins first, which end. They
        may be thousands, so the reactor goes round meanwhile."""
        for place, account in enumerate(tuple(self._listeners)):
            if self._clock is not None and place % TURN == TURN - 1:
                await self._clock.sleep(0)
            for one in self.logins.of_account(account):
                self._tell(one.heard, (change,))
            listeners = self._listeners.get(account, {})
            for token, listener in tuple(listeners.items()):
                if token in listeners:
                    self._tell(listener, (change,))

    def _tell(self, listener: Listener, batch: Sequence[Change]) -> None:
        try:
            listener(batch)
        except Exception as error:  # one session's fault must not silence the others
            if self._log is not None:
                self._log.event("watch-failed", error=type(error).__name__, reason=str(error))


def _remember(known: dict[int, _T], account: int, what: _T) -> None:
    """Keeps the newest."""
    known.pop(account, None)
    if len(known) >= REMEMBERED:
        for oldest in list(islice(known, REMEMBERED // 4)):
            del known[oldest]
    known[account] = what
