"""What an account may use up in a while: mail sent, passed on and received, bytes up and down.

Counted where it happens, shown where it is asked for. The counts are kept by coordination; while
that is away mail goes on uncounted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from mailhub.core.plan import Recipient
from mailhub.core.standing import Standings
from mailhub.model.account import Account, Limits
from mailhub.model.errors import AllowanceUsed, Unavailable
from mailhub.model.settings import LimitSettings
from mailhub.ports import Counters, Log

DAY = 86400.0
MINUTE = 60.0


class Kind(Enum):
    """What is counted; the value names it in `Limits` and in the settings."""

    RECIPIENTS = "recipients"
    FORWARDS = "forwards"
    RECEIVED = "received"
    IMAP_UPLOAD = "imap_upload"
    IMAP_DOWNLOAD = "imap_download"
    POP3_DOWNLOAD = "pop3_download"

    @property
    def window(self) -> float:
        """Seconds from the first of a count until it begins anew."""
        return MINUTE if self is Kind.RECEIVED else DAY


@dataclass(frozen=True, slots=True)
class Use:
    """How much of an allowance is used. `allowed`: 0 for no limit. `ttl`: seconds until the count
    begins anew; None while nothing is counted."""

    allowed: int
    used: int = 0
    ttl: int | None = None


class Allowances:
    """Every account's allowances. `settings`: for accounts without a limit of their own."""

    def __init__(
        self, counters: Counters, standings: Standings, settings: LimitSettings, log: Log
    ) -> None:
        self._counters = counters
        self._standings = standings
        self._settings = settings
        self._log = log

    # -- taking

    async def send(self, account: int) -> None:
        """Counts a recipient of the account's mail. Raises AllowanceUsed."""
        if not await self._count(account, Kind.RECIPIENTS):
            raise AllowanceUsed("The daily limit of recipients is reached")

    async def receive(self, account: int) -> None:
        """Counts a message that another server brings. Raises AllowanceUsed."""
        if not await self._count(account, Kind.RECEIVED):
            raise AllowanceUsed("This mailbox receives too much mail right now")

    async def forward(self, recipient: Recipient) -> Recipient:
        """Counts a forwarded message for each account that it is forwarded from. Past a limit it
        is delivered to the mailboxes alone."""
        for account, _ in recipient.resolution.accounts:
            if not await self._count(account, Kind.FORWARDS):
                return replace(recipient, resolution=replace(recipient.resolution, remote=()))
        return recipient

    async def pass_on(self, account: int) -> bool:
        """Counts a message that a rule of the account passes on to one address; whether it may."""
        return await self._count(account, Kind.FORWARDS)

    async def pass_alias(self, number: int, limit: int) -> None:
        """Counts a message that the alias with this number passes on. Raises AllowanceUsed."""
        key = _alias_key(number)
        try:
            if await self._counters.hit(key, DAY) <= limit:
                return
            await self._counters.hit(key, DAY, -1)
        except Unavailable:
            return
        self._log.event("allowance", outcome="alias", alias=number, limit=limit)
        raise AllowanceUsed("This address forwards no more mail today")

    async def transfer(self, account: int, kind: Kind, octets: int) -> None:
        """Counts bytes that go up or down. What is begun is carried through, so the last one may
        pass the limit. Raises AllowanceUsed where the limit was reached before."""
        limit = await self._limit(account, kind)
        if not limit:
            return
        try:
            if await self._counters.hit(_key(kind, account), kind.window, octets) - octets < limit:
                return
            await self._counters.hit(_key(kind, account), kind.window, -octets)
        except Unavailable:
            return
        self._log.event("allowance", outcome=kind.value, account=account, limit=limit)
        raise AllowanceUsed("The daily limit of bytes is reached")

    # -- showing

    async def used(self, account: Account) -> Mapping[Kind, Use]:
        """What the account has used of everything."""
        return {kind: await self._use(account, kind) for kind in Kind}

    async def used_by_alias(self, number: int, limit: int) -> Use:
        """What the alias has used of what it may pass on."""
        return await self._look(_alias_key(number), limit)

    async def begin_anew(self, account: int, kind: Kind) -> None:
        """Forgets what was counted: for who gives the account another limit."""
        await self._counters.clear(_key(kind, account))

    def bound(self, account: Account, name: str) -> int:
        """A limit of the account by its name in `Limits`; 0 for none."""
        return self._of(account.limits, name)

    async def sessions(self, account: int) -> int:
        """IMAP sessions that the account may have at one time; 0 for any number."""
        return self._of(await self._standings.limits(account), "imap_connections")

    async def newest(self, account: int) -> int:
        """How many of its newest messages POP3 shows; 0 for all."""
        return (await self._standings.limits(account)).pop3_messages

    async def _use(self, account: Account, kind: Kind) -> Use:
        allowed = self._of(account.limits, kind.value)
        return await self._look(_key(kind, account.number), allowed)

    async def _look(self, key: str, allowed: int) -> Use:
        try:
            used, left = await self._counters.remaining(key)
        except Unavailable:
            return Use(allowed)
        return Use(allowed, used, math.ceil(left) if used else None)

    def _of(self, limits: Limits, name: str) -> int:
        own: int = getattr(limits, name)
        return own or getattr(self._settings, name, 0)

    async def _limit(self, account: int, kind: Kind) -> int:
        return self._of(await self._standings.limits(account), kind.value)

    async def _count(self, account: int, kind: Kind) -> bool:
        """Counts one; whether it is within the limit."""
        limit = await self._limit(account, kind)
        if not limit:
            # What nothing limits is counted too, as people are shown it; mail that comes in is
            # too frequent for that.
            return kind is Kind.RECEIVED or await self._taken(account, kind)
        if await self._taken(account, kind, limit):
            return True
        self._log.event("allowance", outcome=kind.value, account=account, limit=limit)
        return False

    async def _taken(self, account: int, kind: Kind, limit: int = 0) -> bool:
        key = _key(kind, account)
        try:
            if await self._counters.hit(key, kind.window) <= limit or not limit:
                return True
            await self._counters.hit(key, kind.window, -1)
        except Unavailable:
            return True
        return False


def _key(kind: Kind, account: int) -> str:
    return f"{kind.value}:{account}"


def _alias_key(number: int) -> str:
    return f"{Kind.FORWARDS.value}:alias {number}"
