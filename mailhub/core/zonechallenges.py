"""Proofs for a certificate's issuer in our own zones: `ports.ChallengeRecords`."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.zones import Zones
from mailhub.ports import Clock

SETTLE = 2.0
"""Seconds until a new version of a zone is served by this process."""
SPREAD = 20.0
"""Seconds that other servers of a zone have to fetch it: the issuer may ask any of them."""


class ZoneChallenges:
    """Over the zones that this server answers for, or another program for it (`elsewhere`)."""

    def __init__(self, zones: Zones, clock: Clock, *, elsewhere: bool = False) -> None:
        self._elsewhere = elsewhere
        self._zones = zones
        self._clock = clock

    async def serves(self, name: str) -> bool:
        """See `ports.ChallengeRecords`."""
        return await self._zones.has(name)

    async def publish(self, records: Sequence[tuple[str, str]]) -> None:
        """See `ports.ChallengeRecords`."""
        await self._zones.challenge(records)
        if records:
            # The name server builds and signs zones beside those that it serves.
            others = self._elsewhere or await self._zones.secondaries()
            await self._clock.sleep(SPREAD if others else SETTLE)
