"""Name servers beside ours: which hosts may fetch our zones, and who is told of new ones.

`ns2.example.net` stands in the NS records, fetches and is told; `xfr:192.0.2.7` fetches and is
told; `xfr:192.0.2.0/24` fetches only. No packet is known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from mailhub.core.zones import Zones
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, LimitReached, NotFound, Unavailable
from mailhub.model.zone import TRANSFER, BadRecord, RecordFault
from mailhub.ports import Resolver
from mailhub.wire import zonerecord

MOST = 32


@dataclass(frozen=True, slots=True)
class Allowed:
    """`networks`: who may fetch zones. `told`: addresses that hear of new ones."""

    networks: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


class Secondaries:
    """The name servers that an administrator named."""

    def __init__(self, zones: Zones, resolver: Resolver) -> None:
        self._zones = zones
        self._resolver = resolver

    async def all(self) -> Sequence[str]:
        """As they were written."""
        return await self._zones.secondaries()

    async def replace(self, names: Sequence[str], actor: Actor) -> Sequence[str]:
        """These instead of all from before, none to clear them; the zones that are new then.

        Raises BadRecord (SECONDARY: a network after `xfr:` that is none;
        UNRESOLVED: a host without an address), LimitReached.
        """
        checked = [await self._checked(one) for one in names if one.strip()]
        wanted = list(dict.fromkeys(checked))
        if len(wanted) > MOST:
            raise LimitReached(f"There are {MOST} secondaries at most")
        return await self._zones.set_secondaries(wanted, actor)

    async def allowed(self) -> Allowed:
        """Whom they stand for now. A host that the DNS does not know is left out."""
        networks: list[str] = []
        told: list[str] = []
        for one in await self._zones.secondaries():
            if not one.startswith(TRANSFER):
                addresses = await self._addresses(one)
                networks += addresses
                told += addresses
                continue
            network = one.removeprefix(TRANSFER)
            networks.append(network)
            if "/" not in network:
                told.append(network)
        return Allowed(tuple(dict.fromkeys(networks)), tuple(dict.fromkeys(told)))

    async def _checked(self, written: str) -> str:
        one = written.strip().lower()
        if one.startswith(TRANSFER):
            network = one.removeprefix(TRANSFER)
            try:
                found = ip_network(network) if "/" in network else ip_address(network)
            except ValueError:
                said = f"{network!r} is no IP address and no network"
                raise BadRecord(RecordFault.SECONDARY, said, network) from None
            return f"{TRANSFER}{found}"
        try:
            name = zonerecord.name(one)
        except BadRecord:
            raise BadRecord(RecordFault.UNRESOLVED, "No name of a host", one) from None
        if not await self._addresses(name):
            raise BadRecord(RecordFault.UNRESOLVED, f"{name} has no address", name)
        return name

    async def _addresses(self, name: str) -> list[str]:
        found: list[str] = []
        for kind in ("A", "AAAA"):
            try:
                found += (await self._resolver.query(name, kind)).records
            except (NotFound, Unavailable, Invalid):
                continue
        return found
