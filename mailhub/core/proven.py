"""Remembers for a short while that a password was right, so that repeated logins cost no hash.

Neither the password nor anything it could be guessed from is kept: only a keyed digest under a
key that lives as long as the process.
"""

from __future__ import annotations

import hmac
from itertools import islice

from mailhub.core.credential import MASTER, Credential
from mailhub.model.account import Account, Scope
from mailhub.ports import Clock, Randomness

LIFE = 300.0
"""Seconds a password is remembered; a changed one is forgotten at once (auth_version)."""
CAPACITY = 20_000


class Proven:
    """Passwords that were right within the last five minutes, and for what."""

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        self._clock = clock
        self._key = randomness.token(32)
        self._until: dict[bytes, tuple[float, Credential]] = {}

    def known(
        self, account: Account, password: str, scope: Scope = Scope.MASTER
    ) -> Credential | None:
        """What this password was for this account and scope, and still is; None: not known."""
        if not self._until:
            return None
        digest = self._digest(account, password, scope)
        until, credential = self._until.get(digest, (0.0, MASTER))
        if until > self._clock.seconds():
            return credential
        self._until.pop(digest, None)
        return None

    def remember(
        self,
        account: Account,
        password: str,
        scope: Scope = Scope.MASTER,
        credential: Credential = MASTER,
    ) -> None:
        """Notes that the password was found right now."""
        if len(self._until) >= CAPACITY:
            for old in list(islice(self._until, CAPACITY // 4)):
                del self._until[old]
        life = LIFE
        if credential.app is not None and credential.app.expires:
            life = min(life, credential.app.expires - self._clock.now())
        until = self._clock.seconds() + life
        self._until.setdefault(self._digest(account, password, scope), (until, credential))

    def _digest(self, account: Account, password: str, scope: Scope) -> bytes:
        text = f"{account.number}:{account.auth_version}:{scope.value}:{password}"
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")
