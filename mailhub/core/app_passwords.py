"""App passwords: each for one application, bound to some protocols, and never to everything.

They are made here, so they cannot be guessed, and are shown once. What is kept of them are SCRAM
keys under a salt that the account's own password shares: so one derivation tells which of fifty a
password is, and a client that uses SCRAM gets in with any of them. Whether one lets in is decided
in `core.login`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence

from mailhub.core.ids import Ids
from mailhub.core.letters import LOWER, word
from mailhub.model.account import Account, Scope
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid
from mailhub.model.identity import MAIL, UNBOUND, AppPassword, NewAppPassword
from mailhub.ports import Clock, Hashing, Randomness, Storage

MOST = 50
"""App passwords of one account."""
DESCRIPTION_LIMIT = 255
LONGEST = 10 * 365 * 86400
_SHAPE = re.compile(r"[a-z]{16}")
_SPACE = re.compile(r"\s+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class AppPasswords:
    """Those of every account."""

    def __init__(
        self, storage: Storage, hashing: Hashing, clock: Clock, ids: Ids, randomness: Randomness
    ) -> None:
        self._storage = storage
        self._hashing = hashing
        self._clock = clock
        self._ids = ids
        self._randomness = randomness

    async def all(self, account: int) -> Sequence[AppPassword]:
        """Those that are good, oldest first."""
        return await self._storage.app_passwords.all(account, int(self._clock.now()))

    async def create(
        self,
        account: Account,
        description: str,
        scopes: frozenset[Scope],
        actor: Actor,
        *,
        password: str = "",
        ttl: int = 0,
    ) -> tuple[AppPassword, str]:
        """A new one and the password itself, which nobody can read again.

        `scopes`: some of `MAIL`; all of them or none mean every use that app passwords are for.
        `password`: a given one of 16 letters. `ttl`: seconds without use after which it ends, 0
        for never. Raises Invalid (with `field`), LimitReached, NotFound, Unavailable.
        """
        if not scopes <= UNBOUND:
            raise Invalid("An app password is for imap, pop3 and smtp", "scopes")
        if not 0 <= ttl <= LONGEST:
            raise Invalid("Not a time of this range", "ttl")
        if password and not fold(password):
            raise Invalid("An app password has 16 letters", "password")
        password = fold(password) or word(self._randomness, LOWER, 16)
        salt = await salt_of(self._storage, account.number)
        order = NewAppPassword(
            id=self._ids.new(),
            description=_description(description),
            scopes=scopes if scopes and not scopes >= MAIL else UNBOUND,
            keys=await self._hashing.derive(password, salt),
            ttl=ttl,
        )
        return await self._storage.app_passwords.add(account.number, order, MOST, actor), password

    async def remove(self, account: int, id: str, actor: Actor) -> None:
        """Ends it, and the account's sessions. Raises NotFound."""
        await self._storage.app_passwords.remove(account, id, actor)


class Matching:
    """Tells which app password a password is; the work is the same for one that is none."""

    def __init__(self, storage: Storage, hashing: Hashing, clock: Clock, salt: bytes) -> None:
        self._storage = storage
        self._hashing = hashing
        self._clock = clock
        self._salt = salt

    async def match(self, account: Account | None, password: str) -> AppPassword | None:
        """The account's app password that this is, None for none. Raises Unavailable."""
        folded = fold(password)
        if not folded:
            return None
        rows = await self.good(account.number) if account is not None else ()
        found = None
        ways = {(row.keys.salt, row.keys.iterations) for row in rows} or {(self._salt, 0)}
        for salt, iterations in ways:
            keys = await self._hashing.derive(folded, salt, iterations)
            for row in rows:
                if hmac.compare_digest(row.keys.stored_key, keys.stored_key):
                    found = row
        return found

    async def good(self, account: int) -> Sequence[AppPassword]:
        """Those that did not expire."""
        return await self._storage.app_passwords.all(account, int(self._clock.now()))


def fold(password: str) -> str:
    """The form an app password is checked in: people type it with spaces, and phones begin it
    with a capital. Empty where it can be none."""
    folded = _SPACE.sub("", password).lower()
    return folded if _SHAPE.fullmatch(folded) else ""


async def salt_of(storage: Storage, account: int) -> bytes:
    """The salt that SCRAM keys of the account share; empty where there are none yet. Raises
    NotFound."""
    secrets = await storage.accounts.secrets(account)
    if secrets.scram_sha256 is not None:
        return secrets.scram_sha256.salt
    rows = await storage.app_passwords.all(account, 0)
    return rows[0].keys.salt if rows else b""


def _description(text: str) -> str:
    if not text.strip() or len(text) > DESCRIPTION_LIMIT or _CONTROL.search(text):
        raise Invalid("Empty, too long, or with control characters", "description")
    return text.strip()
