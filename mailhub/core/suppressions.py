"""The list of recipients that nothing is sent to, as an administrator sees it.

Who gets onto it by himself, and what becomes of mail to them, is in `queue.suppression`.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.change import Actor
from mailhub.model.errors import Invalid
from mailhub.model.queue import Suppression
from mailhub.ports import Clock, Storage
from mailhub.wire import address as grammar

REASON = 500
"""Characters of an administrator's reason."""


def key(address: str) -> str:
    """The form in which a recipient is listed: folded, with its subaddress, as nobody knows what
    another server makes of that. Raises Invalid."""
    local, domain = grammar.split(address)
    return grammar.join(grammar.fold(local), domain)


class Suppressions:
    """`life`: seconds after which a recipient that was refused is tried again."""

    def __init__(self, storage: Storage, clock: Clock, life: int) -> None:
        self._storage = storage
        self._clock = clock
        self._life = life

    async def page(self, *, after: str = "", limit: int = 100) -> Sequence[Suppression]:
        """Those with a key > after, in the keys' order."""
        return await self._storage.routes.suppressions(after=after, limit=limit)

    def until(self, one: Suppression) -> int:
        """When it ends, epoch seconds; 0: never."""
        return one.created + self._life if one.status else 0

    async def add(self, address: str, reason: str, actor: Actor) -> Suppression:
        """Nothing is sent to `address` until it is removed here; senders are told the `reason`.
        Raises Invalid."""
        if len(reason) > REASON or not reason.isprintable():
            raise Invalid("The reason is not one line of at most 500 characters", "reason")
        one = Suppression(key(address), "", reason, int(self._clock.now()))
        await self._storage.routes.suppress(one, actor)
        return one

    async def remove(self, address: str, actor: Actor) -> None:
        """It is sent to again. Raises NotFound, Invalid."""
        await self._storage.routes.unsuppress(key(address), actor)
