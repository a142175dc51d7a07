"""Proves who is there: one service for every protocol, so that limits on guessing are shared.

Whoever asks, the answer takes the same time and says nothing about which part was wrong. What a
principal may then do is decided by the other services of core; base64, `*` and reply codes are
the faces'.
"""

from __future__ import annotations

import hmac
from typing import Protocol

from mailhub.core.accounts import check_password, fold_username
from mailhub.core.exchanges import LoginExchange, PlainExchange, ScramExchange
from mailhub.core.noted import Noted
from mailhub.core.proven import Proven
from mailhub.model.account import Account, Principal, ScramKeys, Service
from mailhub.model.envelope import Peer
from mailhub.model.errors import (
    AccountDisabled,
    AuthenticationFailed,
    Invalid,
    MailhubError,
    TooManyAttempts,
    Unsupported,
)
from mailhub.model.settings import LimitSettings
from mailhub.policy.limits import Guess, Guesses
from mailhub.ports import Clock, Counters, Directory, Hashing, Log, Randomness, Storage
from mailhub.wire import sasl

DECOY_ITERATIONS = 60_000
"""What a SCRAM client is told for a name without keys: the same as for a fresh account."""
SCRAM, SCRAM_PLUS, PLAIN, LOGIN = "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "PLAIN", "LOGIN"


class Exchange(Protocol):
    """One authentication under way."""

    async def step(self, response: bytes) -> bytes | Principal:
        """Takes the client's response (first: the initial one, or empty where there was none).

        bytes: the next challenge, maybe empty; Principal: done. Raises AuthenticationFailed,
        AccountDisabled, TooManyAttempts, Unavailable, Invalid (malformed).
        """
        ...


class Login:
    """Checks credentials. `default_domain` is added to a login name without a domain."""

    def __init__(
        self,
        directory: Directory,
        storage: Storage,
        hashing: Hashing,
        counters: Counters,
        limits: LimitSettings,
        clock: Clock,
        log: Log,
        *,
        randomness: Randomness,
        default_domain: str = "",
    ) -> None:
        self._directory = directory
        self._storage = storage
        self._hashing = hashing
        self._guesses = Guesses(counters, limits)
        self._randomness = randomness
        self._default_domain = default_domain
        self._proven = Proven(clock, randomness)
        self._noted = Noted(storage, clock, log)
        self._decoy_secret = randomness.token(32)

    def mechanisms(self, peer: Peer) -> tuple[str, ...]:
        """SASL mechanisms for this peer, strongest first. Whether any may be offered without TLS
        is the face's setting."""
        if peer.tls is not None and peer.tls.exporter:
            return (SCRAM_PLUS, SCRAM, PLAIN, LOGIN)
        return (SCRAM, PLAIN, LOGIN)

    def exchange(self, mechanism: str, peer: Peer, service: Service) -> Exchange:
        """Begins `mechanism` (any case). Raises Unsupported."""
        name = mechanism.upper()
        if name not in self.mechanisms(peer):
            raise Unsupported("This authentication mechanism is not offered")
        if name == PLAIN:
            return PlainExchange(self.plain, peer, service)
        if name == LOGIN:
            return LoginExchange(self.plain, peer, service)
        return ScramExchange(self, peer, service, plus=name == SCRAM_PLUS)

    # -- by password

    async def plain(
        self, username: str, password: str, peer: Peer, service: Service, authzid: str = ""
    ) -> Principal:
        """The principal of these credentials.

        Raises AuthenticationFailed, AccountDisabled, TooManyAttempts, Unavailable.
        """
        usable = _usable(password)
        name, account = await self.find(username) if usable else ("", None)
        proven = account is not None and self._proven.known(account, password)
        guess = await self.begin(account, name, peer, proven=proven)
        right = proven or await self._verify(account, password if usable else "", guess)
        if account is None or not right:
            self.refused(account, peer, service)
            raise AuthenticationFailed
        self._proven.remember(account, password)
        return await self.admit(account, guess, name, authzid, peer, service)

    async def _verify(self, account: Account | None, password: str, guess: Guess) -> bool:
        try:
            if account is None:
                return (await self._hashing.verify(password, ""))[0]
            return await self._directory.verify(account, password)
        except MailhubError:
            await self._guesses.withdraw(guess)
            raise

    async def operator(
        self, name: str, password: str, expected: str, peer: Peer, service: Service
    ) -> None:
        """Checks a credential that the configuration holds, under the same limits as accounts'.

        Raises AuthenticationFailed, TooManyAttempts.
        """
        guess = await self._guesses.begin(peer.address, name)
        given = password.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, expected.encode("utf-8", "surrogatepass")):
            self.refused(None, peer, service)
            raise AuthenticationFailed
        await self._guesses.right(guess)

    # -- what the exchanges share with it

    async def find(self, username: str) -> tuple[str, Account | None]:
        """(the name as it is looked up, empty when it can be none; whose it is)."""
        try:
            name = fold_username(username)
        except Invalid:
            return "", None
        account = await self._directory.find(name)
        if account is None and "@" not in name and self._default_domain:
            name = f"{name}@{self._default_domain}"
            account = await self._directory.find(name)
        return name, account

    async def begin(
        self, account: Account | None, name: str, peer: Peer, *, proven: bool = False
    ) -> Guess:
        """Counts a guess. Raises TooManyAttempts."""
        subject = f"#{account.number}" if account is not None else name
        try:
            return await self._guesses.begin(peer.address, subject, proven=proven)
        except TooManyAttempts:
            self._noted.held(account, peer)
            raise

    async def keys(self, account: Account | None, name: str) -> ScramKeys:
        """The account's SCRAM keys, or a decoy that no proof fits.

        An account that came with a foreign hash has keys from its first login by password on.
        """
        if account is not None:
            secrets = await self._storage.accounts.secrets(account.number)
            if secrets.scram_sha256 is not None:
                return secrets.scram_sha256
        return sasl.decoy(self._decoy_secret, name, DECOY_ITERATIONS)

    async def admit(
        self,
        account: Account,
        guess: Guess,
        name: str,
        authzid: str,
        peer: Peer,
        service: Service,
    ) -> Principal:
        """The secret was right: whether the account may come in, and as whom.

        Raises AccountDisabled, AuthenticationFailed (an identity that is not its own).
        """
        if not _own(authzid, account, name):
            self.refused(account, peer, service, "foreign-identity")
            raise AuthenticationFailed
        if account.disabled or account.suspended:
            await self._guesses.withdraw(guess)
            self.refused(account, peer, service, "disabled")
            raise AccountDisabled
        await self._guesses.right(guess)
        self._noted.admitted(account, peer, service)
        return Principal(
            account=account.number,
            account_id=account.id,
            username=account.username,
            role=account.role,
            service=service,
            auth_version=account.auth_version,
        )

    def refused(
        self, account: Account | None, peer: Peer, service: Service, why: str = "wrong"
    ) -> None:
        """Writes down a login that was not let in."""
        self._noted.refused(account, peer, service, why)

    def nonce(self) -> bytes:
        """Unpredictable bytes for one exchange."""
        return self._randomness.token(18)


def _usable(password: str) -> bool:
    try:
        check_password(password)
    except Invalid:
        return False
    return True


def _own(authzid: str, account: Account, name: str) -> bool:
    """Whether the identity to act as is the account's own: nobody acts for another."""
    if not authzid:
        return True
    try:
        wanted = fold_username(authzid)
    except Invalid:
        return False
    return wanted in (name, account.username, account.address.lower())
