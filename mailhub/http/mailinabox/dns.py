"""The /dns calls: decode, one core call, encode.

The body of a custom record's call is its value as it is, whatever type it is said to have; without
one, an address record takes the caller's own address, which makes dynamic DNS of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.core.secondaries import Secondaries
from mailhub.core.zones import Zones
from mailhub.http.about import About
from mailhub.http.call import JSON, Answer, Call
from mailhub.http.mailinabox import dns_shapes, replies, shapes
from mailhub.http.mailinabox.dns_shapes import (
    Explained,
    Force,
    Hostnames,
    NamePath,
    Servers,
    ShownRecord,
    TypedPath,
    ZonePath,
)
from mailhub.http.mailinabox.effects import told
from mailhub.http.mailinabox.replies import PLAIN, TEXT, Refusal
from mailhub.http.routing import route
from mailhub.model.errors import LimitReached
from mailhub.model.zone import BadRecord

ADDRESSES = ("A", "AAAA")
ONE, TYPED = "/dns/custom/<qname>", "/dns/custom/<qname>/<rtype>"
VALUE = "text/plain"
_READ = About(path=NamePath, answers={200: list[ShownRecord]})
_CHANGE = About(path=NamePath, answers={200: None}, media=TEXT, accepts=(VALUE,))


class DNSCalls:
    """The calls."""

    def __init__(self, zones: Zones, secondaries: Secondaries) -> None:
        self._zones = zones
        self._secondaries = secondaries

    # -- zones

    @route("GET", "/dns/zones", About(answers={200: list[str]}), right=reads(Resource.ZONES))
    async def zones(self, call: Call) -> Answer:
        """The topmost of all names that are ours."""
        return replies.shown(list(await self._zones.zones()))

    @route(
        "GET",
        "/dns/zonefile/<zone>",
        About(path=ZonePath, answers={200: None}, media=PLAIN, errors=(404,)),
        right=reads(Resource.ZONES),
    )
    async def zonefile(self, call: Call) -> Answer:
        """A zone as name servers read it, unsigned."""
        return _words(call, await self._zones.zonefile(call.arguments["zone"]), PLAIN)

    @route(
        "POST",
        "/dns/update",
        About(form=Force, answers={200: None}, media=TEXT),
        right=updates(Resource.ZONES),
    )
    async def update(self, call: Call) -> Answer:
        """Gives zones that changed their next serial; with `force=1` all of them."""
        force = shapes.read(Force, call).force == "1"
        said = told(await self._zones.update(call.actor, force=force))
        return _words(call, "".join(f"{line}\n" for line in said), TEXT)

    @route(
        "GET",
        "/dns/dump",
        About(answers={200: list[list[str | list[Explained]]]}),
        right=reads(Resource.ZONES),
    )
    async def dump(self, call: Call) -> Answer:
        """Every record of every zone, and why it is there; the most important ones first."""
        return replies.shown(dns_shapes.dump(await self._zones.dump()))

    # -- secondaries

    @route(
        "GET",
        "/dns/secondary-nameserver",
        About(answers={200: Servers}),
        right=reads(Resource.ZONES),
    )
    async def secondaries(self, call: Call) -> Answer:
        """Name servers that fetch our zones."""
        return replies.shown({"hostnames": list(await self._secondaries.all())})

    @route(
        "POST",
        "/dns/secondary-nameserver",
        About(form=Hostnames, answers={200: None}, media=TEXT),
        right=updates(Resource.ZONES),
    )
    async def set_secondaries(self, call: Call) -> Answer:
        """These name servers, and no other ones, fetch our zones from now on."""
        names = dns_shapes.hostnames(shapes.read(Hostnames, call).hostnames)
        before = list(await self._secondaries.all())
        try:
            changed = await self._secondaries.replace(names, call.actor)
        except BadRecord as error:
            raise dns_shapes.refusal(error, "", "") from None
        except LimitReached as error:
            raise Refusal(f"{error.text}.") from None
        if not changed and before != list(await self._secondaries.all()):
            return replies.lines("updated DNS: DNS configuration")
        return replies.lines(*told(changed))

    # -- custom records

    @route(
        "GET", "/dns/custom", About(answers={200: list[ShownRecord]}), right=reads(Resource.ZONES)
    )
    async def custom(self, call: Call) -> Answer:
        """Every record that an administrator added."""
        return await self._listed()

    @route("GET", ONE, _READ, right=reads(Resource.ZONES))
    @route("GET", TYPED, replace(_READ, path=TypedPath), right=reads(Resource.ZONES))
    async def of_name(self, call: Call) -> Answer:
        """Those of one name and type; without a type, its A records."""
        name, kind = _named(call)
        return await self._listed(name, kind)

    @route("POST", ONE, _CHANGE, right=creates(Resource.ZONES))
    @route("POST", TYPED, replace(_CHANGE, path=TypedPath), right=creates(Resource.ZONES))
    async def add(self, call: Call) -> Answer:
        """One more record of this name and type. Its value is the body, or for an address record
        without one the caller's address."""
        name, kind = _named(call)
        try:
            return _done(await self._zones.add(name, kind, _value(call, kind), call.actor))
        except BadRecord as error:
            raise dns_shapes.refusal(error, name, kind) from None

    @route("PUT", ONE, _CHANGE, right=updates(Resource.ZONES))
    @route("PUT", TYPED, replace(_CHANGE, path=TypedPath), right=updates(Resource.ZONES))
    async def put(self, call: Call) -> Answer:
        """The only record of this name and type from now on. Its value is the body, or for an
        address record without one the caller's address."""
        name, kind = _named(call)
        try:
            return _done(await self._zones.replace(name, kind, _value(call, kind), call.actor))
        except BadRecord as error:
            raise dns_shapes.refusal(error, name, kind) from None

    @route("DELETE", ONE, _CHANGE, right=deletes(Resource.ZONES))
    @route("DELETE", TYPED, replace(_CHANGE, path=TypedPath), right=deletes(Resource.ZONES))
    async def remove(self, call: Call) -> Answer:
        """The record of this name, type and value is no more; without a value, all of that name
        and type."""
        name, kind = _named(call)
        try:
            return _done(await self._zones.remove(name, kind, _body(call), call.actor))
        except BadRecord as error:
            raise dns_shapes.refusal(error, name, kind) from None

    async def _listed(self, name: str = "", kind: str = "") -> Answer:
        every = await self._zones.custom()
        chosen = every if not name else await self._zones.custom(name, kind)
        return replies.shown(dns_shapes.records(chosen, every, await self._zones.zones()))


def _named(call: Call) -> tuple[str, str]:
    return call.arguments["qname"], call.arguments.get("rtype", "A").upper()


def _body(call: Call) -> str:
    """The value as it stands there, without what is not ASCII."""
    return call.body.decode("ascii", "ignore").strip()


def _value(call: Call, kind: str) -> str:
    return _body(call) or (call.peer.address if kind in ADDRESSES else "")


def _done(zones: Sequence[str]) -> Answer:
    return replies.lines(*told(zones)) if zones else replies.text("OK")


def _words(call: Call, said: str, kind: str) -> Answer:
    """As JSON for who asks for nothing else: the document shows it so."""
    if call.header("accept").partition(";")[0].strip().lower() == JSON:
        return replies.shown(said)
    return replies.text(said, kind=kind)
