"""Zones through the control socket."""

from __future__ import annotations

import pytest

from mailhub.control.acts import Arguments, Json
from mailhub.control.naming import ACTS
from mailhub.model.errors import Invalid
from tests.acting import services
from tests.support import run
from tests.world import world


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
    assert ask("dns-secondaries", names=["xfr:192.0.2.7"]) == ["xfr:192.0.2.7"]
    assert ask("dns-secondaries") == ["xfr:192.0.2.7"]
    assert ask("dns-secondaries", names=[]) == []
    with pytest.raises(Invalid):
        ask("dns-add", name="other.test", type="A", value="192.0.2.1")
