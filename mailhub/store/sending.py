"""The storage ports of outgoing mail, over the same runner as `services`."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from mailhub.model.change import Actor
from mailhub.model.dkim import DkimKey, KeyState
from mailhub.model.queue import (
    Attempt,
    Destination,
    Fresh,
    Loaded,
    QueueEntry,
    QueueFilter,
    QueueMessage,
    Slot,
    Suppression,
)
from mailhub.model.report import ReportRow
from mailhub.model.route import Route
from mailhub.ports import Notice
from mailhub.store import dkim_keys, queue, queued, reports, routes
from mailhub.store.attempts import Record
from mailhub.store.batch import Bytes
from mailhub.store.fresh import KEYS, FreshMail
from mailhub.store.orders import Blob, Order
from mailhub.store.services import Runner, delivery


class QueueService:
    """`ports.Queue`. `fresh`: what was queued a moment ago. `alone`: whether no other process can
    have changed what is queued."""

    def __init__(self, runner: Runner, fresh: FreshMail, alone: bool) -> None:
        self._runner = runner
        self.fresh = fresh
        self._alone = alone

    def page(
        self, *, after: int = 0, limit: int = 100, wanted: QueueFilter | None = None
    ) -> Awaitable[tuple[Sequence[QueueEntry], int]]:
        return self._runner.read(queued.page, after, limit, wanted)

    def destinations(self, limit: int) -> Awaitable[Sequence[Destination]]:
        return self._runner.read(queued.destinations, limit)

    def entries(self, numbers: Sequence[int]) -> Awaitable[Sequence[QueueEntry]]:
        return self._runner.read(queued.entries, numbers)

    async def load(self, numbers: Sequence[int], *, each: int, together: int) -> Loaded:
        if not self._alone:
            return await self._read(numbers, each, together, self.fresh.messages(numbers))
        fresh = self.fresh.take(numbers, each, together)
        if fresh is not None:
            return fresh
        if self.fresh.asks:
            await self.fresh.learn(self._runner.read(routes.suppressed_keys, KEYS + 1))
        return await self._read(numbers, each, together, {})

    async def _read(
        self, numbers: Sequence[int], each: int, together: int, known: Mapping[int, Fresh]
    ) -> Loaded:
        found, octets = await self._runner.read_with(
            partial(queued.load, numbers=numbers, each=each, together=together, known=known)
        )
        data = {number: here for number, here in found.data.items() if here}
        unread = (number for number in found.data if number not in data)
        # Without any where one is damaged.
        return replace(found, data=data | dict(zip(unread, octets, strict=False)))

    def messages(self, numbers: Sequence[int]) -> Awaitable[Sequence[QueueMessage]]:
        return self._runner.read(queued.messages, numbers)

    def slots(self, *, after: int = 0, limit: int = 1000) -> Awaitable[Sequence[Slot]]:
        return self._runner.read(queued.slots, after, limit)

    def attempts(self, number: int) -> Awaitable[Sequence[Attempt]]:
        return self._runner.read(queued.attempts, number)

    def count(self) -> Awaitable[int]:
        return self._runner.read(queued.count)

    def newest(self) -> Awaitable[int]:
        return self._runner.read(queued.newest)

    def record(
        self, token: int, attempts: Sequence[Attempt], notices: Sequence[Notice], actor: Actor
    ) -> Awaitable[Sequence[int]]:
        bodies = [Bytes.of(notice.body) for notice in notices]
        orders = partial(_orders, notices, actor)
        return self._runner.record(Record(token, attempts, actor), bodies, orders)

    def hold(self, numbers: Sequence[int], held: bool, actor: Actor) -> Awaitable[int]:
        return self._runner.write(queue.hold, numbers, held, actor)

    def retry(self, numbers: Sequence[int], due: int, actor: Actor) -> Awaitable[int]:
        return self._runner.write(queue.retry, numbers, due, actor)

    def reroute(self, numbers: Sequence[int], route: int, actor: Actor) -> Awaitable[int]:
        return self._runner.write(queue.reroute, numbers, route, actor)


def _orders(notices: Sequence[Notice], actor: Actor, blobs: Sequence[Blob]) -> Sequence[Order]:
    return [
        delivery(one.transaction, one.rendered, one.copies, one.sender, one.onward, actor, (blob,))
        for one, blob in zip(notices, blobs, strict=True)
    ]


class RouteService:
    """`ports.Routes`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def all(self) -> Awaitable[Sequence[Route]]:
        return self._runner.read(routes.every)

    def add(self, route: Route, actor: Actor) -> Awaitable[Route]:
        return self._runner.write(routes.add, route, actor)

    def remove(self, number: int, actor: Actor) -> Awaitable[None]:
        return self._runner.write(routes.remove, number, actor)

    def networks(self) -> Awaitable[Sequence[str]]:
        return self._runner.read(routes.networks)

    def allow(self, network: str, actor: Actor) -> Awaitable[None]:
        return self._runner.write(routes.allow, network, actor)

    def disallow(self, network: str, actor: Actor) -> Awaitable[None]:
        return self._runner.write(routes.disallow, network, actor)

    def suppressed(self, keys: Sequence[str]) -> Awaitable[Sequence[Suppression]]:
        return self._runner.read(routes.suppressed, keys)

    def suppressions(
        self, *, after: str = "", limit: int = 100
    ) -> Awaitable[Sequence[Suppression]]:
        return self._runner.read(routes.suppressions, after, limit)

    def suppress(self, one: Suppression, actor: Actor) -> Awaitable[None]:
        return self._runner.write(routes.suppress, one, actor)

    def unsuppress(self, key: str, actor: Actor) -> Awaitable[None]:
        return self._runner.write(routes.unsuppress, key, actor)


class DkimKeyService:
    """`ports.DkimKeys`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def all(self, domain: str = "") -> Awaitable[Sequence[DkimKey]]:
        return self._runner.read(dkim_keys.every, domain)

    def add(self, keys: Sequence[DkimKey], actor: Actor) -> Awaitable[None]:
        return self._runner.write(dkim_keys.add, keys, actor)

    def move(
        self, domain: str, selectors: Sequence[str], state: KeyState, actor: Actor
    ) -> Awaitable[None]:
        return self._runner.write(dkim_keys.move, domain, selectors, state, actor)

    def remove(self, domain: str, selectors: Sequence[str], actor: Actor) -> Awaitable[None]:
        return self._runner.write(dkim_keys.remove, domain, selectors, actor)


class ReportService:
    """`ports.Reports`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def add(self, rows: Sequence[ReportRow], *, most: int = 0) -> Awaitable[None]:
        return self._runner.write(reports.add, rows, most)

    def add_once(
        self, marker: ReportRow, rows: Sequence[ReportRow], *, most: int = 0
    ) -> Awaitable[bool]:
        return self._runner.write(reports.add_once, marker, rows, most)

    def of_day(self, kind: str, day: int, domain: str = "") -> Awaitable[Sequence[ReportRow]]:
        return self._runner.read(reports.of_day, kind, day, domain)

    def domains(self, kind: str, day: int) -> Awaitable[Sequence[str]]:
        return self._runner.read(reports.domains, kind, day)

    def days(self, kind: str) -> Awaitable[Sequence[int]]:
        return self._runner.read(reports.days, kind)

    def drop(self, kind: str, day: int, domain: str = "") -> Awaitable[None]:
        return self._runner.write(reports.drop, kind, day, domain)
