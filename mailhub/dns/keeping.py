"""Keeps what the name server says in step with what zones are made of.

Zones are built beside those that are served, in slices, and swapped in one assignment. No packet
and no socket is known here; when it is done is `server`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailhub.core.secondaries import Allowed, Secondaries
from mailhub.core.turns import Turns, run
from mailhub.core.zones import Zones
from mailhub.dns import contents, history
from mailhub.dns.contents import Contents
from mailhub.dns.kept import unpacked
from mailhub.dns.talk import Talk
from mailhub.model.zone import PublishedZone
from mailhub.ports import Clock, Log


@dataclass(frozen=True, slots=True)
class News:
    """Zones that are served in a new version, and addresses that hear of it."""

    zones: Sequence[Contents]
    told: Sequence[str]


class Keeping:
    """`listening`: called with what is new, after it is served."""

    def __init__(
        self,
        zones: Zones,
        secondaries: Secondaries,
        talk: Talk,
        clock: Clock,
        log: Log,
        listening: Callable[[News], None],
    ) -> None:
        self._zones = zones
        self._secondaries = secondaries
        self._talk = talk
        self._clock = clock
        self._log = log
        self._listening = listening
        self._begun = 0
        self._served = 0
        self._allowed = Allowed()
        self._untold: list[Contents] = []

    async def serve(self) -> None:
        """Serves every zone as it is now. Of two calls at a time the later one counts."""
        self._begun += 1
        number = self._begun
        made: dict[bytes, Contents] = {}
        fresh: list[Contents] = []
        turns = Turns(self._clock)
        for one in await self._zones.published():
            known = self._known(one)
            if known is None:
                known = await self._built(one, turns)
                fresh.append(known)
            made[known.origin] = known
        if number < self._served:
            return
        self._served = number
        self._talk.serve(made, self._allowed.networks)
        self._untold += fresh
        for zone in fresh:
            state = zone.state
            self._log.event("zone", zone=state.zone, serial=state.serial, outcome="served")

    async def tell(self) -> None:
        """Looks where secondaries are, which may take as long as the DNS takes, and tells them what
        is new."""
        self._allowed = await self._secondaries.allowed()
        self._talk.serve(self._talk.zones, self._allowed.networks)
        news, self._untold = self._untold, []
        self._listening(News(news, self._allowed.told))

    async def _built(self, one: PublishedZone, turns: Turns) -> Contents:
        """A new version, which remembers the one before."""
        before = self._talk.zones.get(contents.octets(one.zone.name))
        data = await self._zones.signatures(one.zone.name) if one.keys else b""
        kept = await run(unpacked(data), turns)
        made = await run(contents.build(one, kept), turns)
        if kept.is_new:
            await self._zones.keep_signatures(one.zone.name, await run(kept.packed(), turns))
        return made if before is None else await run(history.follow(before, made), turns)

    def _known(self, one: PublishedZone) -> Contents | None:
        """What is served already, where nothing is new about it."""
        zone = self._talk.zones.get(contents.octets(one.zone.name))
        same = zone is not None and zone.state == one.zone.state
        return zone if same else None
