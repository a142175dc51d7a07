"""Remembers for a short while that a password was right, so that repeated logins cost no hash.

Neither the password nor anything it could be guessed from is kept: only a keyed digest under a
key that lives as long as the process.
"""

from __future__ import annotations

import hmac
from itertools import islice

from mailhub.model.account import Account
from mailhub.ports import Clock, Randomness

LIFE = 300.0
"""Seconds a password is remembered; a changed one is forgotten at once (auth_version)."""
CAPACITY = 20_000


class Proven:
    """Passwords that were right within the last five minutes."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._key = randomness.token(32)
        self._until: dict[bytes, float] = {}

    def known(self, account: Account, password: str) -> bool:
        """Whether this password was right for this account, and still is."""
        if not self._until:
            return False
        digest = self._digest(account, password)
        until = self._until.get(digest, 0.0)
        if until > self._clock.seconds():
            return True
        self._until.pop(digest, None)
        return False

    def remember(self, account: Account, password: str) -> None:
        """Notes that the password was found right now."""
        if len(self._until) >= CAPACITY:
            for old in list(islice(self._until, CAPACITY // 4)):
                del self._until[old]
        self._until.setdefault(self._digest(account, password), self._clock.seconds() + LIFE)

    def _digest(self, account: Account, password: str) -> bytes:
        text = f"{account.number}:{account.auth_version}:{password}"
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")
