"""WildDuck's calls on signing keys."""

from __future__ import annotations

import re

import pytest

from tests.http.browsing import Reply, Site
from tests.signed import pair
from tests.support import run
from tests.world import ACTOR, world

pytestmark = pytest.mark.thorough

JOE = "joe@example.org"
ABSENT = "0" * 24
PEM = pair("dkim.example", "s0")[0].private


@pytest.fixture
def site() -> Site:
    return Site(world(people=(JOE,)))


def refused(reply: Reply, status: int, code: str, *fields: str) -> None:
    assert (reply.status, reply.json["code"]) == (status, code), reply.json
    assert set(reply.json.get("details", ())) == set(fields)


def test_the_life_of_a_key(site: Site) -> None:
    order = {"domain": "EXAMPLE.org", "selector": "First", "privateKey": PEM, "description": "x"}
    made = site.post("/dkim", order).json
    id = made["id"]
    assert (made["success"], made["domain"], made["selector"]) == (True, "example.org", "first")
    assert made["dnsTxt"]["name"] == "first._domainkey.example.org"
    assert made["dnsTxt"]["value"] == f"v=DKIM1; k=rsa; p={made['publicKey']}"
    assert re.fullmatch(r"(?:[0-9a-f]{2}:){31}[0-9a-f]{2}", made["fingerprint"])
    assert made["state"] == "pending"
    assert "PRIVATE" not in str(made)
    assert site.get(f"/dkim/{id}").json == made
    listed = site.get("/dkim?query=AMPLE").json
    assert (listed["total"], [row["id"] for row in listed["results"]]) == (1, [id])
    assert site.get("/dkim?query=other").json["results"] == []
    assert site.get("/dkim/resolve/example.org").json == {"success": True, "id": id}
    run(site.world.keys.activate("example.org", ACTOR))
    refused(site.delete(f"/dkim/{id}"), 400, "InUse")
    run(site.world.keys.disable("example.org", ACTOR))
    assert site.delete(f"/dkim/{id}").json == {"success": True}
    refused(site.get(f"/dkim/{id}"), 404, "DkimNotFound")
    refused(site.get("/dkim/resolve/example.org"), 404, "DkimNotFound")


def test_keys_are_made_here_where_none_is_given(site: Site) -> None:
    made = site.post("/dkim", {"domain": "example.org", "selector": "ours"}).json
    assert (made["selector"], made["state"]) == ("ours", "pending")
    found = site.get("/dkim?limit=1").json
    rows = site.get(f"/dkim?limit=5&next={found['nextCursor']}").json["results"]
    every = {row["selector"] for row in [*found["results"], *rows]}
    assert every == {"ours", "ourse"}
    refused(site.post("/dkim", {"domain": "example.org", "selector": "b"}), 400, "Conflict")


@pytest.mark.parametrize(
    ("fields", "status", "code", "names"),
    [
        ({"domain": "absent.test", "selector": "a"}, 404, "DomainNotFound", ()),
        ({"domain": "example.org"}, 400, "InputValidationError", ("selector",)),
        (
            {"domain": "example.org", "selector": "a b", "privateKey": PEM},
            400,
            "InputValidationError",
            ("selector",),
        ),
        (
            {"domain": "example.org", "selector": "a", "privateKey": "x"},
            400,
            "InputValidationError",
            ("privateKey",),
        ),
        (
            {"domain": "example.org", "selector": "taken", "privateKey": PEM},
            400,
            "DkimExists",
            (),
        ),
    ],
)
def test_what_is_no_key(
    site: Site, fields: object, status: int, code: str, names: tuple[str, ...]
) -> None:
    site.post("/dkim", {"domain": "example.org", "selector": "taken", "privateKey": PEM})
    before = site.get("/dkim").json
    refused(site.post("/dkim", fields), status, code, *names)
    assert site.get("/dkim").json == before


def test_keys_that_are_not_there(site: Site) -> None:
    for method in ("GET", "DELETE"):
        refused(site.ask(method, f"/dkim/{ABSENT}"), 404, "DkimNotFound")
    refused(site.get("/dkim/resolve/absent.test"), 404, "DkimNotFound")
