"""What tmail has as commands alone, as calls in its manner: aliases, routes, hosts, keys."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.tmail import ADMIN, TMail, basic, failed
from tests.support import run
from tests.world import ACTOR

pytestmark = pytest.mark.thorough

JOE = "joe@example.org"


@pytest.fixture
def site() -> TMail:
    return TMail()


def rows(site: TMail, path: str) -> list[Any]:
    reply = site.get(path)
    assert reply.status == 200
    return list(reply.json)


# -- aliases


def test_an_alias_comes_changes_and_goes(site: TMail) -> None:
    body = {"deliverTo": [JOE, "a@far.example"], "pipe": "ticket --queue 'a b'", "isMiniList": True}
    reply = site.post("/aliases/info@example.org", body)
    assert (reply.status, reply.body) == (201, b"")
    shown = site.get("/aliases/Info@Example.org").json
    assert shown == {
        "Id": shown["Id"],
        "Alias": "info@example.org",
        "User": "",
        "DeliverTo": [JOE, "a@far.example"],
        "Pipe": "ticket --queue 'a b'",
        "IsMiniList": True,
    }
    assert run(site.world.addresses.get("info@example.org")).program == (
        "ticket",
        "--queue",
        "a b",
    )
    assert site.put("/aliases/info@example.org", {"deliverto": [ADMIN]}).status == 204
    assert site.get("/aliases/info@example.org").json == {
        **shown,
        "DeliverTo": [ADMIN],
        "Pipe": "",
        "IsMiniList": False,
    }
    assert site.delete("/aliases/info@example.org").status == 200
    failed(site.delete("/aliases/info@example.org"), 404, "no such alias info@example.org")


def test_all_aliases_in_parts(site: TMail) -> None:
    site.post("/aliases/*@example.org", {"deliverTo": [JOE]})
    found = rows(site, "/aliases")
    assert [(row["Alias"], row["User"]) for row in found] == [
        (JOE, JOE),
        (ADMIN, ADMIN),
        ("*@example.org", ""),
    ]
    part = site.get("/aliases?limit=2")
    assert part.json == found[:2]
    link = f'</aliases?limit=2&cursor={found[1]["Id"]}>; rel="next"'
    assert part.headers["link"] == link


@pytest.mark.parametrize(
    ("address", "body", "raw"),
    [
        ("info@nowhere.example", {"deliverTo": [JOE]}, "The domain is not on this server"),
        ("info@example.org", {"deliverTo": ["no address"]}, ""),
        ("info@example.org", {"pipe": "quote 'is open"}, "pipe cannot be read: No closing"),
        (JOE, {"deliverTo": [ADMIN]}, ""),
    ],
)
def test_an_alias_that_cannot_be(site: TMail, address: str, body: object, raw: str) -> None:
    reply = site.post(f"/aliases/{address}", body)
    assert (reply.status, reply.json["msg"]) == (422, "unable to create new alias")
    assert reply.json["raw"].startswith(raw)
    assert reply.json["raw"]


def test_an_alias_that_cannot_be_read(site: TMail) -> None:
    assert site.post("/aliases/info@example.org", {"deliverTo": JOE}).status == 400
    assert site.post("/aliases/info@example.org", {"deliverTo": [1]}).status == 400


def test_the_address_of_a_user_goes_with_the_user(site: TMail) -> None:
    reply = site.delete(f"/aliases/{JOE}")
    text = "The main address of an account cannot be removed"
    failed(reply, 422, "unable to remove alias", text)
    site.put(f"/aliases/{JOE}", {})
    assert site.get(f"/aliases/{JOE}").json["User"] == JOE


# -- routes


def test_a_route_comes_and_goes(site: TMail) -> None:
    body = {
        "host": "*",
        "remoteHost": "smtp.isp.example",
        "remotePort": 587,
        "mailFrom": "example.org",
        "user": JOE,
        "priority": 2,
        "localIp": "192.0.2.1&192.0.2.2",
        "smtpAuthLogin": "me",
        "smtpAuthPasswd": "s3cret",
        "tls": "verified",
    }
    reply = site.post("/routes", body)
    assert reply.status == 201
    shown = {key[0].upper() + key[1:]: value for key, value in body.items()}
    del shown["SmtpAuthPasswd"]
    assert reply.json == {"Id": reply.json["Id"], "Weight": 1, **shown}
    assert rows(site, "/routes") == [reply.json]
    (stored,) = run(site.world.routes.all())
    assert (stored.password, stored.spread) == ("s3cret", False)
    assert stored.account == site.world.people[JOE].number
    number = reply.json["Id"]
    assert site.delete(f"/routes/{number}").status == 200
    failed(site.delete(f"/routes/{number}"), 404, f"no such route {number}")
    assert rows(site, "/routes") == []


def test_local_addresses_at_random(site: TMail) -> None:
    body = {"host": "far.example", "localIp": "192.0.2.1|192.0.2.2"}
    assert site.post("/routes", body).json["LocalIp"] == "192.0.2.1|192.0.2.2"
    assert run(site.world.routes.all())[0].spread


@pytest.mark.parametrize(
    ("body", "raw"),
    [
        ({}, ""),
        ({"host": "*", "localIp": "192.0.2.1&192.0.2.2|192.0.2.3"}, "localIp has either & or |"),
        ({"host": "*", "localIp": "here"}, "'here' is no IP address"),
        ({"host": "*", "user": "nobody"}, "no such user nobody"),
        ({"host": "*", "remoteHost": "a.example", "remotePort": 0}, "The port is not between"),
        ({"host": "*", "remoteHost": "a.example", "smtpAuthLogin": "me"}, "A user name and a"),
    ],
)
def test_a_route_that_cannot_be(site: TMail, body: object, raw: str) -> None:
    reply = site.post("/routes", body)
    assert (reply.status, reply.json["msg"]) == (422, "unable to create new route")
    assert reply.json["raw"].startswith(raw)
    assert rows(site, "/routes") == []


def test_a_route_that_cannot_be_read(site: TMail) -> None:
    assert site.post("/routes", {"host": "*", "tls": "maybe"}).status == 400
    assert site.post("/routes", {"host": "*", "remotePort": "25"}).status == 400
    assert site.delete("/routes/first").status == 400


# -- hosts and networks


def test_domains(site: TMail) -> None:
    assert site.post("/rcpthosts/relay.example", b"").status == 201
    assert site.post("/rcpthosts/Local.example", {"isLocal": True}).status == 201
    assert site.post("/rcpthosts/other.example", {"aliasOf": "example.org"}).status == 201
    shown = {row.pop("Hostname"): row for row in rows(site, "/rcpthosts")}
    assert [(row["IsLocal"], row["IsAlias"], row["AliasOf"]) for row in shown.values()] == [
        (True, False, ""),
        (False, False, ""),
        (True, False, ""),
        (True, True, "example.org"),
    ]
    assert list(shown) == ["example.org", "relay.example", "local.example", "other.example"]
    assert site.delete("/rcpthosts/relay.example").status == 200
    failed(site.delete("/rcpthosts/relay.example"), 404, "no such rcpthost relay.example")
    reply = site.delete("/rcpthosts/example.org")
    assert (reply.status, reply.json["msg"]) == (422, "unable to remove rcpthost")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("example.org", {}),
        ("no%20domain", {}),
        ("a.example", {"aliasOf": "nowhere.example"}),
    ],
)
def test_a_domain_that_cannot_be(site: TMail, name: str, body: object) -> None:
    reply = site.post(f"/rcpthosts/{name}", body)
    assert (reply.status, reply.json["msg"]) == (422, "unable to create new rcpthost")
    assert reply.json["raw"]


@pytest.mark.parametrize("slash", ["/", "%2F", "%2f"])
def test_networks(site: TMail, slash: str) -> None:
    assert site.post(f"/relayips/192.0.2.0{slash}24", b"").status == 201
    assert site.post("/relayips/2001:db8::1", b"").status == 201
    assert rows(site, "/relayips") == [{"Ip": "192.0.2.0/24"}, {"Ip": "2001:db8::1/128"}]
    reply = site.post("/relayips/192.0.2.0/24", b"")
    assert (reply.status, reply.json["msg"]) == (422, "unable to create new relayip")
    assert site.delete(f"/relayips/192.0.2.0{slash}24").status == 200
    failed(site.delete("/relayips/192.0.2.0/24"), 404, "no such relayip 192.0.2.0/24")
    failed(site.delete("/relayips/here"), 404, "no such relayip here")
    assert site.post("/relayips/here", b"").status == 422


# -- keys


def test_keys_of_a_domain(site: TMail) -> None:
    assert rows(site, "/dkim/example.org") == []
    made = site.post("/dkim/example.org", b"").json
    assert {(row["Algorithm"], row["State"]) for row in made} == {
        ("rsa", "active"),
        ("ed25519", "active"),
    }
    for row in made:
        where = f"{row['Selector']}._domainkey.example.org. IN TXT "
        assert row["DnsRecord"].startswith(where)
        assert "PRIVATE" not in str(row)
    assert rows(site, "/dkim/example.org") == made
    assert site.delete("/dkim/example.org").status == 200
    assert {row["State"] for row in rows(site, "/dkim/example.org")} == {"paused"}
    assert site.delete("/dkim/example.org").status == 404
    assert {row["State"] for row in site.post("/dkim/example.org", b"").json} == {"active"}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_keys_of_no_domain(site: TMail, method: str) -> None:
    failed(site.ask(method, "/dkim/nowhere.example"), 404, "no such domain nowhere.example")


# -- who may call


CALLS = [
    *((method, "/aliases/a@example.org") for method in ("GET", "POST", "PUT", "DELETE")),
    *(("GET", path) for path in ("/aliases", "/routes", "/rcpthosts", "/relayips")),
    *((method, "/dkim/example.org") for method in ("GET", "POST", "DELETE")),
    *((method, "/rcpthosts/b.example") for method in ("POST", "DELETE")),
    *((method, "/relayips/192.0.2.1") for method in ("POST", "DELETE")),
    ("POST", "/routes"),
    ("DELETE", "/routes/1"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(("given", "status"), [("", 401), (basic(JOE), 403)])
def test_credentials(site: TMail, method: str, path: str, given: str, status: int) -> None:
    run(site.world.addresses.create("a@example.org", ACTOR, targets=[JOE]))
    body = {"host": "*"} if path == "/routes" else {"deliverTo": [ADMIN]}
    assert site.ask(method, path, body, authorization=given).status == status
    assert site.get("/aliases/a@example.org").json["DeliverTo"] == [JOE]
    assert rows(site, "/routes") == rows(site, "/relayips") == rows(site, "/dkim/example.org") == []
    assert len(rows(site, "/rcpthosts")) == 1
