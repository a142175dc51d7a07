"""WildDuck's tokens of single accounts: being given one, what it opens, and its end."""

from __future__ import annotations

import itertools

import pytest

from mailhub.http.wildduck.own import PROFILE
from mailhub.wire import otp
from tests.http.browsing import Reply, Site
from tests.world import PASSWORD, world

pytestmark = pytest.mark.thorough

NAME = "joe@example.org"


@pytest.fixture
def site() -> Site:
    return Site(world=world(people=(NAME, "ann@example.org")))


def login(site: Site, **more: object) -> Reply:
    body = {"username": NAME, "password": PASSWORD, "token": True, **more}
    return site.post("/authenticate", body)


def token(site: Site) -> str:
    return str(login(site).json["token"])


def test_who_logs_in_for_everything_gets_a_token(site: Site) -> None:
    given = login(site).json["token"]
    assert (len(given), set(given) <= set("0123456789abcdef")) == (40, True)
    reply = site.get("/authenticated", x_access_token=given)
    assert reply.json == {
        "success": True,
        "user": site.world.people[NAME].id,
        "role": "user",
        "pending": False,
        "expires": int(site.world.clock.now()) + 14 * 86400,
    }


@pytest.mark.parametrize("more", [{"token": False}, {"scope": "imap"}, {"password": "wrong"}])
def test_nobody_else_does(site: Site, more: dict[str, object]) -> None:
    assert "token" not in login(site, **more).json


def test_the_configurations_token_says_so_and_is_not_ended_by_a_call(site: Site) -> None:
    assert site.get("/authenticated").json == {
        "success": True,
        "user": False,
        "role": "root",
        "pending": False,
        "expires": False,
    }
    assert site.delete("/authenticate").json["code"] == "MissingPrivileges"


def test_a_token_ends_by_its_own_call_and_no_other_does(site: Site) -> None:
    mine, other = token(site), token(site)
    reply = site.ask("DELETE", f"/authenticate?accessToken={mine}")
    assert (reply.status, reply.json) == (200, {"success": True})
    assert site.get("/users/me", x_access_token=mine).json["code"] == "InvalidToken"
    assert site.ask("DELETE", "/authenticate", x_access_token=mine).status == 403
    assert site.get("/users/me", x_access_token=other).status == 200


def test_every_path_of_a_user_may_be_spelled_in_the_singular(site: Site) -> None:
    id = site.world.people[NAME].id
    for prefix in ("", "/wildduck"):
        assert site.get(f"{prefix}/user/{id}").json == site.get(f"{prefix}/users/{id}").json
    assert site.get("/user/me/addresses", x_access_token=token(site)).status == 200
    paths = {rule.rule for rule in site.factory.resource._app.url_map.iter_rules()}
    plural = {path for path in paths if path.startswith("/users/<user>")}
    assert {path.replace("/users/", "/user/", 1) for path in plural} <= paths
    assert len(plural) > 10


# -- what people change of themselves


OPERATORS = [
    {"quota": 1},
    {"recipients": 5},
    {"forwards": 5},
    {"tags": ["vip"]},
    {"disabled": False},
    {"suspended": False},
    {"disable2fa": True},
    {"hashedPassword": True},
    {"retention": 0},
    {"disabledScopes": []},
    {"metaData": {"a": 1}},
    {"name": "Joe", "quota": 1},
    {"whatever": 1},
]


@pytest.mark.parametrize("given", OPERATORS, ids=str)
def test_people_do_not_set_what_operators_set(site: Site, given: dict[str, object]) -> None:
    before = site.get(f"/users/{site.world.people[NAME].id}").json
    mine = token(site)
    reply = site.ask("PUT", "/users/me", given, x_access_token=mine)
    assert (reply.status, reply.json["code"]) == (403, "MissingPrivileges")
    assert site.get("/users/me", x_access_token=mine).json == before
    query = "&".join(f"{name}=1" for name in given)
    assert site.ask("PUT", f"/users/me?{query}", {}, x_access_token=mine).status == 403


def test_people_set_their_own_name(site: Site) -> None:
    mine = token(site)
    assert site.ask("PUT", "/users/me", {"name": "Joe J."}, x_access_token=mine).status == 200
    assert site.get("/users/me", x_access_token=mine).json["name"] == "Joe J."


def test_a_new_password_takes_the_old_one_and_ends_the_token(site: Site) -> None:
    mine = token(site)
    new: dict[str, object] = {"password": "another horse"}
    for more, status, code in (
        ({}, 400, "InputValidationError"),
        ({"existingPassword": "wrong"}, 403, "AuthFail"),
    ):
        reply = site.ask("PUT", "/users/me", new | more, x_access_token=mine)
        assert (reply.status, reply.json["code"]) == (status, code)
    whole = new | {"existingPassword": PASSWORD}
    assert site.ask("PUT", "/users/me", whole, x_access_token=mine).status == 200
    assert site.get("/users/me", x_access_token=mine).json["code"] == "InvalidToken"
    assert "token" in login(site, password="another horse").json


def test_no_limit_is_among_what_people_set() -> None:
    assert not PROFILE & {"quota", "recipients", "forwards", "tags", "disabled", "disable2fa"}


# -- what a token waits for


def code(site: Site, seed: str, steps: int = 0) -> str:
    return otp.code(seed, int(site.world.clock.now()) // 30 + steps)


def test_until_the_second_factor_is_shown_a_token_opens_nothing_else(site: Site) -> None:
    id = site.world.people[NAME].id
    seed = site.post(f"/users/{id}/2fa/totp/setup", {}).json["seed"]
    assert site.post(f"/users/{id}/2fa/totp/enable", {"token": code(site, seed)}).status == 200
    mine = token(site)
    assert site.get("/authenticated", x_access_token=mine).json["pending"] == "factor"
    for method, path in itertools.product(("GET", "PUT", "DELETE"), ("/users/me", "/users/me/2fa")):
        assert site.ask(method, path, None, x_access_token=mine).status in (403, 405)
    check, right = "/users/me/2fa/totp/check", {"token": code(site, seed, 1)}
    assert site.ask("POST", check, {"token": "000000"}, x_access_token=mine).status == 403
    assert site.get("/users/me", x_access_token=mine).status == 403
    assert site.ask("POST", check, right, x_access_token=mine).status == 200
    assert site.get("/users/me", x_access_token=mine).status == 200
    assert site.ask("POST", check, right, x_access_token=token(site)).status == 403


def test_with_a_password_of_somebody_elses_a_token_sets_a_new_one_alone(site: Site) -> None:
    id = site.world.people[NAME].id
    given = site.post(f"/users/{id}/password/reset", {}).json["password"]
    mine = str(login(site, password=given).json["token"])
    assert site.get("/authenticated", x_access_token=mine).json["pending"] == "password"
    assert site.get("/users/me", x_access_token=mine).status == 403
    for more in ({"name": "x"}, {"name": "x", "password": "another horse"}):
        reply = site.ask("PUT", "/users/me", more, x_access_token=mine)
        assert reply.json["code"] == "MissingPrivileges"
    new = {"password": "another horse", "existingPassword": given}
    reply = site.ask("PUT", "/users/me", new, x_access_token=mine)
    assert reply.status == 200, reply.json
    whole = str(login(site, password="another horse").json["token"])
    assert site.get("/users/me", x_access_token=whole).status == 200
