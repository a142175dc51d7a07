"""The document's calls on addresses, as its curl lines make them, on a running server that mail
comes to."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.live.server import Server
from tests.live.web import ask, call, make
from tests.live.wire import SMTP
from tests.signed import pair

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


def test_a_domain_gets_another_name(server: Server) -> None:
    id = make(server, "joe@before.test")
    call(server, "POST", "/addresses/forwarded", {
        "address": "team@before.test", "targets": ["joe@before.test"],
    })  # fmt: skip
    alias = call(server, "POST", "/domainaliases", {"alias": "twin.test", "domain": "before.test"})
    assert reply(server, "joe@twin.test").startswith(b"250")
    listing: Any = call(server, "GET", "/domainaliases?query=twin&limit=1")
    row = {"id": alias["id"], "alias": "twin.test", "domain": "before.test"}
    assert (listing["results"], listing["total"], listing["nextCursor"]) == ([row], 1, False)
    names = {"oldDomain": "before.test", "newDomain": "after.test"}
    status, done = ask(server, "PUT", "/addresses/renameDomain", names)
    assert status == 200
    assert done.pop("modifiedDkim") >= 0
    assert done == {
        "success": True, "modifiedAddresses": 2, "modifiedUsers": 1, "modifiedAliases": 1,
    }  # fmt: skip
    shown = call(server, "GET", f"/users/{id}")
    assert (shown["username"], shown["address"]) == ("joe@after.test", "joe@after.test")
    for address in ("joe@after.test", "team@after.test", "joe@twin.test"):
        assert reply(server, address).startswith(b"250"), address
    assert reply(server, "joe@before.test").startswith(b"550")
    one = dict(call(server, "GET", f"/domainaliases/{alias['id']}"))
    assert STAMP.fullmatch(str(one.pop("created")))
    assert one == {"success": True, **row, "domain": "after.test"}
    found = call(server, "GET", "/domainaliases/resolve/twin.test")
    assert found == {"success": True, "id": alias["id"]}
    assert ask(server, "DELETE", f"/domainaliases/{alias['id']}") == (200, {"success": True})
    assert reply(server, "joe@twin.test").startswith(b"550")
    said = server.command("domain", "rename", "after.test", "again.test").stdout
    assert said.startswith("renamed after.test to again.test: 2 addresses, 1 users")
    assert reply(server, "joe@again.test").startswith(b"250")


def test_a_signing_key(server: Server) -> None:
    make(server, "joe@keys.test")
    pem = pair("live.example", "live")[0].private
    fields = {"domain": "keys.test", "selector": "live", "privateKey": pem, "sess": "s"}
    made = call(server, "POST", "/dkim", fields)
    again = ask(server, "POST", "/dkim", fields)
    assert (again[0], again[1]["code"]) == (400, "DkimExists")
    record: Any = made["dnsTxt"]
    assert record["name"] == "live._domainkey.keys.test"
    assert record["value"].endswith(f"p={made['publicKey']}")
    path = f"/dkim/{made['id']}"
    assert call(server, "GET", path) == made
    rows: Any = call(server, "GET", "/dkim?query=keys.test")["results"]
    assert made["id"] in {row["id"] for row in rows}
    assert ID.fullmatch(str(call(server, "GET", "/dkim/resolve/keys.test")["id"]))
    assert ask(server, "DELETE", path) == (200, {"success": True})
    assert ask(server, "GET", path)[1]["code"] == "DkimNotFound"


NEW, ONE = "/users/USER/addresses", "/users/USER/addresses/MAIN"
RENAME, TWINS = "/addresses/renameDomain", "/domainaliases"
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
    ("PUT", RENAME, {"oldDomain": "a.test", "newDomain": "b.test"}, 404, "DomainNotFound"),
    ("PUT", RENAME, {"oldDomain": "example.com"}, 400, "InputValidationError"),
    ("POST", TWINS, {"alias": "live.test", "domain": "example.com"}, 400, "AliasExists"),
    ("POST", TWINS, {"alias": "t.test", "domain": "absent.test"}, 400, "InputValidationError"),
    ("POST", "/dkim", {"domain": "absent.test", "selector": "s"}, 404, "DomainNotFound"),
    ("GET", f"/dkim/{ABSENT}", None, 404, "DkimNotFound"),
    ("DELETE", f"/dkim/{ABSENT}", None, 404, "DkimNotFound"),
    ("GET", "/dkim/resolve/absent.test", None, 404, "DkimNotFound"),
    ("GET", f"{TWINS}/{ABSENT}", None, 404, "AliasNotFound"),
    ("DELETE", f"{TWINS}/{ABSENT}", None, 404, "AliasNotFound"),
    ("GET", f"{TWINS}/resolve/example.com", None, 404, "AliasNotFound"),
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
