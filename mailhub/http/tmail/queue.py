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
from mailhub.http.tmail.queue_shapes import EntryPath, QueuedMessage, entry_number, missing, shown
from mailhub.model.change import Actor
from mailhub.model.errors import InUse, NotFound
from mailhub.model.queue import QueueEntry, QueueFilter

_LOOK = About(path=EntryPath, answers={200: QueuedMessage}, errors=(400, 404))
_ACT = About(path=EntryPath, answers={200: None}, errors=(400, 404, 422))
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
        users: dict[int | None, str] = {None: ""}

        async def show(entries: Sequence[QueueEntry]) -> Sequence[QueuedMessage]:
            return await self._shown(entries, users)

        return await listing(call, self._read, show)

    @route(
        "GET", "/queue/<id>", About(path=EntryPath, answers={200: QueuedMessage}, errors=(400, 404))
    )
    async def get(self, call: Call) -> Answer:
        """One of them."""
        await self._guard.actor(call)
        try:
            entry = await self._queue.get(entry_number(call.arguments["id"]))
        except NotFound:
            raise missing(call.arguments["id"]) from None
        (row,) = await self._shown([entry], {None: ""})
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
        try:
            await act(QueueFilter(numbers=(entry_number(call.arguments["id"]),)), actor)
        except NotFound:
            raise missing(call.arguments["id"]) from None
        except InUse:
            raise replies.Refusal(422, BUSY) from None
        return replies.empty()

    async def _read(self, after: int, limit: int) -> Sequence[QueueEntry]:
        return (await self._queue.page(after=after, limit=limit))[0]

    async def _shown(
        self, entries: Sequence[QueueEntry], users: dict[int | None, str]
    ) -> Sequence[QueuedMessage]:
        """`users`: names by account, as far as they are known; those that are found are added."""
        for account in {entry.sender.account for entry in entries} - users.keys():
            assert account is not None
            users[account] = await self._name(account)
        busy = await self._queue.in_progress([entry.number for entry in entries])
        return [
            shown(entry, users[entry.sender.account], entry.number in busy) for entry in entries
        ]

    async def _name(self, account: int) -> str:
        try:
            return (await self._accounts.get(account)).username
        except NotFound:
            return ""
