"""Proves who is there: one service for every protocol, so that limits on guessing are shared.

Whoever asks, the answer takes the same time and says nothing about which part was wrong. What a
principal may then do is decided by the other services of core.
"""

from __future__ import annotations

from typing import Protocol

from mailhub.core.background import spawn
from mailhub.model.account import Principal, Service
from mailhub.model.envelope import Peer
from mailhub.model.settings import LimitSettings
from mailhub.ports import Clock, Counters, Directory, Hashing, Log, Randomness, Storage


class Exchange(Protocol):
    """One authentication under way; base64 and `*` are the face's affair."""

    async def step(self, response: bytes) -> bytes | Principal:
        """Takes the client's response (first: the initial one, or empty where there was none).

        bytes: the next challenge, maybe empty; Principal: done. Raises AuthenticationFailed,
        AccountDisabled, TooManyAttempts, Unavailable, Invalid (malformed).
        """
        ...


class Login:
    """Checks credentials."""

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
        raise NotImplementedError

    def mechanisms(self, peer: Peer) -> tuple[str, ...]:
        """SASL mechanisms for this peer, strongest first. Whether any may be offered without TLS
        is the face's setting."""
        raise NotImplementedError

    async def plain(
        self, username: str, password: str, peer: Peer, service: Service, authzid: str = ""
    ) -> Principal:
        """The principal of these credentials.

        Raises AuthenticationFailed, AccountDisabled, TooManyAttempts, Unavailable.
        """
        raise NotImplementedError

    def exchange(self, mechanism: str, peer: Peer, service: Service) -> Exchange:
        """Begins `mechanism` (any case). Raises Unsupported."""
        raise NotImplementedError
