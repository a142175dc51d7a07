"""The map of a Redis Cluster, as its nodes tell it, and the way to the master of one slot.

Which keys are in which slot, `wire.redisslots` says; what is sent there, others do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from zope.interface import implementer

from mailhub.coord.redis.dial import Dialer
from mailhub.model.errors import Unavailable
from mailhub.wire.redisslots import Place, SlotMap, parse_slots


class Atlas:
    """Asks nodes for the map, one after another. `seeds`: those that the settings name; what the
    map tells is asked as well from then on."""

    def __init__(self, dialer: Dialer, seeds: Sequence[Place]) -> None:
        self._dialer = dialer
        self._seeds = list(dict.fromkeys(seeds))
        self._places = list(self._seeds)

    async def learn(self) -> SlotMap:
        """The map as one node has it now. Raises Unavailable with what each node said."""
        reasons = []
        for place in list(self._places):
            # The next one that asks begins with another: this one may know an old map only.
            self._places.remove(place)
            self._places.append(place)
            try:
                async with self._dialer.visit(place) as wire:
                    found = parse_slots(await wire.ask("CLUSTER", "SLOTS"), place)
            except (Unavailable, ValueError) as error:
                reasons.append(f"{name(place)}: {error}")
                continue
            if found.ranges:
                told = [*found.owners(), *found.replicas, *self._seeds]
                known = [one for one in self._places if one in told]
                self._places = list(dict.fromkeys([*known, *told]))
                return found
            reasons.append(f"{name(place)}: it has no map of slots")
        raise Unavailable("; ".join(["no node of the Redis Cluster knows it", *reasons]))


@implementer(IStreamClientEndpoint)
class SlotEndpoint:
    """Connects to the master that has `slot` at that moment."""

    def __init__(self, atlas: Atlas, dialer: Dialer, slot: int) -> None:
        self._atlas = atlas
        self._dialer = dialer
        self._slot = slot

    def connect(self, protocolFactory: IProtocolFactory) -> Any:
        """See IStreamClientEndpoint."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> Any:
        place = (await self._atlas.learn()).owner(self._slot)
        if place is None:
            raise Unavailable(f"no node of the Redis Cluster has slot {self._slot}")
        return await self._dialer.tcp(*place).connect(factory)


def name(place: Place) -> str:
    """Host and port, as people write them."""
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
