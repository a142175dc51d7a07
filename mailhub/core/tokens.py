"""Tokens that stand for an account, or for a role, in calls of an API.

A token is forty hex digits that are shown once. What it stands for is kept under a digest of it,
signed, so that neither who reads what is kept can call anything, nor who writes there gains a
right. It ends when it is not used for a while, at a latest time, with the sessions of its account
(`auth_version`), and when it is revoked. How a token travels is the faces' affair.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mailhub.core.rights import Caller, Role, Standing
from mailhub.core.watch import Watch
from mailhub.model.account import Account, Factor
from mailhub.model.change import AccountChanged, Change, Missed, TokenEnded
from mailhub.model.errors import AuthenticationFailed
from mailhub.model.settings import TokenSettings
from mailhub.ports import Clock, Log, Randomness, Sessions, Storage

SIZE = 20
"""Random octets of a token."""
STEPS = 14
"""A token's life is prolonged when this part of it has passed: not with every call."""
VERSION = 1
_TOKEN = re.compile(r"[0-9a-f]{40}")
_MAC = 64
_INVALID = "Invalid accessToken value"


@dataclass(frozen=True, slots=True)
class _Record:
    """What is kept of a token. `account`: its number, or None. `life`: seconds without use;
    `latest`: epoch seconds when it ends in any case."""

    role: Role
    account: int | None
    auth_version: int
    standing: Standing
    life: int
    latest: int

    def text(self) -> str:
        values = (
            VERSION,
            self.role.value,
            self.account,
            self.auth_version,
            self.standing.value,
            self.life,
            self.latest,
        )
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> _Record:
        """Of what was signed, so its form is known. Raises ValueError for another version's."""
        version, role, account, auth_version, standing, life, latest = json.loads(text)
        if version != VERSION:
            raise ValueError(version)
        return cls(Role(role), account, auth_version, Standing(standing), life, latest)


class Tokens:
    """`secret`: of this server, at least 32 octets; with another one all tokens are unknown."""

    def __init__(
        self,
        sessions: Sessions,
        storage: Storage,
        watch: Watch,
        clock: Clock,
        randomness: Randomness,
        log: Log,
        secret: bytes,
        settings: TokenSettings,
    ) -> None:
        self._sessions = sessions
        self._storage = storage
        self._watch = watch
        self._clock = clock
        self._randomness = randomness
        self._log = log
        self._secret = secret
        self._settings = settings
        self._ears: dict[str, dict[object, Callable[[], None]]] = {}
        storage.watch(self._heard)

    async def issue(
        self, account: Account | None, role: Role = Role.USER, *, life: int = 0, longest: int = 0
    ) -> tuple[str, int]:
        """A new token and the epoch second when it ends unless it is used before. `life`: seconds
        without use, `longest`: in any case; 0 for what is configured, which bounds both.

        With a second factor, or a password that must be replaced, it opens only what is needed for
        that. Raises ValueError (a personal role and nobody), Unavailable.
        """
        if role.is_personal and account is None:
            raise ValueError("whose token is it?")
        now = int(self._clock.now())
        most = min(longest or self._settings.longest, self._settings.longest)
        record = _Record(
            role,
            account.number if account is not None else None,
            account.auth_version if account is not None else 0,
            _standing(account),
            min(life or self._settings.life, most),
            now + most,
        )
        token = self._randomness.token(SIZE).hex()
        key = _key(token)
        expires = min(now + record.life, record.latest)
        await self._sessions.put(key, self._signed(key, record), expires)
        self._log.event("token", outcome="issued", account=record.account, role=role.value)
        return token, expires

    async def caller(self, token: str, address: str) -> Caller:
        """Who calls with this token from `address`. Using it prolongs its life.

        Raises AuthenticationFailed, Unavailable.
        """
        if not _TOKEN.fullmatch(token):
            raise AuthenticationFailed(_INVALID)
        key = _key(token)
        record, expires = await self._find(key)
        account = None
        if record.account is not None:
            account = await self._account(record)
        now = int(self._clock.now())
        if expires - now < record.life - record.life // STEPS and expires < record.latest:
            await self._sessions.extend(key, min(now + record.life, record.latest))
        return Caller(
            address,
            record.account,
            account.id if account is not None else "",
            record.role,
            record.standing,
            key,
            record.auth_version,
        )

    async def proven(self, caller: Caller) -> None:
        """The caller showed the second factor that its token waits for. Raises Unavailable."""
        if caller.standing is not Standing.FACTOR or not caller.session:
            return
        record, expires = await self._find(caller.session)
        account = await self._account(record)
        standing = Standing.PASSWORD if account.must_change else Standing.WHOLE
        text = self._signed(caller.session, replace(record, standing=standing))
        await self._sessions.put(caller.session, text, expires)

    async def expires(self, caller: Caller) -> int:
        """Epoch second when the caller's token ends unless it is used. Raises as `caller`."""
        return (await self._find(caller.session))[1]

    async def lives(self, session: str) -> bool:
        """Whether the token with this key would still open something. Raises Unavailable."""
        try:
            record, _ = await self._find(session)
            if record.account is not None:
                await self._account(record)
        except AuthenticationFailed:
            return False
        return True

    async def revoke(self, token: str) -> None:
        """Ends the token, whoever has it; what it holds open ends too. Raises Unavailable."""
        await self.end(_key(token))

    async def end(self, session: str) -> None:
        """As `revoke`, by `Caller.session`."""
        await self._sessions.drop(session)
        self._log.event("token", outcome="revoked")

    def watch(self, caller: Caller, ended: Callable[[], None]) -> Callable[[], None]:
        """Calls `ended` as soon as the caller's token is no longer good, once. Returns what ends
        that."""
        if not caller.session:
            return _nothing
        token = object()
        self._ears.setdefault(caller.session, {})[token] = ended

        def heard(changes: Sequence[Change]) -> None:
            if any(_ends(change, caller.auth_version) for change in changes):
                forget()
                ended()

        leave = (
            self._watch.subscribe(caller.account, heard) if caller.account is not None else _nothing
        )

        def forget() -> None:
            leave()
            ears = self._ears.get(caller.session)
            if ears is not None and ears.pop(token, None) is not None and not ears:
                del self._ears[caller.session]

        return forget

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, TokenEnded):
                for ear in tuple(self._ears.pop(change.session, {}).values()):
                    ear()

    async def _find(self, key: str) -> tuple[_Record, int]:
        found = await self._sessions.get(key)
        if found is None or found.expires <= self._clock.now():
            raise AuthenticationFailed(_INVALID)
        record = self._read(key, found.record)
        if record is None or record.latest <= self._clock.now():
            raise AuthenticationFailed(_INVALID)
        return record, found.expires

    async def _account(self, record: _Record) -> Account:
        assert record.account is not None
        account = await self._storage.accounts.get(record.account)
        if account is None or account.disabled or account.suspended:
            raise AuthenticationFailed(_INVALID)
        if account.auth_version != record.auth_version:
            raise AuthenticationFailed(_INVALID)
        return account

    def _signed(self, key: str, record: _Record) -> str:
        text = record.text()
        return self._mac(key, text) + text

    def _read(self, key: str, signed: str) -> _Record | None:
        mac, text = signed[:_MAC], signed[_MAC:]
        if not hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac(key, text).encode()):
            return None
        try:
            return _Record.read(text)
        except ValueError:
            return None

    def _mac(self, key: str, text: str) -> str:
        """Also of the key, so that nobody moves a record under another token."""
        return hmac.digest(self._secret, f"{key} {text}".encode("utf-8", "replace"), "sha256").hex()


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _standing(account: Account | None) -> Standing:
    if account is None:
        return Standing.WHOLE
    # A factor of the application's own was asked for by whoever now asks for the token.
    if any(factor is not Factor.CUSTOM for factor in account.factors):
        return Standing.FACTOR
    return Standing.PASSWORD if account.must_change else Standing.WHOLE


def _ends(change: Any, auth_version: int) -> bool:
    return isinstance(change, Missed) or (
        isinstance(change, AccountChanged) and change.ends(auth_version)
    )


def _nothing() -> None:
    """There is nothing to end."""
