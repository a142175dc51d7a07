"""What the control socket can be asked about zones of the DNS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services
from mailhub.core.zonekeys import KeyStanding
from mailhub.model.zone import CustomRecord, Record


async def dns_zones(services: Services, arguments: Arguments) -> Json:
    """The zones of this server."""
    return [
        {"zone": zone.name, "serial": zone.state.serial, "records": len(zone.records)}
        for zone in await services.zones.all()
    ]


async def dns_show(services: Services, arguments: Arguments) -> Json:
    """The records of one zone, with why they are there."""
    return _rows((await services.zones.get(arguments.text("zone"))).records)


async def dns_zonefile(services: Services, arguments: Arguments) -> Json:
    """A zone as text."""
    return await services.zones.zonefile(arguments.text("zone"))


async def dns_dump(services: Services, arguments: Arguments) -> Json:
    """What another name server has to say, by zone, the most important first."""
    return [{"zone": zone, "records": _rows(rows)} for zone, rows in await services.zones.dump()]


async def dns_ds(services: Services, arguments: Arguments) -> Json:
    """The DS records for the zone above."""
    return list(await services.zones.ds(arguments.text("zone")))


async def dns_keys(services: Services, arguments: Arguments) -> Json:
    """The keys of one zone."""
    return _keys(await services.zone_keys.of(arguments.text("zone")))


async def dns_rollover(services: Services, arguments: Arguments) -> Json:
    """Begins to change the key of a zone; `confirmed`: the zone above points to the new one."""
    zone = arguments.text("zone")
    if arguments.flag("confirmed", False):
        return _keys(await services.zone_keys.confirm(zone, ACTOR))
    return _keys(await services.zone_keys.begin(zone, ACTOR))


async def dns_update(services: Services, arguments: Arguments) -> Json:
    """Zones that got a new serial. `force`: all."""
    return list(await services.zones.update(ACTOR, force=arguments.flag("force", False)))


async def dns_custom(services: Services, arguments: Arguments) -> Json:
    """Custom records, of a name and type where these are given."""
    found = await services.zones.custom(arguments.text("name", ""), arguments.text("type", ""))
    return [_custom(one) for one in found]


async def dns_add(services: Services, arguments: Arguments) -> Json:
    """Adds a custom record; the zones that are new then."""
    return list(await services.zones.add(*_given(arguments), ACTOR))


async def dns_set(services: Services, arguments: Arguments) -> Json:
    """Replaces all custom records of a name and type by one."""
    return list(await services.zones.replace(*_given(arguments), ACTOR))


async def dns_remove(services: Services, arguments: Arguments) -> Json:
    """Removes one custom record, or all of a name and type."""
    name, kind = arguments.text("name"), arguments.text("type")
    return list(await services.zones.remove(name, kind, arguments.text("value", ""), ACTOR))


async def dns_secondaries(services: Services, arguments: Arguments) -> Json:
    """The secondaries; with `names`, these from now on."""
    if "names" in arguments:
        await services.secondaries.replace(arguments.texts("names"), ACTOR)
    return list(await services.secondaries.all())


def _given(arguments: Arguments) -> tuple[str, str, str]:
    return arguments.text("name"), arguments.text("type"), arguments.text("value")


def _custom(one: CustomRecord) -> Json:
    return {"name": one.name, "type": one.kind, "value": one.value}


def _rows(records: Sequence[Record]) -> Json:
    return [
        {"name": one.name, "type": one.kind, "value": one.value, "ttl": one.ttl, "why": one.why}
        for one in records
    ]


def _keys(standings: Sequence[KeyStanding]) -> Json:
    return [
        {
            "tag": one.tag,
            "state": one.key.state.value,
            "created": one.key.created,
            "since": one.key.since,
            "until": one.until,
            "ds": list(one.ds),
        }
        for one in standings
    ]


ACTS: Mapping[str, Act] = {
    "dns-zones": dns_zones,
    "dns-show": dns_show,
    "dns-zonefile": dns_zonefile,
    "dns-dump": dns_dump,
    "dns-ds": dns_ds,
    "dns-keys": dns_keys,
    "dns-rollover": dns_rollover,
    "dns-update": dns_update,
    "dns-custom": dns_custom,
    "dns-add": dns_add,
    "dns-set": dns_set,
    "dns-remove": dns_remove,
    "dns-secondaries": dns_secondaries,
}
