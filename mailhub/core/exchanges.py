"""SASL exchanges under way: each takes the client's responses in order and ends in a principal.

The messages are parsed and made in `wire.sasl`; who is let in is decided by `core.login`, which
hands itself in as the `Gate`. A face base64-codes and knows how to cancel.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import Protocol

from mailhub.core.credential import Credential, Visit
from mailhub.model.account import Account, Principal, ScramKeys
from mailhub.model.errors import AuthenticationFailed, Invalid
from mailhub.policy.limits import Guess
from mailhub.wire import sasl

Prove = Callable[[str, str, Visit], Awaitable[Principal]]
"""`Login.prove`: username, password, and for what."""


class PlainExchange:
    """PLAIN (RFC 4616): one response."""

    def __init__(self, prove: Prove, visit: Visit) -> None:
        self._prove = prove
        self._visit = visit
        self._asked = False

    async def step(self, response: bytes) -> bytes | Principal:
        """Empty challenge first, where no initial response came."""
        if not response and not self._asked:
            self._asked = True
            return b""
        claim = sasl.plain(response)
        visit = replace(self._visit, authzid=claim.authzid)
        return await self._prove(claim.username, claim.password, visit)


class LoginExchange:
    """LOGIN (draft-murchison-sasl-login): the name, then the password; Outlook still asks for it.

    The prompts are the draft's; clients exist that look at them. A client may send the name as
    its initial response.
    """

    def __init__(self, prove: Prove, visit: Visit) -> None:
        self._prove = prove
        self._visit = visit
        self._asked = False
        self._username: str | None = None

    async def step(self, response: bytes) -> bytes | Principal:
        """`Username:`, `Password:`, then the principal."""
        if self._username is None:
            if not response and not self._asked:
                self._asked = True
                return b"Username:"
            self._username = sasl.text(response)
            return b"Password:"
        return await self._prove(self._username, sasl.text(response), self._visit)


class Gate(Protocol):
    """What SCRAM needs of `core.login`."""

    async def find(self, username: str) -> tuple[str, Account | None]: ...
    async def begin(self, account: Account | None, name: str, visit: Visit) -> Guess: ...
    async def candidates(
        self, account: Account | None, name: str, guess: Guess, visit: Visit
    ) -> Sequence[tuple[ScramKeys, Credential]]: ...
    async def admit(
        self, account: Account, credential: Credential, guess: Guess, name: str, visit: Visit
    ) -> Principal: ...
    def refused(self, account: Account | None, visit: Visit) -> None: ...
    def nonce(self) -> bytes: ...


class _State(Enum):
    START = auto()
    FIRST_ASKED = auto()
    CHALLENGED = auto()
    PROVED = auto()
    OVER = auto()


class ScramExchange:
    """SCRAM-SHA-256 and -PLUS (RFC 7677): two messages each way, then an empty response."""

    def __init__(self, gate: Gate, visit: Visit, *, plus: bool) -> None:
        self._gate = gate
        self._visit = visit
        self._plus = plus
        self._state = _State.START
        self._name = ""
        self._account: Account | None = None
        self._credentials: Sequence[Credential] = ()
        self._scram: sasl.Scram | None = None
        self._guess: Guess | None = None
        self._principal: Principal | None = None

    async def step(self, response: bytes) -> bytes | Principal:
        """The server's next message, or who it is."""
        state, self._state = self._state, _State.OVER
        if state is _State.START and not response:
            self._state = _State.FIRST_ASKED
            return b""
        if state in (_State.START, _State.FIRST_ASKED):
            return await self._challenge(response)
        if state is _State.CHALLENGED:
            return await self._finish(response)
        if state is _State.PROVED and not response and self._principal is not None:
            return self._principal
        raise Invalid("The SCRAM exchange is over")

    async def _challenge(self, response: bytes) -> bytes:
        first = sasl.client_first(response)
        gate = self._gate
        visit = self._visit = replace(self._visit, authzid=first.authzid)
        self._name, self._account = await gate.find(first.username)
        self._guess = await gate.begin(self._account, self._name, visit)
        candidates = await gate.candidates(
            self._account, self._name or first.username, self._guess, visit
        )
        self._credentials = [credential for _, credential in candidates]
        tls = visit.peer.tls
        exporter = tls.exporter if tls is not None else b""
        nonce = base64.b64encode(gate.nonce()).decode()
        try:
            keys = [keys for keys, _ in candidates]
            self._scram = sasl.Scram(first, keys, nonce, exporter, self._plus)
        except AuthenticationFailed:
            gate.refused(self._account, visit)
            raise
        self._state = _State.CHALLENGED
        return self._scram.challenge

    async def _finish(self, response: bytes) -> bytes:
        if self._scram is None or self._guess is None:
            raise Invalid("The SCRAM exchange is over")
        try:
            verifier = self._scram.finish(response)
        except AuthenticationFailed:
            self._gate.refused(self._account, self._visit)
            raise
        if self._account is None:
            raise AuthenticationFailed
        credential = self._credentials[self._scram.fits]
        self._principal = await self._gate.admit(
            self._account, credential, self._guess, self._name, self._visit
        )
        self._state = _State.PROVED
        return verifier
