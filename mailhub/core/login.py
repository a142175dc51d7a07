"""Proves who is there: one service for every protocol, so that limits on guessing are shared.

Whoever asks, the answer takes the same time and says nothing about which part was wrong. With a
second factor, or a password that has to be changed, the account's own password opens nothing
alone: over the mail protocols an app password does, whose scope fits. What a principal may then
do is decided by the other services of core; base64, `*` and reply codes are the faces'.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from mailhub.core.accounts import check_password, fold_username
from mailhub.core.app_passwords import Matching
from mailhub.core.credential import MASTER, Credential, Visit
from mailhub.core.crossing import Crossings, guest
from mailhub.core.exchanges import LoginExchange, PlainExchange, ScramExchange
from mailhub.core.noted import Noted
from mailhub.core.proven import Proven
from mailhub.model.account import Account, Principal, Scope, ScramKeys, Service
from mailhub.model.envelope import Peer
from mailhub.model.errors import (
    AccountDisabled,
    AuthenticationFailed,
    Invalid,
    MailhubError,
    TooManyAttempts,
    Unsupported,
    WrongScope,
)
from mailhub.model.identity import UNBOUND
from mailhub.model.settings import LimitSettings
from mailhub.policy.limits import WINDOW, Guess, Guesses
from mailhub.ports import Clock, Counters, Directory, Hashing, Log, Randomness, Storage
from mailhub.ports.passage import Crossing
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
    """Checks credentials. `default_domain` is added to a login name without a domain. `secret`: of
    this server, so that a name that nobody has looks the same after a restart, as others do.
    `crossings`: the way to other servers for accounts whose mail is there; None: there are none."""

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
        secret: bytes = b"",
        crossings: Crossings | None = None,
    ) -> None:
        self._directory = directory
        self._storage = storage
        self._hashing = hashing
        self._guesses = Guesses(counters, limits)
        self._randomness = randomness
        self._default_domain = default_domain
        self._crossings = crossings
        self._proven = Proven(clock, randomness)
        self._apps = Matching(storage, hashing, clock, randomness.token(16))
        self.noted = Noted(storage, clock, log)
        """The record of logins; whoever reads it flushes it first."""
        self._decoy_secret = secret or randomness.token(32)

    def mechanisms(self, peer: Peer) -> tuple[str, ...]:
        """SASL mechanisms for this peer, strongest first. Whether any may be offered without TLS
        is the face's setting. Another server can only be shown a password, and nobody says before
        the exchange who it is for."""
        if self._crossings is not None and self._crossings.expected:
            return (PLAIN, LOGIN)
        if peer.tls is not None and peer.tls.exporter:
            return (SCRAM_PLUS, SCRAM, PLAIN, LOGIN)
        return (SCRAM, PLAIN, LOGIN)

    def exchange(self, mechanism: str, peer: Peer, service: Service) -> Exchange:
        """Begins `mechanism` (any case). Raises Unsupported."""
        name = mechanism.upper()
        if name not in self.mechanisms(peer):
            raise Unsupported("This authentication mechanism is not offered")
        visit = Visit(peer, service)
        if name == PLAIN:
            return PlainExchange(self.prove, visit)
        if name == LOGIN:
            return LoginExchange(self.prove, visit)
        return ScramExchange(self, visit, plus=name == SCRAM_PLUS)

    # -- by password

    async def plain(
        self,
        username: str,
        password: str,
        peer: Peer,
        service: Service,
        authzid: str = "",
        *,
        scope: Scope | None = None,
    ) -> Principal:
        """As `prove`. `scope`: what for, where it is not what the service is for."""
        return await self.prove(username, password, Visit(peer, service, scope, authzid))

    async def prove(self, username: str, password: str, visit: Visit) -> Principal:
        """The principal of these credentials.

        Raises AuthenticationFailed, AccountDisabled, WrongScope, TooManyAttempts, Unavailable.
        """
        usable = _usable(password)
        name, account = await self.find(username) if usable else ("", None)
        known = self._proven.known(account, password, visit.scope) if account is not None else None
        guess = await self.begin(account, name, visit, proven=known is not None)
        if guess.held and (known is None or known is MASTER):
            known = await self._by_app(account, password, visit)
        elif known is None:
            known = await self._check(account, password if usable else "", guess, visit)
        crossing = None
        if account is not None and usable and self._crossings is not None:
            known, crossing = await self._elsewhere(account, password, known, guess, visit)
        if account is None or known is None:
            self.refused(account, visit)
            raise AuthenticationFailed
        self._proven.remember(account, password, visit.scope, known)
        try:
            principal = await self.admit(account, known, guess, name, visit)
        except BaseException:
            if crossing is not None:
                crossing.close()
            raise
        return guest(principal, crossing) if crossing is not None else principal

    async def _elsewhere(
        self,
        account: Account,
        password: str,
        known: Credential | None,
        guess: Guess,
        visit: Visit,
    ) -> tuple[Credential | None, Crossing | None]:
        """What the password is where the account's mail is at another server, and the session
        there. Raises StillElsewhere, Unavailable."""
        assert self._crossings is not None
        away = await self._crossings.of(account)
        if away is None or account.disabled or account.suspended:
            return known, None
        if _shut(account, known or MASTER, visit.scope) is not None:
            return known, None
        try:
            proof = await self._crossings.prove(away, account, password, known, visit)
        except MailhubError:
            await self._guesses.withdraw(guess)
            raise
        return proof.credential, proof.crossing

    async def whose(self, username: str, password: str, visit: Visit) -> Account:
        """As `prove`: the account, as it is while the login holds. Whatever is to last longer than
        a call is made of this: what changed meanwhile ends it from the beginning.

        Raises as `prove`.
        """
        principal = await self.prove(username, password, visit)
        account = await self._storage.accounts.get(principal.account)
        if account is None or account.auth_version != principal.auth_version:
            raise AuthenticationFailed
        return account

    async def _by_app(self, account: Account | None, password: str, visit: Visit) -> Credential:
        """What lets in while others guess at the account: an app password, as nobody guesses
        those. Raises TooManyAttempts, Unavailable."""
        if visit.scope in UNBOUND:
            app = await self._apps.match(account, password)
            if app is not None and visit.scope in app.scopes:
                return Credential(app)
        self.noted.held(account, visit)
        raise TooManyAttempts(retry_after=WINDOW)

    async def _check(
        self, account: Account | None, password: str, guess: Guess, visit: Visit
    ) -> Credential | None:
        """What the password is, None for wrong: first whether an app password, where it has the
        shape of one. Raises WrongScope, Unavailable."""
        try:
            app = None
            if visit.scope in UNBOUND:
                app = await self._apps.match(account, password)
            if app is not None and visit.scope in app.scopes:
                return Credential(app)
            if await self._is_master(account, password):
                return MASTER
        except MailhubError:
            await self._guesses.withdraw(guess)
            raise
        if app is not None:
            await self._guesses.withdraw(guess)
            self.noted.refused(account, visit, "scope", Credential(app))
            raise WrongScope("This app password is for something else")
        return None

    async def _is_master(self, account: Account | None, password: str) -> bool:
        if account is None:
            return (await self._hashing.verify(password, ""))[0]
        return await self._directory.verify(account, password)

    async def operator(
        self, name: str, password: str, expected: str, peer: Peer, service: Service
    ) -> None:
        """Checks a credential that the configuration holds, under the same limits as accounts'.

        Raises AuthenticationFailed, TooManyAttempts.
        """
        guess = await self._guesses.begin(peer.address, name)
        given = password.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, expected.encode("utf-8", "surrogatepass")):
            self.refused(None, Visit(peer, service))
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
        self, account: Account | None, name: str, visit: Visit, *, proven: bool = False
    ) -> Guess:
        """Counts a guess. Raises TooManyAttempts."""
        subject = f"#{account.number}" if account is not None else name
        sure = visit.scope in UNBOUND
        try:
            return await self._guesses.begin(visit.peer.address, subject, proven=proven, sure=sure)
        except TooManyAttempts:
            self.noted.held(account, visit)
            raise

    async def candidates(
        self, account: Account | None, name: str, guess: Guess, visit: Visit
    ) -> Sequence[tuple[ScramKeys, Credential]]:
        """What a SCRAM proof may be of: at least one, all under one salt; a decoy that no proof
        fits where nothing lets in. An account that came with a foreign hash has keys from its
        first login by password on. Raises TooManyAttempts.
        """
        found: list[tuple[ScramKeys, Credential]] = []
        keys = None
        if self._crossings is not None and await self._crossings.of(account) is not None:
            account = None  # its password is what the other server wants
        if account is not None:
            keys = (await self._storage.accounts.secrets(account.number)).scram_sha256
        if account is not None and visit.scope not in account.disabled_scopes:
            if keys is not None and account.password_opens and not guess.held:
                found.append((keys, MASTER))
            if visit.scope in UNBOUND:
                apps = await self._apps.good(account.number)
                found += [(app.keys, Credential(app)) for app in apps if visit.scope in app.scopes]
        if not found:
            if guess.held:
                self.noted.held(account, visit)
                raise TooManyAttempts(retry_after=WINDOW)
            decoy = sasl.decoy(self._decoy_secret, name, DECOY_ITERATIONS)
            if keys is not None:  # nobody is to see from outside that a factor was turned on
                decoy = replace(decoy, salt=keys.salt, iterations=keys.iterations)
            return [(decoy, MASTER)]
        first = found[0][0]
        return [
            one
            for one in found
            if (one[0].salt, one[0].iterations) == (first.salt, first.iterations)
        ]

    async def admit(
        self, account: Account, credential: Credential, guess: Guess, name: str, visit: Visit
    ) -> Principal:
        """The secret was right: whether the account may come in, and as whom.

        Raises AccountDisabled, WrongScope, AuthenticationFailed (an identity that is not its own).
        """
        if not _own(visit.authzid, account, name):
            self.noted.refused(account, visit, "foreign-identity", credential)
            raise AuthenticationFailed
        if account.disabled or account.suspended:
            await self._guesses.withdraw(guess)
            self.noted.refused(account, visit, "disabled", credential)
            raise AccountDisabled
        shut = _shut(account, credential, visit.scope)
        if shut is not None:
            await self._guesses.withdraw(guess)
            self.noted.refused(account, visit, "scope", credential)
            raise shut
        await self._guesses.right(guess)
        self.noted.admitted(account, credential, visit)
        return Principal(
            account=account.number,
            account_id=account.id,
            username=account.username,
            role=account.role,
            service=visit.service,
            auth_version=account.auth_version,
            address=visit.peer.address,
            means=credential.app.description if credential.app is not None else "",
        )

    def refused(self, account: Account | None, visit: Visit) -> None:
        """Writes down a login whose secret was wrong."""
        self.noted.refused(account, visit, "wrong")

    def nonce(self) -> bytes:
        """Unpredictable bytes for one exchange."""
        return self._randomness.token(18)


def _shut(account: Account, credential: Credential, scope: Scope) -> WrongScope | None:
    """Why what proved to be right opens nothing here; None where it does."""
    if scope in account.disabled_scopes:
        return WrongScope("This service is switched off for the account")
    if credential.app is None and scope is not Scope.MASTER and not account.password_opens:
        return WrongScope()
    return None


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
