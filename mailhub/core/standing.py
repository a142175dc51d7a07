"""Whether accounts can take mail right now: not disabled, and room left.

Asked at every RCPT, so it is kept: for accounts without limits until they change, for others a
few seconds, as the commit decides in the end. Nothing is promised by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

from mailhub.model.account import Account, Limits, Principal, Sending
from mailhub.model.change import AccountChanged, Change, Missed
from mailhub.ports import Clock, Storage

LIFE = 5.0
"""Seconds for which the counters of an account with limits are believed."""
CAPACITY = 50_000


NONE = Limits()


class Standing(Enum):
    """What an account can take."""

    OPEN = auto()
    FULL = auto()
    SHUT = auto()
    """It is disabled, or gone."""


@dataclass(frozen=True, slots=True)
class _Known:
    room: int | None
    """Octets left; None for no limit, 0 also where the count of messages is used up."""
    shut: bool
    auth_version: int
    until: float
    sending: Sending = Sending.LOCAL
    limits: Limits = NONE


class Standings:
    """Standings by account number. `quota`: octets where an account has no limit of its own."""

    def __init__(self, storage: Storage, clock: Clock, quota: int) -> None:
        self._storage = storage
        self._clock = clock
        self._quota = quota
        self._known: dict[int, _Known] = {}
        self._changes = 0
        storage.watch(self._heard)

    async def of(self, number: int, size: int) -> Standing:
        """The account's standing towards a message of `size` octets (0: unknown)."""
        known = await self._get(number)
        if known.shut:
            return Standing.SHUT
        if known.room is not None and known.room < max(size, 1):
            return Standing.FULL
        return Standing.OPEN

    async def holds(self, principal: Principal) -> bool:
        """Whether a login still stands: not disabled, and no newer auth version."""
        known = await self._get(principal.account)
        return not known.shut and known.auth_version == principal.auth_version

    async def sending(self, principal: Principal) -> Sending:
        """To whom, and as whom, the principal may send."""
        return (await self._get(principal.account)).sending

    async def limits(self, number: int) -> Limits:
        """The account's own limits."""
        return (await self._get(number)).limits

    def room(self, account: Account) -> int | None:
        """Octets that the account can still take; None for no limit."""
        limits = account.limits
        if limits.messages and account.used_messages >= limits.messages:
            return 0
        storage = limits.storage or self._quota
        return max(0, storage - account.used_storage) if storage else None

    async def _get(self, number: int) -> _Known:
        known = self._known.get(number)
        if known is None or known.until <= self._clock.seconds():
            known = await self._look(number)
        return known

    async def _look(self, number: int) -> _Known:
        heard = self._changes
        account = await self._storage.accounts.get(number)
        if account is None:
            return _Known(None, True, 0, 0.0)
        room, limits = self.room(account), account.limits
        limited = room is not None or limits.messages > 0
        until = self._clock.seconds() + LIFE if limited else float("inf")
        known = _Known(room, account.disabled, account.auth_version, until, account.sending, limits)
        if heard != self._changes:
            return known  # something changed while the store was asked: not to be kept
        if len(self._known) >= CAPACITY:
            for old in list(islice(self._known, CAPACITY // 4)):
                del self._known[old]
        self._known[number] = known
        return known

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, AccountChanged):
                self._changes += 1
                self._known.pop(change.account, None)
            elif isinstance(change, Missed):
                self._changes += 1
                self._known.clear()
