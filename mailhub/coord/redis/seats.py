"""How many of something are open at all processes together, kept in Redis.

Each process says of what it has open how many there are, under its name, and once a second that it
lives: what a dead one said counts no more, and no count needs renewal. A process that lost touch,
or whose Redis was emptied, takes another name and says everything anew. Nothing here raises: while
Redis is away each process counts its own. May hold no rule of what is counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Iterable
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from mailhub.coord.memory import MemorySeats
from mailhub.coord.redis.scripts import Asks, Script
from mailhub.coord.redis.wire import Reply
from mailhub.model.errors import Unavailable
from mailhub.ports import Clock, Randomness

BEAT = Script("beat")
SEATS = Script("seats")
LIFE = 5.0
"""Seconds after its last sign of life for which what a process has open counts."""
KEEP = 900
"""Seconds that Redis keeps what was said of a key: rubbish of dead processes goes then."""
REFRESH = 300.0
"""Seconds after which it is said again."""
MOST = 500
"""Keys that are told of in one beat."""
PAGE = 20
"""Of them at once, so that nobody else waits long."""
PART = 4
"""Others hear of a crowd when it is the fourth part of what a process may have of its limit: so at
most a quarter more than the limit is let in, and few crowds need to be told of."""


class RedisSeats:
    """`ports.Seats`. `now`: seconds in place of Redis's clock."""

    def __init__(
        self,
        link: Asks,
        clock: Clock,
        randomness: Randomness,
        *,
        prefix: str,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._link = link
        self._clock = clock
        self._randomness = randomness
        self._prefix = prefix
        self._now = now
        self._nodes = f"{{{prefix}}}:nodes"
        self._name = self._new_name()
        self._joined = False
        self._live: tuple[str, ...] = ()
        """The other processes."""
        self._own = MemorySeats()
        self._seated: set[str] = set()
        """Keys that were taken with a limit."""
        self._told: dict[str, float] = {}
        """Those that Redis has something of under our name, and since when; the oldest first."""
        self._owed: set[str] = set()
        """Those that it has to be told of again."""
        self._crowds: dict[str, int] = {}
        """Keys that were admitted and are told of with every beat, with their limit."""
        self._others: dict[str, int] = {}
        """What others have of those."""

    # -- what is asked for

    async def take(self, key: str, most: int) -> bool:
        """See `ports.Seats`."""
        if not self._own.admit(key, most):
            return False
        if not most:
            return True
        self._seated.add(key)
        try:
            fits, _ = await self._heard(key, most)
        except Unavailable:
            self._owed.add(key)
            return True
        except BaseException:
            self.give(key)
            raise
        if not fits:
            self._forget(key)
            self._owed.add(key)  # another one of ours may have been told together with this one
        return fits

    def admit(self, key: str, most: int) -> bool:
        """See `ports.Seats`."""
        if most and self._own.open(key) + self._others.get(key, 0) >= most:
            return False
        self._own.admit(key, 0)
        if most and self._is_crowd(key, most):
            self._crowds[key] = most
        return True

    def give(self, key: str) -> None:
        """See `ports.Seats`."""
        self._forget(key)
        if key in self._told:
            Deferred.fromCoroutine(self._settle(key))

    async def count(self, key: str) -> int:
        """See `ports.Seats`."""
        try:
            _, others = await self._heard(key, 0)
        except Unavailable:
            others = 0
        return self._own.open(key) + others

    # -- from time to time

    async def beat(self) -> None:
        """To be called about once a second."""
        try:
            await self._join()
        except Unavailable:
            self._joined, self._live = False, ()
            self._others.clear()
            return
        before = self._clock.seconds() - REFRESH
        old = [key for key, at in islice(self._told.items(), MOST) if at < before]
        await _paged(map(self._settle, {*islice(self._owed, MOST), *old}))
        crowds = dict(islice(self._crowds.items(), MOST))
        for key in crowds:  # the others have their turn next
            self._crowds[key] = self._crowds.pop(key)
        await _paged(map(self._share, crowds))

    async def leave(self) -> None:
        """What this process has open counts no more."""
        try:
            await self._link.ask("ZREM", self._nodes, self._name)
        except Unavailable:
            return  # it is forgotten soon

    async def _join(self) -> None:
        """A sign of life; hears who else lives. Raises Unavailable."""
        former = "" if self._joined else self._rename()
        fresh, names = await self._live_on(former)
        if fresh and self._joined:
            # We were taken for dead, or Redis was emptied.
            fresh, names = await self._live_on(self._rename())
        self._joined = True
        found = {name if isinstance(name, str) else name.decode() for name in names}
        self._live = tuple(sorted(found - {self._name}))

    def _rename(self) -> str:
        """Begins anew; the former name."""
        former, self._name = self._name, self._new_name()
        self._told.clear()
        self._owed = set(self._seated)
        return former

    def _new_name(self) -> str:
        return self._randomness.token(8).hex()

    async def _live_on(self, former: str) -> Reply:
        ask = {"me": self._name, "former": former, "life": LIFE}
        if self._now is not None:
            ask["now"] = self._now()
        return await BEAT.run(self._link, (self._nodes,), ask)

    # -- one key

    async def _heard(self, key: str, most: int) -> tuple[bool, int]:
        """Says how many we have of what was taken; whether that fits (0: it does), and what others
        have. Raises Unavailable."""
        if not self._joined:
            await self._join()
        fits, others, unknown = await self._tell(key, self._taken(key), most, sure=False)
        if unknown and not (most and fits):
            await self._join()  # who is unknown came a moment ago, or is dead
            fits, others, _ = await self._tell(key, self._taken(key), most, sure=True)
        return fits, others

    def _taken(self, key: str) -> int:
        return self._own.open(key) if key in self._seated else 0

    async def _settle(self, key: str) -> None:
        """Says how many we have of what was taken; again with a later beat where that fails."""
        self._owed.discard(key)
        try:
            await self._tell(key, self._taken(key), 0, sure=False)
        except Unavailable:
            self._owed.add(key)

    async def _share(self, key: str) -> None:
        """Says how many we have of a crowd, until it is none any more, and hears of the others."""
        many = self._is_crowd(key, self._crowds[key])
        try:
            _, others, _ = await self._tell(key, self._own.open(key) if many else 0, 0, sure=False)
        except Unavailable:
            return
        if many:
            self._others[key] = others
        else:
            self._crowds.pop(key, None)
            self._others.pop(key, None)

    async def _tell(self, key: str, count: int, most: int, *, sure: bool) -> tuple[bool, int, int]:
        """Whether our count fits, what others have, and what some have who are unknown. Raises
        Unavailable."""
        if key in self._seated or key in self._told:
            self._told.pop(key, None)
            if count:
                self._told[key] = self._clock.seconds()
        ask = {
            "me": self._name,
            "count": count,
            "most": most,
            "live": self._live,
            "sure": sure,
            "keep": KEEP,
        }
        fits, others, unknown = await SEATS.run(self._link, (self._key(key),), ask)
        return bool(fits), int(others), int(unknown)

    def _is_crowd(self, key: str, most: int) -> bool:
        nodes = len(self._live) + 1
        return nodes > 1 and self._own.open(key) >= max(1, most // (PART * nodes))

    def _forget(self, key: str) -> None:
        self._own.give(key)
        if not self._own.open(key):
            self._seated.discard(key)

    def _key(self, key: str) -> str:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return f"{self._prefix}:open:{{{digest[:40]}}}"


async def _paged(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    waiting = list(work)
    for start in range(0, len(waiting), PAGE):
        await DeferredList([Deferred.fromCoroutine(one) for one in waiting[start : start + PAGE]])
