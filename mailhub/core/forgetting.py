"""Forgets what the journal has had for long enough, in small steps between other work."""

from __future__ import annotations

from mailhub.model.settings import JournalSettings
from mailhub.ports import Clock, Storage

INTERVAL = 600
"""Seconds between two rounds."""
DAY = 86_400


class Forgetting:
    """The journal's sweep."""

    def __init__(self, storage: Storage, clock: Clock, settings: JournalSettings) -> None:
        self._storage = storage
        self._clock = clock
        self._settings = settings

    async def sweep(self) -> None:
        """All that is old enough."""
        if not self._settings.keep:
            return
        while await self._storage.events.purge(self._settings.keep * DAY):
            await self._clock.pause()
