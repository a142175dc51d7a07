"""tmail's /queue calls: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from mailhub.core.accounts import Accounts
from mailhub.core.queue import Acted, Queue
from mailhub.http.about import About
from mailhub.http.basic import BasicGuard
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.tmail import replies, shapes
from mailhub.http.tmail.listing import listing
from mailhub.http.tmail.names import Names
from mailhub.http.tmail.queue_shapes import QueuedMessage, shown
from mailhub.http.tmail.shapes import NumberPath
from mailhub.model.change import Actor
from mailhub.model.errors import InUse, NotFound
from mailhub.model.queue import QueueEntry, QueueFilter

_LOOK = About(path=NumberPath, answers={200: QueuedMessage}, errors=(400, 404))
_ACT = About(path=NumberPath, answers={200: None}, errors=(400, 404, 422))
WHAT = "message"
BUSY = "delivery in progress, message status can't be changed"
_Act = Callable[[QueueFilter, Actor], Awaitable[Acted]]


class Queued:
    """The calls. What tmail only marks, and does at the next attempt, is done at once."""

    def __init__(self, queue: Queue, accounts: Accounts, guard: BasicGuard) -> None:
        self._queue = queue
        self._accounts = accounts
        self._guard = guard

    @route(
        "GET", "/queue", About(query=shapes.Page, answers={200: list[QueuedMessage]}, errors=(400,))
    )
    async def all(self, call: Call) -> Answer:
        """Every queued message, a row for each recipient, in the order in which they came."""
        await self._guard.actor(call)
        names = Names(self._accounts)

        async def show(entries: Sequence[QueueEntry]) -> Sequence[QueuedMessage]:
            return await self._shown(entries, names)

        return await listing(call, self._read, show)

    @route(
        "GET",
        "/queue/<id>",
        About(path=NumberPath, answers={200: QueuedMessage}, errors=(400, 404)),
    )
    async def get(self, call: Call) -> Answer:
        """One of them."""
        await self._guard.actor(call)
        written = call.arguments["id"]
        try:
            entry = await self._queue.get(shapes.number(written, WHAT))
        except NotFound:
            raise replies.missing(WHAT, written) from None
        (row,) = await self._shown([entry], Names(self._accounts))
        return replies.raw_json(shapes.dumped(row))

    @route("DELETE", "/queue/discard/<id>", _ACT)
    async def discard(self, call: Call) -> Answer:
        """Drops one, and nobody is told."""
        return await self._act(call, self._queue.discard)

    @route("DELETE", "/queue/bounce/<id>", _ACT)
    async def bounce(self, call: Call) -> Answer:
        """Gives one up, and its sender is told."""
        return await self._act(call, self._queue.bounce)

    async def _act(self, call: Call, act: _Act) -> Answer:
        actor = await self._guard.actor(call)
        written = call.arguments["id"]
        try:
            await act(QueueFilter(numbers=(shapes.number(written, WHAT),)), actor)
        except NotFound:
            raise replies.missing(WHAT, written) from None
        except InUse:
            raise replies.Refusal(422, BUSY) from None
        return replies.empty()

    async def _read(self, after: int, limit: int) -> Sequence[QueueEntry]:
        return (await self._queue.page(after=after, limit=limit))[0]

    async def _shown(self, entries: Sequence[QueueEntry], names: Names) -> Sequence[QueuedMessage]:
        busy = await self._queue.in_progress([entry.number for entry in entries])
        return [
            shown(entry, await names.of(entry.sender.account), entry.number in busy)
            for entry in entries
        ]
