"""SASL exchanges under way: each takes the client's responses in order and ends in a principal.

The messages are parsed and made in `wire.sasl`; who is let in is decided by `core.login`, which
hands itself in as the `Gate`. A face base64-codes and knows how to cancel.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Protocol

from mailhub.model.account import Account, Principal, ScramKeys, Service
from mailhub.model.envelope import Peer
from mailhub.model.errors import AuthenticationFailed, Invalid
from mailhub.policy.limits import Guess
from mailhub.wire import sasl

Plain = Callable[[str, str, Peer, Service, str], Awaitable[Principal]]
"""`Login.plain`: username, password, peer, service, authorization identity."""


class PlainExchange:
    """PLAIN (RFC 4616): one response."""

    def __init__(self, plain: Plain, peer: Peer, service: Service) -> None:
        self._plain = plain
        self._peer = peer
        self._service = service
        self._asked = False

    async def step(self, response: bytes) -> bytes | Principal:
        """Empty challenge first, where no initial response came."""
        if not response and not self._asked:
            self._asked = True
            return b""
        claim = sasl.plain(response)
        return await self._plain(
            claim.username, claim.password, self._peer, self._service, claim.authzid
        )


class LoginExchange:
    """LOGIN (draft-murchison-sasl-login): the name, then the password; Outlook still asks for it.

    The prompts are the draft's; clients exist that look at them. A client may send the name as
    its initial response.
    """

    def __init__(self, plain: Plain, peer: Peer, service: Service) -> None:
        self._plain = plain
        self._peer = peer
        self._service = service
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
        return await self._plain(self._username, sasl.text(response), self._peer, self._service, "")


class Gate(Protocol):
    """What SCRAM needs of `core.login`."""

    async def find(self, username: str) -> tuple[str, Account | None]: ...
    async def begin(self, account: Account | None, name: str, peer: Peer) -> Guess: ...
    async def keys(self, account: Account | None, name: str) -> ScramKeys: ...
    async def admit(
        self,
        account: Account,
        guess: Guess,
        name: str,
        authzid: str,
        peer: Peer,
        service: Service,
    ) -> Principal: ...
    def refused(self, account: Account | None, peer: Peer, service: Service) -> None: ...
    def nonce(self) -> bytes: ...


class _State(Enum):
    START = auto()
    FIRST_ASKED = auto()
    CHALLENGED = auto()
    PROVED = auto()
    OVER = auto()


class ScramExchange:
    """SCRAM-SHA-256 and -PLUS (RFC 7677): two messages each way, then an empty response."""

    def __init__(self, gate: Gate, peer: Peer, service: Service, *, plus: bool) -> None:
        self._gate = gate
        self._peer = peer
        self._service = service
        self._plus = plus
        self._state = _State.START
        self._name = ""
        self._account: Account | None = None
        self._first: sasl.ClientFirst | None = None
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
            return await self._prove(response)
        if state is _State.PROVED and not response and self._principal is not None:
            return self._principal
        raise Invalid("The SCRAM exchange is over")

    async def _challenge(self, response: bytes) -> bytes:
        first = sasl.client_first(response)
        self._name, self._account = await self._gate.find(first.username)
        self._guess = await self._gate.begin(self._account, self._name, self._peer)
        keys = await self._gate.keys(self._account, self._name or first.username)
        exporter = self._peer.tls.exporter if self._peer.tls is not None else b""
        nonce = base64.b64encode(self._gate.nonce()).decode()
        try:
            self._scram = sasl.Scram(first, keys, nonce, exporter, self._plus)
        except AuthenticationFailed:
            self._gate.refused(self._account, self._peer, self._service)
            raise
        self._first = first
        self._state = _State.CHALLENGED
        return self._scram.challenge

    async def _prove(self, response: bytes) -> bytes:
        if self._scram is None or self._first is None or self._guess is None:
            raise Invalid("The SCRAM exchange is over")
        try:
            verifier = self._scram.finish(response)
        except AuthenticationFailed:
            self._gate.refused(self._account, self._peer, self._service)
            raise
        if self._account is None:
            raise AuthenticationFailed
        self._principal = await self._gate.admit(
            self._account, self._guess, self._name, self._first.authzid, self._peer, self._service
        )
        self._state = _State.PROVED
        return verifier
