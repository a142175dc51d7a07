"""The /rcpthosts and /relayips calls, which tmail has as commands alone: for whom mail is taken,
and from whom it goes on."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mailhub.core.domains import Domains
from mailhub.core.relays import Relays
from mailhub.http.about import About
from mailhub.http.basic import BasicGuard
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.tmail import replies, shapes
from mailhub.http.tmail.shapes import Given, Shown
from mailhub.model.errors import AlreadyExists, InUse, Invalid, NotFound


class HostPath(BaseModel):
    """Which domain it is about."""

    model_config = ConfigDict(frozen=True)

    hostname: Annotated[str, Field(min_length=1)]


class NetworkPath(BaseModel):
    """Which network it is about: an address, or 192.0.2.0/24."""

    model_config = ConfigDict(frozen=True)

    network: Annotated[str, Field(min_length=1)]


class NewHost(Given):
    """POST /rcpthosts/HOSTNAME. `is_local`: its mail ends here; else it goes on. `alias_of`: it has
    the same addresses as that domain."""

    is_local: bool = False
    alias_of: str = ""


class Host(Shown):
    """A domain that mail is taken for."""

    id: int
    hostname: str
    is_local: bool
    is_alias: bool
    alias_of: str


class Network(Shown):
    """Clients that may relay."""

    ip: str


class Hosts:
    """The calls."""

    def __init__(self, domains: Domains, relays: Relays, guard: BasicGuard) -> None:
        self._domains = domains
        self._relays = relays
        self._guard = guard

    @route("GET", "/rcpthosts", About(answers={200: list[Host]}))
    async def hosts(self, call: Call) -> Answer:
        """Every domain that mail is taken for, in the order in which they were added."""
        await self._guard.actor(call)
        rows = [
            Host(
                id=domain.number,
                hostname=domain.name,
                is_local=not domain.relay,
                is_alias=bool(domain.alias_of),
                alias_of=domain.alias_of,
            )
            for domain in sorted(await self._domains.all(), key=lambda one: one.number)
        ]
        return replies.raw_json(shapes.array(map(shapes.dumped, rows)))

    @route(
        "POST",
        "/rcpthosts/<hostname>",
        About(path=HostPath, body=NewHost, answers={201: None}, errors=(400, 422)),
    )
    async def add_host(self, call: Call) -> Answer:
        """Mail for this domain is taken."""
        actor = await self._guard.actor(call)
        wanted = shapes.read(NewHost, call)
        relay = not (wanted.is_local or wanted.alias_of)
        try:
            await self._domains.add(
                call.arguments["hostname"], actor, relay=relay, alias_of=wanted.alias_of
            )
        except (Invalid, AlreadyExists, NotFound) as error:
            raise replies.declined("unable to create new rcpthost", error) from None
        return replies.empty(201)

    @route(
        "DELETE",
        "/rcpthosts/<hostname>",
        About(path=HostPath, answers={200: None}, errors=(404, 422)),
    )
    async def remove_host(self, call: Call) -> Answer:
        """Mail for it is not taken any more; no address may stand in it."""
        actor = await self._guard.actor(call)
        written = call.arguments["hostname"]
        try:
            await self._domains.remove(written, actor)
        except NotFound:
            raise replies.missing("rcpthost", written) from None
        except InUse as error:
            raise replies.declined("unable to remove rcpthost", error) from None
        return replies.empty()

    @route("GET", "/relayips", About(answers={200: list[Network]}))
    async def networks(self, call: Call) -> Answer:
        """Every network whose clients may relay; those of the configuration are not among them."""
        await self._guard.actor(call)
        rows = [Network(ip=network) for network in await self._relays.all()]
        return replies.raw_json(shapes.array(map(shapes.dumped, rows)))

    @route(
        "POST",
        "/relayips/<path:network>",
        About(path=NetworkPath, answers={201: None}, errors=(422,)),
    )
    async def allow(self, call: Call) -> Answer:
        """Clients of this network may relay."""
        actor = await self._guard.actor(call)
        try:
            await self._relays.allow(call.arguments["network"], actor)
        except (Invalid, AlreadyExists) as error:
            raise replies.declined("unable to create new relayip", error) from None
        return replies.empty(201)

    @route(
        "DELETE",
        "/relayips/<path:network>",
        About(path=NetworkPath, answers={200: None}, errors=(404,)),
    )
    async def disallow(self, call: Call) -> Answer:
        """They may relay no more."""
        actor = await self._guard.actor(call)
        written = call.arguments["network"]
        try:
            await self._relays.disallow(written, actor)
        except (NotFound, Invalid):
            raise replies.missing("relayip", written) from None
        return replies.empty()
