"""Takes blocking questions to a directory off the reactor, with a bound on all of them.

A server that hangs costs its own threads and nobody else's time: whoever asked is told that the
directory is away, though the thread is still at it, and of those that would wait for a thread only
so many may.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from mailhub.directory.ldap import LDAPTalk
from mailhub.model.directory import Entry
from mailhub.model.errors import Unavailable

WAITING = 200
"""Questions that wait for a thread past which more are refused."""
ALL = 120.0
"""Seconds for reading everything."""
T = TypeVar("T")


class ThreadedEntries:
    """`ports.Entries`. `threads`: questions at a time; `deadline`: seconds for one."""

    def __init__(self, talk: LDAPTalk, reactor: Any, *, threads: int, deadline: float) -> None:
        self._talk = talk
        self._reactor = reactor
        self._deadline = deadline
        self._pool = ThreadPool(0, threads, "directory")
        self._most = threads + WAITING
        self._under_way = 0

    def start(self) -> None:
        """Before the first question."""
        self._pool.start()

    def stop(self) -> None:
        """Ends the threads after what they are at."""
        self._pool.stop()

    async def find(self, name: str) -> Entry | None:
        """See `ports.Entries`."""
        return await self._ask(lambda: self._talk.find(name), self._deadline)

    async def get(self, key: str) -> Entry | None:
        """See `ports.Entries`."""
        return await self._ask(lambda: self._talk.get(key), self._deadline)

    async def prove(self, place: str, password: str) -> bool:
        """See `ports.Entries`."""
        return await self._ask(lambda: self._talk.prove(place, password), self._deadline)

    async def all(self) -> Sequence[Entry]:
        """See `ports.Entries`."""
        return await self._ask(self._talk.all, ALL)

    async def _ask(self, work: Callable[[], T], seconds: float) -> T:
        if self._under_way >= self._most:
            raise Unavailable("Too many wait for the directory")
        self._under_way += 1
        asked: Deferred[T] = deferToThreadPool(self._reactor, self._pool, work)
        asked.addBoth(self._over)
        answer: Deferred[T] = Deferred()
        asked.chainDeferred(answer)
        answer.addTimeout(seconds, self._reactor)
        try:
            return await answer
        except (TimeoutError, CancelledError):
            raise Unavailable("The directory does not answer") from None

    def _over(self, result: T) -> T:
        self._under_way -= 1
        return result
