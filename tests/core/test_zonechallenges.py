"""Proofs in our own zones: shown until the next ones, and given time to spread."""

from __future__ import annotations

import pytest

from mailhub.core.zonechallenges import SETTLE, SPREAD, ZoneChallenges
from mailhub.model.errors import MailhubError
from tests.support import run
from tests.world import ACTOR
from tests.zoned import place

NAME = "_acme-challenge.example.org"


def test_a_proof_is_in_the_zone_until_it_is_taken_back() -> None:
    here = place()
    clock = here.world.clock
    challenges = ZoneChallenges(here.zones, clock)
    assert run(challenges.serves("example.org"))
    assert run(challenges.serves("a.b.example.org"))
    assert not run(challenges.serves("example.com"))
    before = clock.seconds()
    run(challenges.publish([(NAME, "one"), (NAME, "two")]))
    assert clock.seconds() - before == SETTLE
    text = run(here.zones.zonefile("example.org"))
    assert '"one"' in text
    assert '"two"' in text
    run(challenges.publish([]))
    assert '"one"' not in run(here.zones.zonefile("example.org"))
    assert clock.seconds() - before == SETTLE


def test_other_servers_have_time_to_fetch_it() -> None:
    here = place()
    clock = here.world.clock
    run(here.zones.set_secondaries(["xfr:192.0.2.53"], ACTOR))
    before = clock.seconds()
    run(ZoneChallenges(here.zones, clock).publish([(NAME, "one")]))
    run(ZoneChallenges(here.zones, clock, elsewhere=True).publish([(NAME, "one")]))
    assert clock.seconds() - before == 2 * SPREAD


def test_strangers_names_are_refused() -> None:
    here = place()
    with pytest.raises(MailhubError):
        run(ZoneChallenges(here.zones, here.world.clock).publish([("a.example.com", "x")]))
