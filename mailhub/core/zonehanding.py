"""Hands our zones to another program that answers for them, and takes back what is ours no more.

What that program had before and never was ours is left alone.
"""

from __future__ import annotations

from mailhub.core.zones import Zones
from mailhub.model.errors import MailhubError
from mailhub.model.zone import ZoneState
from mailhub.ports import Log, ZoneServer


class Handing:
    """`server`: who gets them."""

    def __init__(self, zones: Zones, server: ZoneServer, log: Log) -> None:
        self._zones = zones
        self._server = server
        self._log = log
        self._handed: dict[str, ZoneState] = {}

    async def refresh(self) -> None:
        """Brings the other program in step. One zone that it refuses hinders no other; the last
        such error is raised at the end."""
        present = await self._server.names()
        failed: MailhubError | None = None
        for one in await self._zones.published():
            zone = one.zone
            if self._handed.get(zone.name) == zone.state and zone.name in present:
                continue
            try:
                changed = await self._server.put(zone)
            except MailhubError as error:
                failed = error
                continue
            self._handed[zone.name] = zone.state
            if changed:
                self._log.event("zone", zone=zone.name, outcome="handed on")
        for name in await self._zones.former():
            if name in present:
                await self._server.drop(name)
                self._log.event("zone", zone=name, outcome="taken back")
        if failed is not None:
            raise failed
