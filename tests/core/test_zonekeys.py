"""A zone's key is changed step by step, and at no moment is there anybody who cannot prove it."""

from __future__ import annotations

import pytest

from mailhub.core.zonekeys import ABOVE, COPIES, ZoneKeys
from mailhub.core.zones import Zones
from mailhub.model.errors import Conflict, NotFound, Unavailable
from mailhub.model.zone import PublishedZone, ZoneKeyState, signing, wanted
from tests.support import run
from tests.world import ACTOR
from tests.zoned import Place, place

NAME = "example.org"
COMING, READY, TRUSTED, ACTIVE, LEAVING = ZoneKeyState


def rolling(here: Place) -> ZoneKeys:
    """Over this place, whose zones have keys."""
    run(here.zones.update(ACTOR))
    return here.keys


def states(keys: ZoneKeys) -> list[ZoneKeyState]:
    """In the order in which keys were made."""
    return [one.key.state for one in run(keys.of(NAME))]


def published(zones: Zones) -> PublishedZone:
    """The zone as it is now."""
    (zone,) = run(zones.published())
    return zone


def test_a_key_follows_another() -> None:
    here = place(sign=True)
    keys, clock = rolling(here), here.world.clock
    old = published(here.zones)
    clock.advance(1)
    run(keys.begin(NAME, ACTOR))
    new = published(here.zones)
    assert states(keys) == [ACTIVE, COMING]
    assert new.zone.state.serial == old.zone.state.serial + 1
    assert signing(new.keys) == wanted(new.keys) == old.keys[0]
    with pytest.raises(Conflict):
        run(keys.begin(NAME, ACTOR))
    with pytest.raises(Conflict):
        run(keys.confirm(NAME, ACTOR))
    clock.advance(COPIES - 1)
    run(keys.advance())
    assert states(keys) == [ACTIVE, COMING]
    clock.advance(1)
    run(keys.advance())
    assert states(keys) == [ACTIVE, READY]
    ds = run(here.zones.ds(NAME))
    assert list(run(keys.of(NAME))[1].ds) == ds
    new = published(here.zones)
    assert signing(new.keys) == old.keys[0] != wanted(new.keys)
    for said in (Unavailable("away"), NotFound("none"), [], ["1 13 2 " + "ab" * 32]):
        here.world.resolver.set(NAME, "DS", said)
        run(keys.advance())
        assert states(keys) == [ACTIVE, READY]
    here.world.resolver.set(NAME, "DS", [ds[0].upper()])
    run(keys.advance())
    assert states(keys) == [ACTIVE, TRUSTED]
    clock.advance(ABOVE)
    run(keys.advance())
    assert states(keys) == [LEAVING, ACTIVE]
    new = published(here.zones)
    assert signing(new.keys) == wanted(new.keys) == new.keys[1]
    assert run(here.zones.ds(NAME)) == ds
    clock.advance(COPIES)
    run(keys.advance())
    assert states(keys) == [ACTIVE]
    assert published(here.zones).keys == new.keys[1:]


def test_a_person_may_know_better_than_the_dns() -> None:
    here = place(sign=True)
    keys = rolling(here)
    here.world.clock.advance(1)
    run(keys.begin(NAME, ACTOR))
    here.world.clock.advance(COPIES)
    run(keys.advance())
    assert [one.key.state for one in run(keys.confirm(NAME, ACTOR))] == [ACTIVE, TRUSTED]


def test_only_zones_that_are_signed_here_have_keys() -> None:
    keys = rolling(place())
    for zone in (NAME, "other.test"):
        with pytest.raises(NotFound):
            run(keys.begin(zone, ACTOR))
    run(keys.advance())
    here = place(sign=True)
    rolling(here)
    another = place(here.world).keys  # the same store, and nobody signs any more
    with pytest.raises(NotFound):
        run(another.of(NAME))
