"""What an account's applications are told of changes, and where who was away goes on.

Reads the journal; who listens, and how it reaches him, is the faces' affair.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.errors import Invalid
from mailhub.model.event import Counted, Page, Place
from mailhub.model.settings import UpdateSettings
from mailhub.ports import Clock, Storage


class Updates:
    """Events of accounts."""

    def __init__(self, storage: Storage, clock: Clock, settings: UpdateSettings) -> None:
        self._storage = storage
        self._clock = clock
        self._settings = settings

    async def lasts(self, account: int, version: int) -> bool:
        """Whether sessions of this version of the account may last."""
        known = await self._storage.accounts.get(account)
        return known is not None and known.auth_version == version

    async def newest(self) -> Place:
        """Behind all that happened so far."""
        return Place((await self._storage.events.reach(0)).newest)

    async def passed(self) -> Place:
        """The same, once all who watch the store were told of it."""
        newest = await self.newest()
        await self._storage.caught_up()
        return newest

    async def resume(self, last: str) -> Place | None:
        """Behind the event with this id; None where nobody can say any more what came after it.

        Raises Invalid for what is no id of an event.
        """
        try:
            place = Place.read(last.strip().lower())
        except Invalid:
            raise Invalid("Not the id of an event", "Last-Event-ID") from None
        reach = await self._storage.events.reach(place.number)
        if not reach.oldest - 1 <= place.number <= reach.newest:
            return None
        begin = self._clock.now() - self._settings.replay
        return place if reach.since is None or reach.since >= begin else None

    async def page(self, account: int, after: Place, limit: int) -> Page:
        """The next events of the account's mail."""
        return await self._storage.events.page(after, account=account, mail=True, limit=limit)

    async def all_counted(self, account: int) -> Sequence[Counted]:
        """Counters of every mailbox."""
        boxes = await self._storage.mailboxes.all(account)
        return [Counted(box.number, box.id, box.messages, box.unseen) for box in boxes]
