"""Every call of the administration, asked by whoever is no administrator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.model.account import Role
from tests.http.browsing import FOREIGN
from tests.http.place import EVE, JOE, TOKEN, Place
from tests.http.tmail import basic
from tests.support import run
from tests.world import ACTOR

pytestmark = pytest.mark.thorough

ROOT, GONE = "root@example.org", "gone@example.org"
ALWAYS = {"GET /login", "POST /login", "GET /logout", "POST /logout"}
ELSEWHERE = {"GET /", "GET /munin", "GET /munin/<path:page>"}
"""Lead to the panel, which asks by itself who comes."""
"""They are answered with 200, and say in words that nobody was let in."""


@pytest.fixture(scope="module")
def place() -> Place:
    """Nobody of its people changes anything."""
    made = Place()
    made.world.account(ROOT, role=Role.ADMIN)
    made.world.account(GONE, role=Role.ADMIN)
    assert made.known
    return made


def keys(place: Place) -> dict[str, str]:
    """Credentials of each kind that let nobody in."""
    issued = place.site.parts.administration.session_keys
    people = place.world.people
    joe, gone = run(issued.issue(people[JOE])), run(issued.issue(people[GONE]))
    ended = run(issued.issue(people[ROOT]))
    run(issued.end(ROOT, ended))
    account = run(place.world.accounts.get(people[GONE].number))
    run(place.world.accounts.update(replace(account, disabled=True), ACTOR))
    return {
        "nothing": "",
        "no administrator": basic(JOE),
        "no administrator's key": basic(JOE, joe),
        "another's key": basic(ROOT, joe),
        "a key that was ended": basic(ROOT, ended),
        "a key of a disabled account": basic(GONE, gone),
        "a disabled account": basic(GONE),
        "a wrong password": basic(ROOT, "wrong"),
        "nobody": basic("nobody@example.org"),
        "no system key": basic("f" * 32, "x"),
        "no name": basic("", "x"),
        "another API's token": f"Bearer {TOKEN}",
        "a word in the wrong case": basic(ROOT).replace("Basic", "basic"),
    }


def test_nobody_administers_but_administrators(place: Place) -> None:
    calls = [(prefix, one) for name, prefix, one in place.calls if name == "mailinabox"]
    assert len(calls) >= 15
    given = keys(place)
    before = place.everything()
    for what, authorization in given.items():
        headers = {"authorization": authorization} if authorization else {}
        for prefix, one in calls:
            if f"{one.method} {one.path}" in ALWAYS or one.right is None:
                continue
            reply = place.ask(prefix, one, **headers)
            assert reply.status == 401, (what, one.method, one.path)
    assert place.everything() == before


def test_every_call_names_a_right(place: Place) -> None:
    assert {
        f"{one.method} {one.path}"
        for name, _, one in place.calls
        if name == "mailinabox" and one.right is None
    } == ALWAYS | {"GET /openapi.json"} | ELSEWHERE


def test_who_is_not_let_in_gets_no_key(place: Place) -> None:
    for given in (basic(GONE), basic(ROOT, "wrong"), basic("f" * 32, "x"), ""):
        reply = place.site.ask("POST", "/admin/login", authorization=given, peer=FOREIGN)
        assert (reply.status, set(reply.json)) == (200, {"status", "reason"})
    reply = place.site.ask("POST", "/admin/login", authorization=basic(EVE), peer=FOREIGN)
    assert (reply.json["status"], reply.json["privileges"]) == ("ok", [])
