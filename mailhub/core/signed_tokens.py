"""Tokens that hold what they say, signed: nothing is kept of them.

One is good for half an hour, and ends before with the sessions of its account (`auth_version`). How
a token travels is the faces' affair.
"""

from __future__ import annotations

from mailhub.model.account import Account
from mailhub.ports import Clock, Storage
from mailhub.wire import jwt

LIFE = 1800
"""Seconds."""
NAME, EXPIRES, ACCOUNT, VERSION = "username", "exp", "sub", "ver"


class SignedTokens:
    """`secret`: of this server, at least 32 octets; with another one all tokens are unknown."""

    def __init__(self, storage: Storage, clock: Clock, secret: bytes) -> None:
        self._storage = storage
        self._clock = clock
        self._secret = secret

    def issue(self, account: Account) -> str:
        """For who has proven to be this account."""
        claims = {
            EXPIRES: int(self._clock.now()) + LIFE,
            NAME: account.username,
            ACCOUNT: account.id,
            VERSION: account.auth_version,
        }
        return jwt.encode(claims, self._secret)

    async def account(self, token: str) -> Account | None:
        """Whose it is; None: it is none, or good no more."""
        claims = jwt.decode(token, self._secret)
        if claims is None or not claims.get(EXPIRES, 0) > self._clock.now():
            return None
        account = await self._storage.accounts.by_id(str(claims.get(ACCOUNT, "")))
        if account is None or account.disabled or account.suspended:
            return None
        return account if account.auth_version == claims.get(VERSION) else None
