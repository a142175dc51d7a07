"""Zones through the control socket."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.control.acts import Arguments, Json
from mailhub.control.naming import ACTS
from mailhub.model.errors import Conflict, Invalid, NotFound
from tests.acting import services
from tests.support import run
from tests.world import world
from tests.zoned import place


def test_zones_are_seen_and_changed() -> None:
    offered = services(world())

    def ask(act: str, **arguments: object) -> Json:
        return run(ACTS[act](offered, Arguments(arguments)))

    assert [one["zone"] for one in ask("dns-zones")] == ["example.org"]
    assert ask("dns-update") == ["example.org"]
    assert ask("dns-update") == []
    assert ask("dns-update", force=True) == ["example.org"]
    record = {"name": "x.example.org", "type": "a", "value": "192.0.2.9"}
    assert ask("dns-add", **record) == ["example.org"]
    assert ask("dns-set", **{**record, "value": "192.0.2.10"}) == ["example.org"]
    found = [{"name": "x.example.org", "type": "A", "value": "192.0.2.10"}]
    assert ask("dns-custom") == ask("dns-custom", name="x.example.org") == found
    assert "x.example.org. 1800 IN A 192.0.2.10\n" in ask("dns-zonefile", zone="example.org")
    shown = [row for row in ask("dns-show", zone="example.org") if row["name"] == "x.example.org"]
    assert (shown[0]["ttl"], shown[0]["why"]) == (1800, "(Set by user.)")
    assert ask("dns-dump")[0]["zone"] == "example.org"
    assert ask("dns-remove", name="x.example.org", type="A") == ["example.org"]
    assert ask("dns-ds", zone="example.org") == []
    with pytest.raises(NotFound):
        ask("dns-rollover", zone="example.org")
    assert ask("dns-secondaries", names=["xfr:192.0.2.7"]) == ["xfr:192.0.2.7"]
    assert ask("dns-secondaries") == ["xfr:192.0.2.7"]
    assert ask("dns-secondaries", names=[]) == []
    with pytest.raises(Invalid):
        ask("dns-add", name="other.test", type="A", value="192.0.2.1")


def test_keys_are_seen_and_changed() -> None:
    here = world()
    named = place(here, sign=True)
    offered = replace(services(here), zones=named.zones, zone_keys=named.keys)

    def ask(act: str, **arguments: object) -> Json:
        return run(ACTS[act](offered, Arguments({"zone": "example.org", **arguments})))

    ds = ask("dns-ds")
    (key,) = ask("dns-keys")
    assert (key["state"], key["ds"], key["until"]) == ("active", ds, 0)
    assert key["tag"] == int(ds[0].split()[0])
    here.clock.advance(1)
    old, new = ask("dns-rollover")
    assert (old["state"], new["state"], new["ds"]) == ("active", "coming", [])
    assert new["until"] > new["since"] == int(here.clock.now())
    with pytest.raises(Conflict):
        ask("dns-rollover", confirmed=True)
