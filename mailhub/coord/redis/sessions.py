"""API sessions that all processes share over Redis, with what was ended kept in the store.

Redis may lose sessions: then people log in anew. It may also come back with old ones, from a
backup or a replica that lagged, and what was ended must stay ended: so ends are in the store too.
Keys are digests; a record is signed by core and means nothing to who can only write here.
"""

from __future__ import annotations

from mailhub.coord.redis.scripts import Asks, Script
from mailhub.model.errors import Unavailable
from mailhub.model.session import KeptSession
from mailhub.ports import Clock, Sessions

LOOK = Script("session")
OVER = 1
"""Seconds that what is over already is kept; Redis takes no zero."""


class RedisSessions:
    """`ports.Sessions`; all methods raise Unavailable."""

    def __init__(self, link: Asks, clock: Clock, *, prefix: str) -> None:
        self._link = link
        self._clock = clock
        self._prefix = prefix

    async def put(self, key: str, record: str, expires: int) -> None:
        """In place of what was there."""
        await self._link.ask("SET", self._key(key), record, "EX", self._left(expires))

    async def get(self, key: str) -> KeptSession | None:
        """None where there is none, or its time is over."""
        found = await LOOK.run(self._link, (self._key(key),), {})
        if not found:
            return None
        record, left = found
        text = record if isinstance(record, str) else record.decode("utf-8", "replace")
        return KeptSession(text, int(self._clock.now()) + int(left))

    async def extend(self, key: str, expires: int) -> None:
        """Nothing happens where there is none."""
        await self._link.ask("EXPIRE", self._key(key), self._left(expires))

    async def drop(self, key: str) -> None:
        """Done again it changes nothing."""
        await self._link.ask("DEL", self._key(key))

    def _left(self, expires: int) -> int:
        return max(OVER, expires - int(self._clock.now()))

    def _key(self, key: str) -> str:
        return f"{self._prefix}:session:{{{key}}}"


class EndedSessions:
    """`ports.Sessions`: `shared` has them, `own` what was ended. `longest`: seconds that a session
    can live, and so an end must be known."""

    def __init__(self, shared: Sessions, own: Sessions, clock: Clock, longest: int) -> None:
        self._shared = shared
        self._own = own
        self._clock = clock
        self._longest = longest

    async def put(self, key: str, record: str, expires: int) -> None:
        """Raises Unavailable."""
        if await self._own.get(key) is None:
            await self._shared.put(key, record, expires)

    async def get(self, key: str) -> KeptSession | None:
        """None also for what was ended, whatever is shared. Raises Unavailable."""
        found = await self._shared.get(key)
        if found is None or await self._own.get(key) is not None:
            return None
        return found

    async def extend(self, key: str, expires: int) -> None:
        """Raises Unavailable."""
        await self._shared.extend(key, expires)

    async def drop(self, key: str) -> None:
        """Ends it for good, also while the shared part is away."""
        await self._own.put(key, "", int(self._clock.now()) + self._longest)
        try:
            await self._shared.drop(key)
        except Unavailable:
            return
