"""The lines that tell, behind what was done, what else became different: zones of the DNS."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.zones import Zones
from mailhub.model.change import Actor


class Effects:
    """What follows from changes."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones

    async def after(self, actor: Actor) -> Sequence[str]:
        """What a change of users or aliases led to, a line each."""
        return told(await self._zones.update(actor))


def told(zones: Sequence[str]) -> Sequence[str]:
    """The line about zones that are new; none for no zones."""
    return (f"updated DNS: {','.join(zones)}",) if zones else ()
