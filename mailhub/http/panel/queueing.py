"""Administrators' pages of mail that waits to leave: all of it, and one recipient's story."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from mailhub.core.queue import Acted, Queue
from mailhub.core.rights import Action, Resource, Right
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.change import Actor
from mailhub.model.errors import MailhubError, NotFound
from mailhub.model.queue import QueueFilter

PAGE = 50
LISTS = Right(Resource.QUEUE, Action.LIST)
ALTERS = Right(Resource.QUEUE, Action.UPDATE)
Act = Callable[[QueueFilter, Actor], Awaitable[Acted]]


class Queueing:
    """The pages."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._acts: Mapping[str, Act] = {
            "retry": queue.retry,
            "hold": queue.hold,
            "release": queue.release,
            "bounce": queue.bounce,
            "discard": queue.discard,
        }

    @kept("GET", "/queue", LISTS)
    async def all(self, visitor: Visitor) -> Answer:
        """Recipients that wait, by number; `query` in sender or recipient."""
        asked = visitor.call.fields()
        query, after = asked.get("query", "").strip()[:200], asked.get("after", "")
        rows, total = await self._queue.page(
            QueueFilter(query=query),
            after=int(after) if after.isdecimal() else 0,
            limit=PAGE + 1,
        )
        return shown(
            visitor,
            "queue.html",
            rows=rows[:PAGE],
            total=total,
            query=query,
            more=rows[PAGE - 1].number if len(rows) > PAGE else 0,
        )

    @kept("GET", "/queue/<int:number>", LISTS)
    async def one(self, visitor: Visitor) -> Answer:
        """One recipient, with what came of every try."""
        return await self._shown(visitor)

    @kept("POST", "/queue/<int:number>", ALTERS)
    async def act(self, visitor: Visitor) -> Answer:
        """Does with it what the button says."""
        act = self._acts.get(visitor.fields.get("act", ""))
        if act is None:
            raise NotFound("There is no such act")
        wanted = QueueFilter(numbers=(_number(visitor),))
        try:
            await act(wanted, visitor.caller.actor)
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        gone = visitor.fields["act"] in ("bounce", "discard")
        return pages.seen("/queue" if gone else f"/queue/{_number(visitor)}")

    async def _shown(self, visitor: Visitor, problem: str = "") -> Answer:
        entry = await self._queue.get(_number(visitor))
        return shown(
            visitor,
            "queued.html",
            409 if problem else 200,
            entry=entry,
            attempts=await self._queue.attempts(entry.number),
            busy=bool(await self._queue.in_progress([entry.number])),
            problem=problem,
        )


def _number(visitor: Visitor) -> int:
    return int(visitor.call.arguments["number"])
