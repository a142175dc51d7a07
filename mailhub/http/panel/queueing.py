"""Administrators' pages of mail that waits to leave: all of it, one recipient's story, where most
waits, and whom nothing is sent to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlencode

from mailhub.core.queue import Acted, Queue
from mailhub.core.rights import Action, Resource, Right
from mailhub.core.routes import Routes
from mailhub.core.suppressions import Suppressions
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.http.panel.stories import moment
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, MailhubError, NotFound
from mailhub.model.queue import QueueEntry, QueueFilter

PAGE = 50
DESTINATIONS = 100
SHORT = 200
"""Characters of a field that narrows what is shown."""
LISTS = Right(Resource.QUEUE, Action.LIST)
ALTERS = Right(Resource.QUEUE, Action.UPDATE)
FIELDS = ("query", "sender", "recipient", "domain", "until", "held")
HELD = {"yes": True, "no": False}
Act = Callable[[QueueFilter, Actor], Awaitable[Acted]]


class Queueing:
    """The pages."""

    def __init__(self, queue: Queue, routes: Routes, suppressions: Suppressions) -> None:
        self._queue = queue
        self._routes = routes
        self._suppressions = suppressions
        self._acts: Mapping[str, Act] = {
            "retry": queue.retry,
            "hold": queue.hold,
            "release": queue.release,
            "bounce": queue.bounce,
            "discard": queue.discard,
        }

    @kept("GET", "/queue", LISTS)
    async def all(self, visitor: Visitor) -> Answer:
        """Recipients that wait, by number, narrowed as asked."""
        return await self._listed(visitor, visitor.call.fields())

    @kept("POST", "/queue", ALTERS)
    async def act_on_all(self, visitor: Visitor) -> Answer:
        """Does with all that the fields mean what the button says."""
        given = visitor.fields
        try:
            meant = narrowed(given)
            if meant == QueueFilter() and not given.get("everything"):
                raise Invalid("Narrow what is meant, or say that everything is", "everything")
            acted = await self._act(given)(meant, visitor.caller.actor)
        except NotFound as error:
            return await self._listed(visitor, given, error.text, 404)
        except MailhubError as error:
            return await self._listed(visitor, given, error.text)
        return await self._listed(visitor, given, acted=acted)

    @kept("GET", "/queue/destinations", LISTS)
    async def destinations(self, visitor: Visitor) -> Answer:
        """Where most waits, and until when it is left alone."""
        rows = await self._queue.destinations(DESTINATIONS)
        return shown(visitor, "destinations.html", rows=rows)

    @kept("GET", "/queue/suppressed", LISTS)
    async def suppressed(self, visitor: Visitor) -> Answer:
        """Recipients that nothing is sent to, in their order."""
        return await self._suppressed(visitor)

    @kept("POST", "/queue/suppressed", ALTERS)
    async def suppress(self, visitor: Visitor) -> Answer:
        """Nothing is sent there any more."""
        given, actor = visitor.fields, visitor.caller.actor
        try:
            await self._suppressions.add(
                given.get("address", "").strip(), given.get("reason", "").strip(), actor
            )
        except MailhubError as error:
            return await self._suppressed(visitor, error.text)
        return pages.seen("/queue/suppressed")

    @kept("POST", "/queue/suppressed/remove", ALTERS)
    async def unsuppress(self, visitor: Visitor) -> Answer:
        """It is sent to again."""
        try:
            await self._suppressions.remove(
                visitor.fields.get("address", "").strip(), visitor.caller.actor
            )
        except MailhubError as error:
            return await self._suppressed(visitor, error.text)
        return pages.seen("/queue/suppressed")

    @kept("GET", "/queue/<int:number>", LISTS)
    async def one(self, visitor: Visitor) -> Answer:
        """One recipient, with what came of every try."""
        return await self._shown(visitor)

    @kept("POST", "/queue/<int:number>", ALTERS)
    async def act(self, visitor: Visitor) -> Answer:
        """Does with it what the button says."""
        wanted = QueueFilter(numbers=(_number(visitor),))
        try:
            await self._act(visitor.fields)(wanted, visitor.caller.actor)
        except MailhubError as error:
            if isinstance(error, NotFound) and visitor.fields.get("act") not in self._known:
                raise
            return await self._shown(visitor, error.text)
        gone = visitor.fields["act"] in ("bounce", "discard")
        return pages.seen("/queue" if gone else f"/queue/{_number(visitor)}")

    @property
    def _known(self) -> frozenset[str]:
        return frozenset({*self._acts, "reroute"})

    def _act(self, given: Mapping[str, str]) -> Act:
        """Raises NotFound."""
        name = given.get("act", "")
        if name == "reroute":
            route = given.get("route", "")
            chosen = int(route) if route.isdecimal() and len(route) < 19 else 0
            return lambda meant, actor: self._queue.reroute(meant, chosen, actor)
        reason = given.get("reason", "").strip()
        if name == "bounce" and reason and reason.isprintable():
            return lambda meant, actor: self._queue.bounce(meant, actor, reason[:SHORT])
        if name not in self._acts:
            raise NotFound("There is no such act")
        return self._acts[name]

    async def _listed(
        self,
        visitor: Visitor,
        asked: Mapping[str, str],
        problem: str = "",
        status: int = 400,
        acted: Acted | None = None,
    ) -> Answer:
        after = asked.get("after", "")
        wanted = {name: asked.get(name, "").strip()[:SHORT] for name in FIELDS}
        rows: Sequence[QueueEntry] = ()
        total = 0
        try:
            rows, total = await self._queue.page(
                narrowed(wanted),
                after=int(after) if after.isdecimal() and len(after) < 19 else 0,
                limit=PAGE + 1,
            )
        except MailhubError as error:
            problem = problem or error.text
        more = str(rows[PAGE - 1].number) if len(rows) > PAGE else ""
        kept = {name: value for name, value in wanted.items() if value}
        return shown(
            visitor,
            "queue.html",
            status if problem else 200,
            rows=rows[:PAGE],
            total=total,
            wanted=wanted,
            narrow=bool(kept),
            more=urlencode({**kept, "after": more}) if more else "",
            routes=await self._routes.all(),
            acted=acted,
            problem=problem,
        )

    async def _suppressed(self, visitor: Visitor, problem: str = "") -> Answer:
        after = visitor.call.fields().get("after", "")[:SHORT]
        rows = await self._suppressions.page(after=after, limit=PAGE + 1)
        return shown(
            visitor,
            "suppressed.html",
            400 if problem else 200,
            rows=[(one, self._suppressions.until(one)) for one in rows[:PAGE]],
            more=rows[PAGE - 1].key if len(rows) > PAGE else "",
            typed=visitor.fields if problem else {},
            problem=problem,
        )

    async def _shown(self, visitor: Visitor, problem: str = "") -> Answer:
        entry = await self._queue.get(_number(visitor))
        return shown(
            visitor,
            "queued.html",
            409 if problem else 200,
            entry=entry,
            attempts=await self._queue.attempts(entry.number),
            busy=bool(await self._queue.in_progress([entry.number])),
            routes=await self._routes.all(),
            problem=problem,
        )


def narrowed(given: Mapping[str, str]) -> QueueFilter:
    """Which entries the fields mean. Raises Invalid (field `until`)."""
    sender = given.get("sender", "").strip()
    return QueueFilter(
        query=given.get("query", "").strip(),
        sender="" if sender == "<>" else sender or None,
        recipient=given.get("recipient", "").strip(),
        domain=given.get("domain", "").strip().lower(),
        before=moment(given.get("until", "").strip()),
        held=HELD.get(given.get("held", "")),
    )


def _number(visitor: Visitor) -> int:
    return int(visitor.call.arguments["number"])
