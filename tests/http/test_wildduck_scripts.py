"""Sieve scripts over HTTP, beside WildDuck's filters."""

from __future__ import annotations

import pytest

from tests.http.browsing import Site
from tests.support import run
from tests.world import ACTOR, world

JOE, ANN = "joe@example.org", "ann@example.org"


@pytest.fixture
def site() -> Site:
    return Site(world(people=(JOE, ANN)))


def home(site: Site, who: str = JOE) -> str:
    return f"/users/{site.world.people[who].id}/scripts"


def test_scripts_are_kept_shown_and_removed(site: Site) -> None:
    assert site.get(home(site)).json == {"success": True, "results": []}
    order = {"source": 'if header "a b" "c" {stop;}', "active": True}
    made = site.put(f"{home(site)}/my%20rules", order)
    assert made.json == {
        "success": True,
        "warnings": ["1:11: 'a b' is no name of a header field"],
    }
    [row] = site.get(home(site)).json["results"]
    assert (row["name"], row["active"], row["size"]) == ("my rules", True, 27)
    assert (row["failure"], row["failed"]) == ("", None)
    one = site.get(f"{home(site)}/my%20rules").json
    assert one["source"] == order["source"]
    assert one["updated"].endswith(".000Z")
    refused = site.delete(f"{home(site)}/my%20rules")
    assert (refused.status, refused.json["code"]) == (400, "ScriptActive")
    assert site.put(f"{home(site)}/my%20rules", {"source": "", "active": False}).status == 200
    assert site.get(f"{home(site)}/my%20rules").json["active"] is False
    assert site.delete(f"{home(site)}/my%20rules").json == {"success": True}
    gone = site.get(f"{home(site)}/my%20rules")
    assert (gone.status, gone.json["code"]) == (404, "ScriptNotFound")
    gone = site.delete(f"{home(site)}/my%20rules")
    assert (gone.status, gone.json["code"]) == (404, "ScriptNotFound")


def test_faults_are_told_with_their_places(site: Site) -> None:
    refused = site.put(f"{home(site)}/a", {"source": "keep;\r\nfoo; bar;"})
    assert (refused.status, refused.json["code"]) == (400, "InvalidScript")
    assert refused.json["faults"] == [
        {"line": 2, "column": 1, "text": "Unknown command foo"},
        {"line": 2, "column": 6, "text": "Unknown command bar"},
    ]
    refused = site.put(f"{home(site)}/a", {"source": "#" * 100_000})
    assert (refused.status, refused.json["code"]) == (413, "TooLarge")
    refused = site.put(f"{home(site)}/a", {})
    assert (refused.status, refused.json["code"]) == (400, "InputValidationError")


def test_a_failure_is_shown_to_its_owner(site: Site) -> None:
    number = site.world.people[JOE].number
    site.put(f"{home(site)}/a", {"source": 'require "ihave"; error "x";', "active": True})
    site.world.deliver(JOE, b"Subject: hi\r\n\r\nbody\r\n")
    [row] = site.get(home(site)).json["results"]
    assert row["failure"] == "1:18: x"
    assert row["failed"].endswith("Z")
    run(site.world.scripts.activate(number, "", ACTOR))


def test_filters_are_shown_as_a_script(site: Site) -> None:
    path = f"/users/{site.world.people[JOE].id}/filters"
    site.post(path, {"query_subject": "sale", "action_seen": True})
    source = site.get(f"{path}.sieve").json["source"]
    assert 'header :contains "subject" "sale"' in source
    kept = site.put(f"{home(site)}/filters", {"source": source})
    assert kept.json == {"success": True, "warnings": []}
