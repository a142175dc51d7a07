"""Administrators' pages of the DNS: what every zone has to say and why, and their own records."""

from __future__ import annotations

from mailhub.core.rights import Action, Resource, Right
from mailhub.core.zonekeys import ZoneKeys
from mailhub.core.zones import Zones
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.errors import MailhubError, NotFound

LISTS = Right(Resource.DOMAINS, Action.LIST)
ALTERS = Right(Resource.DOMAINS, Action.ADMINISTER)


class Names:
    """The pages."""

    def __init__(self, zones: Zones, keys: ZoneKeys) -> None:
        self._zones = zones
        self._keys = keys

    @kept("GET", "/dns", LISTS)
    async def all(self, visitor: Visitor) -> Answer:
        """Zones, and custom records."""
        return await self._shown(visitor)

    @kept("GET", "/dns/zones/<zone>", LISTS)
    async def one(self, visitor: Visitor) -> Answer:
        """The records of one zone, each with what it is for."""
        return await self._zone(visitor)

    @kept("POST", "/dns/zones/<zone>", ALTERS)
    async def change_key(self, visitor: Visitor) -> Answer:
        """The key of a zone: a new one is published, or the zone above points to it."""
        zone = (await self._zones.get(visitor.call.arguments["zone"])).name
        step = self._keys.confirm if visitor.fields.get("act") == "confirm" else self._keys.begin
        try:
            await step(zone, visitor.caller.actor)
        except MailhubError as error:
            return await self._zone(visitor, error.text)
        return pages.seen(f"/dns/zones/{zone}")

    @kept("POST", "/dns", ALTERS)
    async def add(self, visitor: Visitor) -> Answer:
        """A custom record."""
        given = visitor.fields
        try:
            await self._zones.add(
                given.get("name", ""),
                given.get("kind", ""),
                given.get("value", ""),
                visitor.caller.actor,
            )
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen("/dns")

    @kept("POST", "/dns/remove", ALTERS)
    async def remove(self, visitor: Visitor) -> Answer:
        """A custom record goes."""
        given = visitor.fields
        try:
            await self._zones.remove(
                given.get("name", ""),
                given.get("kind", ""),
                given.get("value", ""),
                visitor.caller.actor,
            )
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen("/dns")

    async def _zone(self, visitor: Visitor, problem: str = "") -> Answer:
        zone = await self._zones.get(visitor.call.arguments["zone"])
        try:
            keys = await self._keys.of(zone.name)
        except NotFound:
            keys = ()  # not signed, or by another program
        return shown(
            visitor,
            "zone.html",
            400 if problem else 200,
            zone=zone.name,
            records=zone.records,
            ds=await self._zones.ds(zone.name),
            keys=keys,
            text=await self._zones.zonefile(zone.name),
            problem=problem,
        )

    async def _shown(self, visitor: Visitor, problem: str = "") -> Answer:
        return shown(
            visitor,
            "dns.html",
            400 if problem else 200,
            zones=await self._zones.zones(),
            custom=await self._zones.custom(),
            typed=visitor.fields,
            problem=problem,
        )
