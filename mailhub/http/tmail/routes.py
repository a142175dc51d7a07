"""The /routes calls, which tmail has as a command alone: decode, one core call, encode."""

from __future__ import annotations

from mailhub.core.accounts import Accounts
from mailhub.core.routes import RouteOrder, Routes
from mailhub.http.about import About
from mailhub.http.basic import BasicGuard
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.tmail import replies, shapes
from mailhub.http.tmail.names import Names
from mailhub.http.tmail.route_shapes import NewRoute, ShownRoute, shown
from mailhub.model.errors import Invalid, LimitReached, NotFound

WHAT = "route"
NOT_MADE = "unable to create new route"


class RouteCalls:
    """The calls."""

    def __init__(self, routes: Routes, accounts: Accounts, guard: BasicGuard) -> None:
        self._routes = routes
        self._accounts = accounts
        self._guard = guard

    @route("GET", "/routes", About(answers={200: list[ShownRoute]}))
    async def all(self, call: Call) -> Answer:
        """Every route."""
        await self._guard.actor(call)
        names = Names(self._accounts)
        rows = [shown(one, await names.of(one.account)) for one in await self._routes.all()]
        return replies.raw_json(shapes.array(map(shapes.dumped, rows)))

    @route("POST", "/routes", About(body=NewRoute, answers={201: ShownRoute}, errors=(400, 422)))
    async def create(self, call: Call) -> Answer:
        """A new route, and its number."""
        actor = await self._guard.actor(call)
        wanted = shapes.read(NewRoute, call)
        try:
            order = wanted.order()
            made = await self._routes.add(order, await self._account(order), actor)
        except (Invalid, LimitReached) as error:
            raise replies.declined(NOT_MADE, error) from None
        return replies.raw_json(shapes.dumped(shown(made, order.user)), status=201)

    @route(
        "DELETE",
        "/routes/<id>",
        About(path=shapes.NumberPath, answers={200: None}, errors=(400, 404)),
    )
    async def remove(self, call: Call) -> Answer:
        """The route is no more."""
        actor = await self._guard.actor(call)
        written = call.arguments["id"]
        try:
            await self._routes.remove(shapes.number(written, WHAT), actor)
        except NotFound:
            raise replies.missing(WHAT, written) from None
        return replies.empty()

    async def _account(self, order: RouteOrder) -> int | None:
        if not order.user:
            return None
        try:
            return (await self._accounts.by_name(order.user)).number
        except NotFound:
            raise Invalid(f"no such user {order.user}", field="user") from None
