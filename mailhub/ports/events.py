"""What the store tells of changes, and whom: events of the journal, and webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from mailhub.model.change import Actor
from mailhub.model.event import Counted, Page, Place, Reach
from mailhub.model.webhook import Webhook


class Events(Protocol):
    """The journal as events."""

    def page(
        self, after: Place, *, account: int | None = None, mail: bool = False, limit: int = 200
    ) -> Awaitable[Page]:
        """At most `limit` events behind `after`, as of one moment: everybody's, or one account's.
        `mail`: what mail clients are told of, and nothing else."""
        ...

    def reach(self, after: int) -> Awaitable[Reach]:
        """What the journal still has, and from when on behind the row `after`."""
        ...

    def counted(self, account: int, boxes: Sequence[int]) -> Awaitable[Sequence[Counted]]:
        """Of those of the mailboxes that exist."""
        ...

    def purge(self, keep: int) -> Awaitable[bool]:
        """Forgets some of the oldest rows of the journal that were written more than `keep` seconds
        ago and that nobody needs any more; whether there were some."""
        ...


class Webhooks(Protocol):
    """Who is told of events by HTTP, and how far."""

    def add(self, hook: Webhook, actor: Actor) -> Awaitable[Webhook]:
        """With its number, and told from now on."""
        ...

    def all(self) -> Awaitable[Sequence[Webhook]]:
        """In the order they were made."""
        ...

    def remove(self, number: int, actor: Actor) -> Awaitable[None]:
        """Raises NotFound."""
        ...

    def moved(self, hook: Webhook) -> Awaitable[bool]:
        """Keeps how far it was told, and how it fares; False where it exists no more, or somebody
        set its place meanwhile."""
        ...

    def replay(self, number: int, place: Place, actor: Actor) -> Awaitable[Webhook]:
        """Sets its place. Raises NotFound."""
        ...
