"""Routes: over which server some mail goes on, as an administrator says.

Checked here when they are written; which of them applies to a message is `queue.routing`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, LimitReached, NotFound
from mailhub.model.route import Route, TLSLevel
from mailhub.ports import Clock, Storage
from mailhub.wire import address as grammar

ANY = "*"
ROUTES = 10_000
"""Most routes: each message is held against all of them."""
SOURCES = 100
WEIGHT = 1_000_000
PRIORITY = 1_000_000
SECRET = 1024
"""Characters of a user name or password."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOrder:
    """What a new route shall be; see `model.route.Route`. `user`: an account's login name, or
    empty for any. `tls`: none, opportunistic, required or verified."""

    destination: str
    host: str = ""
    port: int = 25
    sender: str = ""
    user: str = ""
    priority: int = 0
    weight: int = 1
    sources: tuple[str, ...] = ()
    spread: bool = False
    username: str = ""
    password: str = ""
    tls: str = TLSLevel.OPPORTUNISTIC.value


class Routes:
    """Every route."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def all(self) -> Sequence[Route]:
        """In the order in which they were added."""
        return await self._storage.routes.all()

    async def add(self, order: RouteOrder, account: int | None, actor: Actor) -> Route:
        """A new route. `account`: the number that `order.user` stands for.

        Raises Invalid (with `field`), LimitReached.
        """
        route = _checked(order, account, int(self._clock.now()))
        if len(await self.all()) >= ROUTES:
            raise LimitReached(f"There are at most {ROUTES} routes")
        return await self._storage.routes.add(route, actor)

    async def remove(self, number: int, actor: Actor) -> None:
        """What was sent over it goes as the others say. Raises NotFound."""
        if number <= 0:
            raise NotFound("No such route")
        await self._storage.routes.remove(number, actor)


def _checked(order: RouteOrder, account: int | None, now: int) -> Route:
    _between("port", order.port, 1, 65535)
    _between("priority", order.priority, -PRIORITY, PRIORITY)
    _between("weight", order.weight, 1, WEIGHT)
    for field in ("username", "password"):
        value = getattr(order, field)
        if len(value) > SECRET or _CONTROL.search(value):
            raise Invalid(f"The {field} is too long, or holds control characters", field=field)
    if bool(order.username) != bool(order.password):
        raise Invalid("A user name and a password go together", field="password")
    if not order.host and (order.username or order.port != 25):
        raise Invalid("The server is missing", field="host")
    if len(order.sources) > SOURCES:
        raise Invalid(f"A route has at most {SOURCES} source addresses", field="sources")
    return Route(
        number=0,
        destination=ANY if order.destination == ANY else _domain(order.destination, "destination"),
        host=_host(order.host) if order.host else "",
        port=order.port,
        sender=_sender(order.sender) if order.sender else "",
        account=account,
        priority=order.priority,
        weight=order.weight,
        sources=tuple(_source(one) for one in order.sources),
        spread=order.spread,
        username=order.username,
        password=order.password,
        tls=_tls(order.tls),
        created=now,
    )


def _between(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise Invalid(f"The {field} is not between {low} and {high}", field=field)


def _domain(name: str, field: str) -> str:
    try:
        return grammar.domain(name)
    except Invalid as error:
        raise Invalid(error.text, field=field) from None


def _host(host: str) -> str:
    """A host name, or an IP address with its brackets or without."""
    try:
        return str(ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        return _domain(host, "host")


def _sender(sender: str) -> str:
    """A domain, or a whole address, as it is compared."""
    local, _, domain = sender.rpartition("@")
    if not local:
        return _domain(domain, "sender")
    try:
        return grammar.key(sender, delimiter="")
    except Invalid as error:
        raise Invalid(error.text, field="sender") from None


def _source(address: str) -> str:
    try:
        return str(ip_address(address))
    except ValueError:
        raise Invalid(f"{address!r} is no IP address", field="sources") from None


def _tls(word: str) -> TLSLevel:
    known = [level.value for level in TLSLevel if level is not TLSLevel.DANE]
    if word not in known:
        raise Invalid(f"{word!r} is none of {', '.join(known)}", field="tls")
    return TLSLevel(word)
