"""Keys that stand for a password once it was proven: who has one need not send the password again.

A key is sixty-four hex digits and is shown once. It is good together with its account's name, for
two days after each use, and ends with the sessions of its account (`auth_version`: a new password,
a second factor). Of an account's keys the newest sixty-four are good. Kept as `core.tokens` keeps
its tokens, apart from them: a key of one is none of the other. How it travels is the faces' affair.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import Any

from mailhub.model.account import Account
from mailhub.model.errors import NotFound
from mailhub.ports import Clock, Log, Randomness, Sessions, Storage

SIZE = 32
"""Random octets of a key."""
LIFE = 2 * 86400
"""Seconds without use after which a key ends."""
LONGEST = 180 * 86400
"""Seconds after which it ends however it is used."""
STEP = 3600
"""Its life is prolonged once an hour, not with every call."""
MOST = 64
"""Keys of one account."""
_KEY = re.compile(r"[0-9a-f]{64}")
_MAC = 64


class SessionKeys:
    """`secret`: of this server, at least 32 octets; with another one all keys are unknown."""

    def __init__(
        self,
        sessions: Sessions,
        storage: Storage,
        clock: Clock,
        randomness: Randomness,
        log: Log,
        secret: bytes,
    ) -> None:
        self._sessions = sessions
        self._storage = storage
        self._clock = clock
        self._randomness = randomness
        self._log = log
        self._secret = secret

    async def issue(self, account: Account) -> str:
        """A new key for who has proven to be this account. Raises Unavailable."""
        now = int(self._clock.now())
        key = self._randomness.token(SIZE).hex()
        place = self._place(key)
        await self._put(place, [account.number, account.auth_version, now + LONGEST], now + LIFE)
        ring = f"ring {self._place(str(account.number))}"
        others = await self._get(ring) or []
        for old in others[: max(0, len(others) + 1 - MOST)]:
            await self._sessions.drop(old)
        await self._put(ring, [*others[1 - MOST :], place], now + LONGEST)
        self._log.event("session-key", outcome="issued", account=account.number)
        return key

    async def account(self, name: str, key: str) -> Account | None:
        """Whose key it is, where `name` is that account's; using it prolongs its life. None: it is
        no key, or good no more. Raises Unavailable."""
        if _KEY.fullmatch(key) is None:
            return None
        place = self._place(key)
        found = await self._get(place)
        now = int(self._clock.now())
        if found is None or found[2] <= now:
            return None
        number, auth_version, latest = found
        account = await self._storage.accounts.get(number)
        if account is None or account.auth_version != auth_version:
            return None
        if account.disabled or account.suspended or not _named(account, name):
            return None
        kept = await self._sessions.get(place)
        if kept is not None and kept.expires - now < LIFE - STEP:
            await self._sessions.extend(place, min(now + LIFE, latest))
        return account

    async def end(self, name: str, key: str) -> None:
        """Ends a key of the account so named. Raises NotFound, Unavailable."""
        if await self.account(name, key) is None:
            raise NotFound("No such session")
        await self._sessions.drop(self._place(key))
        self._log.event("session-key", outcome="ended")

    def _place(self, key: str) -> str:
        return hashlib.sha256(f"session key {key}".encode()).hexdigest()

    async def _put(self, place: str, value: Sequence[object], expires: int) -> None:
        text = json.dumps(value, separators=(",", ":"))
        await self._sessions.put(place, self._mac(place, text) + text, expires)

    async def _get(self, place: str) -> list[Any] | None:
        kept = await self._sessions.get(place)
        if kept is None or kept.expires <= self._clock.now():
            return None
        mac, text = kept.record[:_MAC], kept.record[_MAC:]
        if not hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac(place, text).encode()):
            return None
        value: list[Any] = json.loads(text)
        return value

    def _mac(self, place: str, text: str) -> str:
        """Also of the place, so that nobody moves a record under another key."""
        return hmac.digest(self._secret, f"{place} {text}".encode(), "sha256").hex()


def _named(account: Account, name: str) -> bool:
    return name.strip().lower() in {account.username, account.address.lower()} - {""}
