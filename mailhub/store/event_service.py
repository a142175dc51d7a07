"""The ports of events and webhooks over whatever runs the work."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from mailhub.model.change import Actor
from mailhub.model.event import Counted, Page, Place, Reach
from mailhub.model.webhook import Webhook
from mailhub.store import events, journal, webhooks
from mailhub.store.services import Runner


class EventService:
    """`ports.Events`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def page(
        self, after: Place, *, account: int | None = None, mail: bool = False, limit: int = 200
    ) -> Awaitable[Page]:
        return self._runner.read(events.page, after, account, mail, limit)

    def reach(self, after: int) -> Awaitable[Reach]:
        return self._runner.read(events.reach, after)

    def counted(self, account: int, boxes: Sequence[int]) -> Awaitable[Sequence[Counted]]:
        return self._runner.read(events.counted, account, boxes)

    def purge(self, keep: int) -> Awaitable[bool]:
        return self._runner.write(journal.purge, keep)


class WebhookService:
    """`ports.Webhooks`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def add(self, hook: Webhook, actor: Actor) -> Awaitable[Webhook]:
        return self._runner.write(webhooks.add, hook, actor)

    def all(self) -> Awaitable[Sequence[Webhook]]:
        return self._runner.read(webhooks.every)

    def remove(self, number: int, actor: Actor) -> Awaitable[None]:
        return self._runner.write(webhooks.remove, number, actor)

    def moved(self, hook: Webhook) -> Awaitable[bool]:
        return self._runner.write(webhooks.moved, hook)

    def replay(self, number: int, place: Place, actor: Actor) -> Awaitable[Webhook]:
        return self._runner.write(webhooks.replay, number, place, actor)
