"""What the control socket can be asked about mail that goes on: routes, and who may relay."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services, username
from mailhub.core.routes import RouteOrder
from mailhub.model.route import Route


async def route_add(services: Services, arguments: Arguments) -> Json:
    """A new route."""
    order = RouteOrder(
        destination=arguments.text("destination"),
        host=arguments.text("host", ""),
        port=arguments.number("port", 25),
        sender=arguments.text("sender", ""),
        user=arguments.text("user", ""),
        priority=arguments.number("priority", 0),
        weight=arguments.number("weight", 1),
        sources=arguments.texts("sources"),
        spread=arguments.flag("spread", False),
        username=arguments.text("username", ""),
        password=arguments.text("password", ""),
        tls=arguments.text("tls", "opportunistic"),
    )
    account = None
    if order.user:
        account = (await services.accounts.by_name(order.user)).number
    return await _shape(services, await services.routes.add(order, account, ACTOR))


async def route_list(services: Services, arguments: Arguments) -> Json:
    """Every route, without passwords."""
    return [await _shape(services, route) for route in await services.routes.all()]


async def route_remove(services: Services, arguments: Arguments) -> Json:
    """Removes one by its number."""
    await services.routes.remove(arguments.number("number"), ACTOR)
    return None


async def relay_allow(services: Services, arguments: Arguments) -> Json:
    """Clients of a network may relay."""
    return {"network": await services.relays.allow(arguments.text("network"), ACTOR)}


async def relay_list(services: Services, arguments: Arguments) -> Json:
    """The networks that were allowed by command."""
    return [{"network": network} for network in await services.relays.all()]


async def relay_disallow(services: Services, arguments: Arguments) -> Json:
    """Clients of a network may relay no more."""
    await services.relays.disallow(arguments.text("network"), ACTOR)
    return None


async def _shape(services: Services, route: Route) -> Json:
    return {
        "number": route.number,
        "destination": route.destination,
        "host": route.host,
        "port": route.port,
        "sender": route.sender,
        "user": await username(services, route.account),
        "priority": route.priority,
        "weight": route.weight,
        "sources": list(route.sources),
        "spread": route.spread,
        "username": route.username,
        "tls": route.tls.value,
        "created": route.created,
    }


ACTS: Mapping[str, Act] = {
    "route-add": route_add,
    "route-list": route_list,
    "route-remove": route_remove,
    "relay-allow": relay_allow,
    "relay-list": relay_list,
    "relay-disallow": relay_disallow,
}
