"""Which names are served here, and why."""

from __future__ import annotations

from mailhub.core.hosted import Hosted, Reason
from mailhub.model.zone import LOCAL, CustomRecord
from tests.support import run
from tests.world import ACTOR, world


def test_every_name_has_its_reason() -> None:
    here = world(people=())
    for name in ("example.org", "sub.example.org", "example.net", "localhost"):
        run(here.domains.ensure(name, ACTOR))
    elsewhere = CustomRecord("www.example.net", "CNAME", "shop.example.")
    back = CustomRecord("www.example.org", "A", LOCAL)
    for record in (elsewhere, back):
        run(here.store.zones.add(record, 9, ACTOR))
    hosted = Hosted(here.store, "Box.Example.org", ["*.example.net", "box.example.org"])
    found = {one.name: one for one in run(hosted.all())}
    assert next(iter(found)) == "box.example.org"
    assert [name for name, one in found.items() if one.reason is Reason.DOMAIN] == [
        "example.org",
        "sub.example.org",
        "example.net",
    ]
    www = [name for name, one in found.items() if one.reason is Reason.WWW]
    assert www == ["www.example.org", "www.example.net"]
    assert found["autoconfig.sub.example.org"].domain == "sub.example.org"
    assert found["autoconfig.sub.example.org"].zone == "example.org"
    assert found["*.example.net"].zone == "example.net"
    assert {name for name, one in found.items() if one.elsewhere} == {"www.example.net"}
    assert run(hosted.get("WWW.Example.Net")) == found["www.example.net"]
    for name in ("example.com", "", "a b", "localhost"):
        assert run(hosted.get(name)) is None
