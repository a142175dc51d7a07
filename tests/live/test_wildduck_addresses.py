"""The document's calls on addresses, as its curl lines make them, on a running server that mail
comes to."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.live.server import Server
from tests.live.web import ask, call, make
from tests.live.wire import SMTP

pytestmark = pytest.mark.live
ABSENT = "59467f27535f8f0f067ba8e6"
ID = re.compile(r"[0-9a-f]{24}")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def reply(server: Server, recipient: str) -> bytes:
    """What a server that brings mail for `recipient` is told."""
    with SMTP(server.port("smtp")) as client:
        utf8 = b" SMTPUTF8" if not recipient.isascii() else b""
        client.say(b"MAIL FROM:<a@far.test>" + utf8)
        return client.say(b"RCPT TO:<%s>" % recipient.encode())


@pytest.fixture(scope="module")
def user(server: Server) -> str:
    return make(server, "testuser@example.com")


def added(server: Server, user: str, address: str, **more: object) -> str:
    made = call(server, "POST", f"/users/{user}/addresses", {"address": address, **more})
    assert set(made) == {"success", "id"}
    return str(made["id"])


def test_the_curl_lines_of_addresses(server: Server, user: str) -> None:
    assert reply(server, "user@example.com").startswith(b"550")
    id = added(server, user, "user@example.com")
    assert ID.fullmatch(id)
    assert reply(server, "user@example.com").startswith(b"250")
    results: Any = call(server, "GET", f"/users/{user}/addresses")["results"]
    assert [(row["address"], row["main"]) for row in results] == [
        ("testuser@example.com", True),
        ("user@example.com", False),
    ]
    one = dict(call(server, "GET", f"/users/{user}/addresses/{id}"))
    assert STAMP.fullmatch(str(one.pop("created")))
    assert one == {
        "success": True, "id": id, "address": "user@example.com", "main": False, "name": False,
        "tags": [],
    }  # fmt: skip
    path = f"/users/{user}/addresses/{id}"
    assert ask(server, "PUT", path, {"main": True}) == (200, {"success": True})
    assert call(server, "GET", f"/users/{user}")["address"] == "user@example.com"
    first = f"/users/{user}/addresses/{results[0]['id']}"
    assert ask(server, "PUT", first, {"main": True})[0] == 200
    listing = call(server, "GET", "/addresses?query=user@example.com&limit=1")
    assert (listing["query"], listing["total"], listing["page"]) == ("user@example.com", 2, 1)
    (row,) = listing["results"]  # type: ignore[misc]
    assert (row["address"], row["user"], row["id"]) == (
        "testuser@example.com", user, results[0]["id"],
    )  # fmt: skip
    following = call(server, "GET", f"/addresses?query=user@&next={listing['nextCursor']}")
    assert [one["id"] for one in following["results"]] == [id]  # type: ignore[attr-defined]
    assert ask(server, "DELETE", path) == (200, {"success": True})
    assert reply(server, "user@example.com").startswith(b"550")


def test_an_international_address_takes_mail(server: Server, user: str) -> None:
    id = added(server, user, "андрис@уайлддак.орг")
    for spelling in ("андрис@уайлддак.орг", "АНДРИС@xn--80aalaxjd5d.xn--c1avg"):
        assert reply(server, spelling).startswith(b"250"), spelling
    assert call(server, "GET", f"/users/{user}/addresses/{id}")["address"] == "андрис@уайлддак.орг"


def test_dots_labels_and_wildcards(server: Server, user: str) -> None:
    added(server, user, "first.last@dots.test")
    assert reply(server, "firstlast+label@dots.test").startswith(b"250")
    added(server, user, "sales-*@dots.test", allowWildcard=True)
    added(server, user, "*-news@dots.test", allowWildcard=True)
    added(server, user, "info@*", allowWildcard=True)
    for address in ("sales-uk@dots.test", "all-news@dots.test", "info@example.com"):
        assert reply(server, address).startswith(b"250"), address
    assert reply(server, "sale@dots.test").startswith(b"550")
    found = call(server, "GET", "/addresses/resolve/sales-uk@dots.test?allowWildcard=true")
    assert (found["address"], found["user"]) == ("sales-*@dots.test", user)


def test_a_forwarded_address_has_a_daily_limit(server: Server) -> None:
    fields = {"address": "team@forward.test", "targets": ["a@far.test"], "forwards": 1}
    id = call(server, "POST", "/addresses/forwarded", fields)["id"]
    assert reply(server, "team@forward.test").startswith(b"250")
    assert reply(server, "team@forward.test").startswith(b"452")
    shown = call(server, "GET", f"/addresses/forwarded/{id}")
    limit: Any = shown["limits"]
    assert (limit["forwards"]["used"], shown["targets"]) == (1, ["a@far.test"])
    call(server, "PUT", f"/addresses/forwarded/{id}", {"targets": ["b@far.test"], "forwards": 5})
    assert reply(server, "team@forward.test").startswith(b"250")
    call(server, "DELETE", f"/addresses/forwarded/{id}")
    assert reply(server, "team@forward.test").startswith(b"550")


NEW, ONE = "/users/USER/addresses", "/users/USER/addresses/MAIN"
ERRORS: list[tuple[str, str, object, int, str]] = [
    ("POST", NEW, {}, 400, "InputValidationError"),
    ("POST", NEW, {"address": "a+b@example.com"}, 400, "InputValidationError"),
    ("POST", NEW, {"address": "*@example.com"}, 400, "InputValidationError"),
    ("POST", NEW, {"address": "a*b@example.com", "allowWildcard": 1}, 400, "InputValidationError"),
    ("POST", NEW, {"address": "TestUser@example.com"}, 400, "AddressExistsError"),
    ("POST", f"/users/{ABSENT}/addresses", {"address": "x@y.test"}, 404, "UserNotFound"),
    ("GET", f"/users/{ABSENT}/addresses", None, 404, "UserNotFound"),
    ("GET", f"/users/USER/addresses/{ABSENT}", None, 404, "AddressNotFound"),
    ("PUT", f"/users/USER/addresses/{ABSENT}", {"main": True}, 404, "AddressNotFound"),
    ("DELETE", f"/users/USER/addresses/{ABSENT}", None, 404, "AddressNotFound"),
    ("PUT", ONE, {"main": False}, 400, "InputValidationError"),
    ("PUT", ONE, {}, 400, "NoUpdates"),
    ("PUT", ONE, {"address": "*@example.com"}, 400, "WildcardNotPermitted"),
    ("DELETE", ONE, None, 400, "NotPermitted"),
    ("GET", "/addresses?limit=0", None, 400, "InputValidationError"),
    ("GET", "/addresses/resolve/nobody@nowhere.test", None, 404, "AddressNotFound"),
    ("GET", "/addresses/forwarded/MAIN", None, 404, "AddressNotFound"),
    ("POST", "/addresses/forwarded", {"address": "x@y.test"}, 400, "InputValidationError"),
]


@pytest.mark.parametrize(("method", "path", "fields", "status", "code"), ERRORS)
def test_every_error(
    server: Server, user: str, method: str, path: str, fields: object, status: int, code: str
) -> None:
    rows: Any = call(server, "GET", f"/users/{user}/addresses")["results"]
    path = path.replace("USER", user).replace("MAIN", rows[0]["id"])
    answer = ask(server, method, path, fields)
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert call(server, "GET", f"/users/{user}/addresses")["results"] == rows
