"""Counters that all processes share over Redis, and what counts while it is away.

Keys are digests: a name that somebody guessed at never reaches Redis as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from mailhub.coord.redis.scripts import Asks, Script
from mailhub.coord.redis.wire import Reply
from mailhub.model.errors import Unavailable
from mailhub.ports import Counters

HIT = Script("hit")
PEEK = Script("peek")
REMAINING = Script("remaining")


class RedisCounters:
    """`ports.Counters`; all methods raise Unavailable. `now`: seconds in place of Redis's clock."""

    def __init__(self, link: Asks, *, prefix: str, now: Callable[[], float] | None = None) -> None:
        self._link = link
        self._prefix = prefix
        self._now = now

    async def hit(self, key: str, window: float, cost: int = 1) -> int:
        """Adds and returns the count in the current `window` of seconds, never below zero."""
        return int(await self._run(HIT, key, cost=cost, window=window))

    async def peek(self, key: str) -> int:
        """The count as it stands."""
        return int(await self._run(PEEK, key))

    async def remaining(self, key: str) -> tuple[int, float]:
        """See `ports.Counters`."""
        count, left = await self._run(REMAINING, key)
        return int(count), float(left)

    async def clear(self, key: str) -> None:
        """Back to zero."""
        await self._link.ask("DEL", self._key(key))

    async def _run(self, script: Script, key: str, **ask: Any) -> Reply:
        if self._now is not None:
            ask["now"] = self._now()
        return await script.run(self._link, (self._key(key),), ask)

    def _key(self, key: str) -> str:
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        # Each has a Cluster slot of its own: nothing ever needs two of them together.
        return f"{self._prefix}:count:{{{digest[:40]}}}"


class SteadyCounters:
    """`ports.Counters` that never fail: `own` counts along with `shared`, and the higher counts.

    Limits hold while Redis is away, and when it comes back empty: each process holds them for
    itself by what it saw. People can log in: neither does a broken Redis stop them, nor does
    breaking it free anybody of limits.
    """

    def __init__(self, shared: Counters, own: Counters) -> None:
        self._shared = shared
        self._own = own

    async def hit(self, key: str, window: float, cost: int = 1) -> int:
        """See `ports.Counters`."""
        own = await self._own.hit(key, window, cost)
        try:
            return max(own, await self._shared.hit(key, window, cost))
        except Unavailable:
            return own

    async def peek(self, key: str) -> int:
        """See `ports.Counters`."""
        own = await self._own.peek(key)
        try:
            return max(own, await self._shared.peek(key))
        except Unavailable:
            return own

    async def remaining(self, key: str) -> tuple[int, float]:
        """See `ports.Counters`."""
        own = await self._own.remaining(key)
        try:
            return max(own, await self._shared.remaining(key))
        except Unavailable:
            return own

    async def clear(self, key: str) -> None:
        """See `ports.Counters`. What other processes counted themselves stays until its window
        ends, and what Redis has while it is away."""
        await self._own.clear(key)
        try:
            await self._shared.clear(key)
        except Unavailable:
            return
