"""Zones that another program answers for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from mailhub.core.zonehanding import Handing
from mailhub.model.errors import Unavailable
from mailhub.model.zone import Zone
from mailhub.net import keymaking
from tests.support import run
from tests.world import ACTOR
from tests.zoned import place


@dataclass
class Elsewhere:
    """`ports.ZoneServer` in memory. `refused`: a zone that it does not take."""

    zones: dict[str, Zone | None] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    refused: str = ""

    async def names(self) -> frozenset[str]:
        return frozenset(self.zones)

    async def put(self, zone: Zone) -> bool:
        if zone.name == self.refused:
            raise Unavailable("it refuses")
        self.puts.append(zone.name)
        self.zones[zone.name] = zone
        return True

    async def drop(self, name: str) -> None:
        del self.zones[name]

    async def keys(self, name: str) -> Sequence[str]:
        _, key = keymaking.make("ecdsa")
        return [f"257 3 13 {key}", f"256 3 13 {key}"]


def test_zones_are_handed_on_when_they_are_new_and_taken_back() -> None:
    here = place()
    other = Elsewhere({"foreign.test": None})
    handing = Handing(here.zones, other, here.world.log)
    run(here.world.domains.ensure("example.net", ACTOR))
    run(handing.refresh())
    assert other.puts == ["example.net", "example.org"]
    run(handing.refresh())
    assert len(other.puts) == 2
    run(here.zones.add("x.example.net", "A", "192.0.2.1", ACTOR))
    run(handing.refresh())
    assert other.puts[2:] == ["example.net"]
    del other.zones["example.org"]
    run(handing.refresh())
    assert other.puts[3:] == ["example.org"]
    run(here.world.domains.remove("example.net", ACTOR))
    run(handing.refresh())
    assert sorted(other.zones) == ["example.org", "foreign.test"]


def test_a_zone_that_is_refused_hinders_no_other() -> None:
    here = place()
    run(here.world.domains.ensure("example.net", ACTOR))
    other = Elsewhere(refused="example.net")
    handing = Handing(here.zones, other, here.world.log)
    with pytest.raises(Unavailable):
        run(handing.refresh())
    assert other.puts == ["example.org"]
    other.refused = ""
    run(handing.refresh())
    assert other.puts == ["example.org", "example.net"]


def test_who_signs_says_which_keys_the_zone_above_needs() -> None:
    here = place(sign=True)
    here.zones.signed_by(Elsewhere())
    ds = [text.split() for text in run(here.zones.ds("example.org"))]
    assert [words[2] for words in ds] == ["2", "4"]
