"""Rings between processes by Redis's PUBLISH: heard by who is there, lost for who is not.

In a Cluster every node hands them on to all others. Knows no connection; nothing may depend on it.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from mailhub.coord.redis.scripts import Asks
from mailhub.model.errors import Unavailable
from mailhub.ports import Randomness


class RedisWakeups:
    """`ports.Wakeups`. `bell`: the one channel of Redis that all of them share."""

    def __init__(self, link: Asks, randomness: Randomness, *, prefix: str) -> None:
        self._link = link
        self.bell = f"{{{prefix}}}:bell"
        self._name = randomness.token(8).hex()
        self._again: dict[str, bool] = {}
        """Channels that are being rung, and whether somebody rang meanwhile."""
        self._listening: list[tuple[str, Callable[[], None]]] = []

    def ring(self, channel: str) -> None:
        """See `ports.Wakeups`."""
        if channel in self._again:
            self._again[channel] = True
            return
        self._again[channel] = False
        Deferred.fromCoroutine(self._ring(channel))

    async def _ring(self, channel: str) -> None:
        try:
            while True:
                self._again[channel] = False
                await self._link.ask("PUBLISH", self.bell, f"{self._name} {channel}")
                if not self._again[channel]:
                    return
        except Unavailable:
            return
        finally:
            del self._again[channel]

    def listen(self, channel: str, call: Callable[[], None]) -> Callable[[], None]:
        """See `ports.Wakeups`."""
        entry = (channel, call)
        self._listening.append(entry)
        return lambda: self._listening.remove(entry)

    def heard(self, message: bytes) -> None:
        """Something was told on `bell`."""
        name, _, channel = message.decode("utf-8", "replace").partition(" ")
        if name == self._name:
            return
        for wanted, call in tuple(self._listening):
            if wanted == channel:
                call()

    def missed(self) -> None:
        """Nothing was heard for a while: all look."""
        for _, call in tuple(self._listening):
            call()
