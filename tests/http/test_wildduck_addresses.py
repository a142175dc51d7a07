"""WildDuck's address calls and /authenticate against the documented contract."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from mailhub.model.envelope import ForwardPath
from mailhub.model.errors import AllowanceUsed
from mailhub.model.settings import LimitSettings
from tests.http.browsing import Site
from tests.http.test_wildduck_users import ABSENT, ID, invalid, made
from tests.support import run
from tests.world import ACTOR, DOMAIN, world

pytestmark = pytest.mark.thorough


@pytest.fixture
def site() -> Site:
    return Site()


def added(site: Site, user: str, address: str, **more: object) -> str:
    reply = site.post(f"/users/{user}/addresses", {"address": address, **more})
    assert reply.status == 200, reply.json
    id: str = reply.json["id"]
    return id


# -- POST and GET /users/{user}/addresses


def test_the_documented_examples(site: Site) -> None:
    user = made(site, "testuser", address="testuser@example.com")
    reply = site.post(f"/users/{user}/addresses", {"address": "user@example.com"})
    assert reply.json == {"success": True, "id": reply.json["id"]}
    assert ID.fullmatch(reply.json["id"])
    listing = site.get(f"/users/{user}/addresses").json
    assert [(row["address"], row["main"]) for row in listing["results"]] == [
        ("testuser@example.com", True),
        ("user@example.com", False),
    ]
    row = site.get(f"/users/{user}/addresses/{reply.json['id']}").json
    assert row == {
        "success": True,
        "id": reply.json["id"],
        "name": False,
        "address": "user@example.com",
        "main": False,
        "created": "2027-01-15T08:00:00.000Z",
        "tags": [],
    }


def test_mail_for_a_new_address_is_taken_at_once(site: Site) -> None:
    user = made(site)
    added(site, user, "alias@fresh.example")
    site.world.deliver("alias@fresh.example", b"Subject: x\r\n\r\n")
    assert site.get(f"/users/{user}").json["limits"]["quota"]["used"] > 0


def test_a_new_main_address_takes_the_place_of_the_old_one(site: Site) -> None:
    user = made(site)
    added(site, user, f"second@{DOMAIN}", main=True, name="Joe at work")
    rows = site.get(f"/users/{user}/addresses").json["results"]
    assert {row["address"]: row["main"] for row in rows} == {
        f"joe@{DOMAIN}": False,
        f"second@{DOMAIN}": True,
    }
    assert site.get(f"/users/{user}").json["address"] == f"second@{DOMAIN}"
    assert {row["name"] for row in rows} == {False, "Joe at work"}


CREATE_ERRORS: list[tuple[dict[str, object], dict[str, str]]] = [
    ({}, {"address": '"address" is required'}),
    ({"address": ""}, {"address": '"address" is required'}),
    ({"address": 5}, {"address": '"address" must be a string'}),
    ({"address": "a+b@x.example"}, {"address": '"address" must not contain the + sign'}),
    ({"address": "a@x.example", "main": "x"}, {"main": '"main" must be a boolean'}),
    ({"address": "a@x.example", "color": 1}, {"color": '"color" is not allowed'}),
]


@pytest.mark.parametrize(("body", "details"), CREATE_ERRORS)
def test_create_errors(site: Site, body: dict[str, object], details: dict[str, str]) -> None:
    invalid(site.post(f"/users/{made(site)}/addresses", body), details)


@pytest.mark.parametrize(
    "body",
    [
        {"address": "no-at-sign"},
        {"address": "a@b@c"},
        {"address": "a@-bad-.example"},
        {"address": f"*@{DOMAIN}"},
        {"address": f"a*b@{DOMAIN}", "allowWildcard": True},
        {"address": "a@x.example\r\nBcc: b@x.example"},
    ],
)
def test_what_is_no_address(site: Site, body: dict[str, object]) -> None:
    user = made(site)
    before = {domain.name for domain in run(site.world.domains.all())}
    reply = site.post(f"/users/{user}/addresses", body)
    assert (reply.status, list(reply.json["details"])) == (400, ["address"])
    assert {domain.name for domain in run(site.world.domains.all())} == before


def test_a_wildcard_is_possible_and_never_the_main_address(site: Site) -> None:
    user = made(site)
    wild = {"address": f"*@{DOMAIN}", "allowWildcard": True}
    reply = site.post(f"/users/{user}/addresses", {**wild, "main": True})
    assert (reply.status, reply.json["code"]) == (400, "InputValidationError")
    assert site.post(f"/users/{user}/addresses", wild).status == 200
    site.world.deliver(f"anyone@{DOMAIN}", b"Subject: x\r\n\r\n")


def test_a_taken_address(site: Site) -> None:
    joe, ann = made(site, "joe"), made(site, "ann")
    for user in (joe, ann):
        reply = site.post(f"/users/{user}/addresses", {"address": f"JOE@{DOMAIN}"})
        assert (reply.status, reply.json["code"]) == (400, "AddressExistsError")


# -- one address


def test_update_makes_it_the_main_one_and_names_it(site: Site) -> None:
    user = made(site)
    id = added(site, user, f"second@{DOMAIN}")
    path = f"/users/{user}/addresses/{id}"
    assert site.put(path, {"name": "Named"}).json == {"success": True}
    assert (site.get(path).json["name"], site.get(path).json["main"]) == ("Named", False)
    assert site.put(path, {"main": True}).json == {"success": True}
    assert (site.get(path).json["name"], site.get(path).json["main"]) == ("Named", True)
    assert site.get(f"/users/{user}").json["address"] == f"second@{DOMAIN}"


def test_update_errors(site: Site) -> None:
    user = made(site)
    path = f"/users/{user}/addresses/{added(site, user, 'b@x.example')}"
    invalid(site.put(path, {"main": False}), {"main": '"main" must be true'})
    invalid(site.put(path, {"quota": 1}), {"quota": '"quota" is not allowed'})
    assert site.put(path, {}).json["code"] == "NoUpdates"


def test_delete_frees_it(site: Site) -> None:
    user = made(site)
    id = added(site, user, "b@x.example")
    assert site.delete(f"/users/{user}/addresses/{id}").json == {"success": True}
    assert site.get(f"/users/{user}/addresses/{id}").status == 404
    assert ID.fullmatch(added(site, user, "b@x.example"))


def test_the_main_address_cannot_be_deleted(site: Site) -> None:
    user = made(site)
    (main,) = site.get(f"/users/{user}/addresses").json["results"]
    reply = site.delete(f"/users/{user}/addresses/{main['id']}")
    assert (reply.status, reply.json["code"]) == (400, "NotPermitted")


METHODS: list[tuple[str, Any]] = [("GET", None), ("PUT", {"main": True}), ("DELETE", None)]


@pytest.mark.parametrize(("method", "body"), METHODS)
def test_an_address_of_another_user_or_of_nobody(site: Site, method: str, body: object) -> None:
    joe, ann = made(site, "joe"), made(site, "ann")
    (hers,) = site.get(f"/users/{ann}/addresses").json["results"]
    for id in (hers["id"], ABSENT):
        reply = site.ask(method, f"/users/{joe}/addresses/{id}", body)
        assert (reply.status, reply.json["code"]) == (404, "AddressNotFound")
    assert site.get(f"/users/{ann}/addresses").json["results"] == [hers]


@pytest.mark.parametrize(("method", "body"), METHODS)
def test_an_unknown_user_and_bad_ids(site: Site, method: str, body: object) -> None:
    reply = site.ask(method, f"/users/{ABSENT}/addresses/{ABSENT}", body)
    assert (reply.status, reply.json["code"]) == (404, "UserNotFound")
    invalid(
        site.ask(method, "/users/x/addresses/y", body),
        {
            "user": '"user" must only contain hexadecimal characters',
            "address": '"address" must only contain hexadecimal characters',
        },
    )


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", {"address": "a@b.example"})])
def test_the_addresses_of_an_unknown_user(site: Site, method: str, body: object) -> None:
    reply = site.ask(method, f"/users/{ABSENT}/addresses", body)
    assert (reply.status, reply.json["code"]) == (404, "UserNotFound")


# -- GET /addresses


def test_all_addresses(site: Site) -> None:
    user = made(site, "testuser01", address="testuser01@example.com")
    made(site, "another")
    reply = site.get("/addresses?query=testuser01").json
    (row,) = reply.pop("results")
    assert reply == {
        "success": True,
        "query": "testuser01",
        "total": 1,
        "page": 1,
        "previousCursor": False,
        "nextCursor": False,
    }
    assert (row["address"], row["user"]) == ("testuser01@example.com", user)
    assert ID.fullmatch(row["id"])


def test_an_alias_without_a_user_says_that_it_is_forwarded(site: Site) -> None:
    run(site.world.addresses.create(f"all@{DOMAIN}", ACTOR, targets=("a@remote.example",)))
    (row,) = site.get("/addresses").json["results"]
    assert row["forwarded"] is True
    assert "user" not in row


def test_pages_of_addresses(site: Site) -> None:
    user = made(site)
    for number in range(4):
        added(site, user, f"a{number}@{DOMAIN}")
    first = site.get("/addresses?limit=2").json
    second = site.get(f"/addresses?limit=2&next={first['nextCursor']}&page=2").json
    back = site.get(f"/addresses?limit=2&previous={second['previousCursor']}&page=1").json
    assert (first["total"], second["page"], back["page"]) == (5, 2, 1)
    assert [row["address"] for row in second["results"]] == [f"a1@{DOMAIN}", f"a2@{DOMAIN}"]
    assert back["results"] == first["results"]
    invalid(
        site.get("/addresses?limit=1000"), {"limit": '"limit" must be less than or equal to 250'}
    )


def test_addresses_are_found_by_their_tags(site: Site) -> None:
    user = made(site)
    added(site, user, "a@x.example", tags=["Red", "red", "blue"])
    added(site, user, "b@x.example", tags=["green"])
    for query, names in (
        ("tags=RED,green", ["a@x.example", "b@x.example"]),
        ("requiredTags=red,blue", ["a@x.example"]),
        ("tags=black", []),
    ):
        rows = site.get(f"/addresses?{query}").json["results"]
        assert [row["address"] for row in rows] == names
    assert site.get("/addresses?tags=red").json["results"][0]["tags"] == ["Red", "blue"]


# -- spellings


def test_an_international_address_is_shown_as_people_write_it(site: Site) -> None:
    user = made(site, address="андрис@уайлддак.орг")
    (row,) = site.get(f"/users/{user}/addresses").json["results"]
    assert row["address"] == "андрис@уайлддак.орг"
    (row,) = site.get(f"/addresses?query={quote('ис@уайлддак.орг')}").json["results"]
    assert row["user"] == user
    site.world.deliver("андрис@xn--80aalaxjd5d.xn--c1avg", b"Subject: x\r\n\r\n")
    taken = site.post(f"/users/{user}/addresses", {"address": "АНДРИС@xn--80aalaxjd5d.xn--c1avg"})
    assert (taken.status, taken.json["code"]) == (400, "AddressExistsError")


def test_dots_and_labels_do_not_count_in_domains_that_are_made_here(site: Site) -> None:
    user = made(site, address="joe.doe@new.example")
    taken = site.post(f"/users/{user}/addresses", {"address": "jo.edoe@new.example"})
    assert (taken.status, taken.json["code"]) == (400, "AddressExistsError")
    site.world.deliver("j.o.edoe+label@new.example", b"Subject: x\r\n\r\n")
    assert site.get(f"/users/{user}/addresses").json["results"][0]["address"] == (
        "joe.doe@new.example"
    )


WILDCARDS = {
    f"sales*@{DOMAIN}": (f"sales-uk@{DOMAIN}", True),
    f"*-sales@{DOMAIN}": (f"uk-sales@{DOMAIN}", True),
    f"*@{DOMAIN}": (f"anybody@{DOMAIN}", True),
    "info@*": (f"info+x@{DOMAIN}", True),
    f"a*b@{DOMAIN}": ("", False),
    f"**@{DOMAIN}": ("", False),
    f"*{'x' * 33}@{DOMAIN}": ("", False),
}


@pytest.mark.parametrize(("address", "meaning"), WILDCARDS.items())
def test_wildcards(site: Site, address: str, meaning: tuple[str, bool]) -> None:
    user = made(site)
    taken, possible = meaning
    body = {"address": address, "allowWildcard": True}
    reply = site.post(f"/users/{user}/addresses", body)
    if not possible:
        assert (reply.status, list(reply.json["details"])) == (400, ["address"])
        return
    assert reply.status == 200
    site.world.deliver(taken, b"Subject: x\r\n\r\n")
    assert site.get(f"/addresses/resolve/{taken}").status == 404
    found = site.get(f"/addresses/resolve/{taken}?allowWildcard=1").json
    assert (found["id"], found["user"]) == (reply.json["id"], user)


def test_an_address_is_spelled_anew_and_tagged(site: Site) -> None:
    user = made(site)
    id = added(site, user, "old@x.example")
    path = f"/users/{user}/addresses/{id}"
    assert site.put(path, {"address": "new@x.example", "tags": ["a"]}).json == {"success": True}
    shown = site.get(path).json
    assert (shown["id"], shown["address"], shown["tags"]) == (id, "new@x.example", ["a"])
    site.world.deliver("new@x.example", b"Subject: x\r\n\r\n")
    reply = site.put(path, {"address": "*@x.example"})
    assert (reply.status, reply.json["code"]) == (400, "WildcardNotPermitted")
    wild = f"/users/{user}/addresses/{added(site, user, '*@x.example', allowWildcard=True)}"
    reply = site.put(wild, {"address": "plain@x.example"})
    assert (reply.status, reply.json["code"]) == (400, "ChangeNotAllowed")
    reply = site.put(path, {"address": f"joe@{DOMAIN}"})
    assert (reply.status, reply.json["code"]) == (400, "AddressExistsError")


@pytest.mark.parametrize("name", [f"joe@{DOMAIN}", f"JOE@{DOMAIN.upper()}", "by id"])
def test_an_address_is_resolved(site: Site, name: str) -> None:
    user = made(site)
    (row,) = site.get(f"/users/{user}/addresses").json["results"]
    found = site.get(f"/addresses/resolve/{row['id'] if name == 'by id' else name}").json
    assert found == {
        "success": True,
        "id": row["id"],
        "address": f"joe@{DOMAIN}",
        "user": user,
        "created": row["created"],
        "tags": [],
    }


@pytest.mark.parametrize("name", [f"nobody@{DOMAIN}", ABSENT, "nobody@nowhere.example"])
def test_an_address_that_nobody_has(site: Site, name: str) -> None:
    reply = site.get(f"/addresses/resolve/{name}")
    assert (reply.status, reply.json["code"]) == (404, "AddressNotFound")


# -- forwarded addresses


def forwarded(site: Site, **more: object) -> str:
    body = {"address": "team@new.example", "targets": ["a@remote.example"], **more}
    reply = site.post("/addresses/forwarded", body)
    assert reply.status == 200, reply.json
    id: str = reply.json["id"]
    return id


def test_a_forwarded_address_leads_to_its_targets(site: Site) -> None:
    id = forwarded(site, targets=["A@REMOTE.example", "b@remote.example"], forwards=1, tags=["x"])
    assert site.get(f"/addresses/forwarded/{id}").json == {
        "success": True,
        "id": id,
        "name": False,
        "address": "team@new.example",
        "targets": ["A@remote.example", "b@remote.example"],
        "limits": {"forwards": {"allowed": 1, "used": 0, "ttl": False}},
        "created": "2027-01-15T08:00:00.000Z",
        "tags": ["x"],
    }
    run(site.world.intake.recipient(ForwardPath("team@new.example"), None, False))
    limit = site.get(f"/addresses/forwarded/{id}").json["limits"]["forwards"]
    assert limit == {"allowed": 1, "used": 1, "ttl": 86400}
    with pytest.raises(AllowanceUsed):
        run(site.world.intake.recipient(ForwardPath("team@new.example"), None, False))


def test_a_forwarded_address_changes_and_goes(site: Site) -> None:
    path = f"/addresses/forwarded/{forwarded(site)}"
    body = {"address": "crew@new.example", "targets": ["c@remote.example"], "name": "Crew"}
    assert site.put(path, body).json == {"success": True}
    shown = site.get(path).json
    assert (shown["address"], shown["targets"], shown["name"]) == (
        "crew@new.example", ["c@remote.example"], "Crew",
    )  # fmt: skip
    assert site.put(path, {}).json["code"] == "NoUpdates"
    assert site.delete(path).json == {"success": True}
    assert site.get(path).json["code"] == "AddressNotFound"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"targets": ["a@b.example"]}, "address"),
        ({"address": "x@new.example"}, "targets"),
        ({"address": "x@new.example", "targets": []}, "targets"),
        ({"address": "x@new.example", "targets": ["no address"]}, "targets"),
        ({"address": "x+y@new.example", "targets": ["a@b.example"]}, "address"),
        ({"address": "*@new.example", "targets": ["a@b.example"]}, "address"),
    ],
)
def test_forwarded_errors(site: Site, body: dict[str, object], field: str) -> None:
    reply = site.post("/addresses/forwarded", body)
    assert (reply.status, list(reply.json["details"])) == (400, [field])


def test_a_users_address_is_no_forwarded_one(site: Site) -> None:
    (row,) = site.get(f"/users/{made(site)}/addresses").json["results"]
    for method, body in (("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)):
        reply = site.ask(method, f"/addresses/forwarded/{row['id']}", body)
        assert (reply.status, reply.json["code"]) == (404, "AddressNotFound")
    taken = site.post(
        "/addresses/forwarded", {"address": row["address"], "targets": ["a@b.example"]}
    )
    assert (taken.status, taken.json["code"]) == (400, "AddressExistsError")


# -- POST /authenticate


@pytest.mark.parametrize("scope", ["master", "imap", "pop3", "smtp"])
@pytest.mark.parametrize(
    "name", ["testuser", "TESTUSER", "testuser@example.com", "alias@example.com"]
)
def test_right_credentials(site: Site, scope: str, name: str) -> None:
    user = made(site, "testuser", address="testuser@example.com")
    added(site, user, "alias@example.com")
    reply = site.post(
        "/authenticate",
        {"username": name, "password": "secretpass", "scope": scope, "ip": "192.168.10.10",
         "sess": "abc", "protocol": "API"},
    )  # fmt: skip
    assert reply.json == {
        "success": True,
        "id": user,
        "username": "testuser",
        "address": "testuser@example.com",
        "scope": scope,
        "require2fa": False,
        "requirePasswordChange": False,
    }


def test_the_scope_is_master_unless_it_is_named(site: Site) -> None:
    made(site)
    right = {"username": "joe", "password": "secretpass"}
    assert site.post("/authenticate", right).json["scope"] == "master"


def test_wrong_credentials_name_the_user_if_there_is_one(site: Site) -> None:
    user = made(site)
    reply = site.post("/authenticate", {"username": "joe", "password": "wrong"})
    assert (reply.status, reply.json) == (
        403,
        {"error": "Authentication failed", "code": "AuthFailed", "id": user},
    )
    reply = site.post("/authenticate", {"username": "nobody", "password": "wrong"})
    assert (reply.status, reply.json) == (
        403,
        {"error": "Authentication failed", "code": "AuthFailed"},
    )


@pytest.mark.parametrize("what", ["disabled", "suspended"])
def test_a_closed_account_does_not_log_in(site: Site, what: str) -> None:
    user = made(site)
    site.put(f"/users/{user}", {what: True})
    reply = site.post("/authenticate", {"username": "joe", "password": "secretpass"})
    assert (reply.status, reply.json["code"], reply.json["id"]) == (403, "AuthFailed", user)
    site.put(f"/users/{user}", {what: False})
    reply = site.post("/authenticate", {"username": "joe", "password": "secretpass"})
    assert reply.status == 200


def test_an_unknown_scope(site: Site) -> None:
    made(site)
    body = {"username": "joe", "password": "secretpass", "scope": "root"}
    reply = site.post("/authenticate", body)
    assert (reply.status, reply.json["code"]) == (403, "InvalidAuthScope")


def test_guesses_are_limited() -> None:
    site = Site(world=world(people=(), limits=LimitSettings(guesses_per_address=3)))
    made(site)
    codes = [
        site.post(
            "/authenticate",
            {"username": "joe", "password": "wrong", "ip": f"192.0.2.{number}"},
        ).json["code"]
        for number in range(5)
    ]
    assert codes == ["AuthFailed"] * 3 + ["RateLimitedError"] * 2


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (
            {},
            {"username": '"username" is required', "password": '"password" is required'},
        ),
        ({"username": "joe", "password": ""}, {"password": '"password" is required'}),
        (
            {"username": "joe", "password": "x" * 257},
            {"password": '"password" length must be less than or equal to 256 characters long'},
        ),
        ({"username": "joe", "password": {}}, {"password": '"password" must be a string'}),
        (
            {"username": "joe", "password": "x", "remember": True},
            {"remember": '"remember" is not allowed'},
        ),
    ],
)
def test_authenticate_errors(site: Site, body: dict[str, object], details: dict[str, str]) -> None:
    invalid(site.post("/authenticate", body), details)
