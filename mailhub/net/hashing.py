"""Password hashing off the reactor, in a pool with a bounded queue.

A hash takes tens of milliseconds: on the reactor it would hold up everybody, and in an unbounded
queue a burst of logins would become minutes of waiting. What the hashes are is `net.passwords`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from mailhub.model.account import ScramKeys, Secrets
from mailhub.model.errors import Unavailable
from mailhub.net.passwords import Cost, Passwords

T = TypeVar("T")

THREADS = 2
QUEUE = 200
"""Hashes waiting or under way past which new ones are refused: about two seconds of work."""


class PooledHashing:
    """`ports.Hashing` on threads of its own. `start` before use, `stop` at the end."""

    def __init__(
        self,
        reactor: IReactorFromThreads,
        token: Callable[[int], bytes],
        *,
        threads: int = THREADS,
        queue: int = QUEUE,
        cost: Cost | None = None,
    ) -> None:
        self._reactor = reactor
        self._passwords = Passwords(token, cost)
        self._pool = ThreadPool(threads, threads, "hashing")
        self._queue = queue
        self._pending = 0

    def start(self) -> None:
        """Starts the threads."""
        self._pool.start()

    def stop(self) -> None:
        """Ends the threads after what they are at."""
        self._pool.stop()

    async def hash(self, password: str, salt: bytes = b"") -> Secrets:
        """Fresh argon2id hash and SCRAM keys. Raises Unavailable (too many are waiting)."""
        return await self._off_reactor(lambda: self._passwords.hash(password, salt))

    async def derive(self, password: str, salt: bytes = b"", iterations: int = 0) -> ScramKeys:
        """SCRAM keys alone. Raises Unavailable (too many are waiting)."""
        return await self._off_reactor(lambda: self._passwords.derive(password, salt, iterations))

    async def verify(self, password: str, hashed: str) -> tuple[bool, bool]:
        """(right, wants a rehash). Raises Unavailable (too many are waiting)."""
        return await self._off_reactor(lambda: self._passwords.verify(password, hashed))

    async def _off_reactor(self, work: Callable[[], T]) -> T:
        if self._pending >= self._queue:
            raise Unavailable("Too many logins at once, try again later")
        self._pending += 1
        try:
            return await deferToThreadPool(self._reactor, self._pool, work)
        finally:
            self._pending -= 1


class InlineHashing:
    """`ports.Hashing` that computes where it is called: for tests and the command line."""

    def __init__(self, token: Callable[[int], bytes], cost: Cost | None = None) -> None:
        self._passwords = Passwords(token, cost)

    async def hash(self, password: str, salt: bytes = b"") -> Secrets:
        """Fresh argon2id hash and SCRAM keys."""
        return self._passwords.hash(password, salt)

    async def derive(self, password: str, salt: bytes = b"", iterations: int = 0) -> ScramKeys:
        """SCRAM keys alone."""
        return self._passwords.derive(password, salt, iterations)

    async def verify(self, password: str, hashed: str) -> tuple[bool, bool]:
        """(right, wants a rehash)."""
        return self._passwords.verify(password, hashed)
