"""The way to the master of a group of Redis servers that Sentinels watch.

A Sentinel is asked each time a connection is made, and now and then while one stands: a master
that was cut off from the others may go on as if nothing were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from zope.interface import implementer

from mailhub.coord.redis.dial import Dialer
from mailhub.coord.redis.greeting import identity
from mailhub.model.errors import Unavailable
from mailhub.wire.redisslots import Place


@implementer(IStreamClientEndpoint)
class SentinelEndpoint:
    """Connects to the server that a Sentinel calls the master of `name` at that moment.

    They are asked in turn, another first each time: so neither one that does not answer nor one
    that was cut off and knows an old master only is all there is.
    """

    def __init__(self, asker: Dialer, dialer: Dialer, places: Sequence[Place], name: str) -> None:
        """`asker`: the way to Sentinels; `dialer`: to the servers that they watch."""
        self._asker = asker
        self._dialer = dialer
        self._places = list(places)
        self._name = name
        self._found: Place | None = None

    def connect(self, protocolFactory: IProtocolFactory) -> Any:
        """See IStreamClientEndpoint."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> Any:
        self._found = await self._ask()
        return await self._dialer.tcp(*self._found).connect(factory)

    async def passed_on(self, server: str) -> bool:
        """Whether a Sentinel calls another the master than the one found last, and that one says
        so, too. `server`: run id of the one connected to. Never raises."""
        try:
            found = await self._ask()
            if found == self._found:
                return False
            async with self._dialer.visit(found) as wire:
                other = await identity(wire)
        except Unavailable:
            return False
        return other.role == "master" and other.server != server

    async def _ask(self) -> Place:
        """Raises Unavailable."""
        reasons = []
        for place in list(self._places):
            self._places.remove(place)
            self._places.append(place)
            try:
                async with self._asker.visit(place) as wire:
                    found = await wire.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._name)
            except Unavailable as error:
                reasons.append(f"{place[0]}:{place[1]}: {error.text}")
                continue
            if isinstance(found, list) and len(found) == 2:
                return bytes(found[0]).decode("ascii", "replace"), int(found[1])
        raise Unavailable("; ".join([f"no Sentinel knows the master {self._name}", *reasons]))
