"""Who may come in: tokens in their three places, this machine, and pages that pretend to be it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from twisted.internet.address import IPv4Address, IPv6Address

from tests.http.browsing import FOREIGN, Site, with_token

TOKEN = "s3cret тoken"


@pytest.fixture
def guarded() -> Site:
    return Site(settings=with_token(TOKEN))


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (f"?accessToken={quote(TOKEN)}", {}),
        ("", {"x_access_token": TOKEN}),
        ("", {"authorization": f"Bearer {TOKEN}"}),
        ("", {"authorization": f"bearer {TOKEN}"}),
        (f"?accessToken={quote(TOKEN)}", {"x_access_token": TOKEN}),
    ],
)
def test_the_token_opens_from_anywhere(guarded: Site, query: str, headers: dict[str, str]) -> None:
    reply = guarded.ask("GET", f"/users{query}", peer=FOREIGN, **headers)
    assert reply.status == 200


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {}),
        ("?accessToken=", {}),
        ("?accessToken=wrong", {}),
        (f"?accesstoken={quote(TOKEN)}", {}),
        ("", {"x_access_token": TOKEN + "x"}),
        ("", {"x_access_token": TOKEN[:-1]}),
        ("", {"authorization": f"Basic {TOKEN}"}),
        ("", {"authorization": "Bearer"}),
        ("", {"authorization": "Bearer "}),
        (f"?accessToken={quote(TOKEN)}", {"x_access_token": "wrong"}),
        ("?accessToken=wrong", {"x_access_token": TOKEN}),
    ],
)
def test_nothing_else_does(guarded: Site, query: str, headers: dict[str, str]) -> None:
    reply = guarded.get(f"/users{query}", **headers)
    assert (reply.status, reply.json) == (
        403,
        {"error": "Invalid accessToken value", "code": "InvalidToken"},
    )


def test_a_repeated_header_is_no_token(guarded: Site) -> None:
    token = TOKEN.encode()
    (reply,) = guarded.raw(
        b"GET /users HTTP/1.1\r\nHost: a\r\nX-Access-Token: %b\r\nX-Access-Token: %b\r\n\r\n"
        % (token, token)
    )
    assert reply.status == 403


@pytest.mark.parametrize("call", [
    ("GET", "/users"), ("POST", "/users"), ("GET", "/users/x"), ("PUT", "/users/x"),
    ("DELETE", "/users/x"), ("GET", "/addresses"), ("GET", "/users/x/addresses"),
    ("POST", "/users/x/addresses"), ("GET", "/users/x/addresses/y"),
    ("PUT", "/users/x/addresses/y"), ("DELETE", "/users/x/addresses/y"),
    ("POST", "/authenticate"), ("GET", "/metrics"),
])  # fmt: skip
def test_every_call_is_guarded_before_it_reads_anything(
    guarded: Site, call: tuple[str, str]
) -> None:
    body = {"x": 1} if call[0] in ("POST", "PUT") else None
    for prefix in ("", "/wildduck") if call[1] != "/metrics" else ("",):
        reply = guarded.ask(call[0], prefix + call[1], body)
        assert (reply.status, reply.json["error"]) == (403, "Invalid accessToken value")


def test_the_table_above_is_whole() -> None:
    """A new call has to be added to it."""
    guarded = Site(settings=with_token(TOKEN))
    resource = guarded.factory.resource
    rules = {
        (method, rule.rule)
        for rule in resource._app.url_map.iter_rules()
        for method in rule.methods - {"HEAD"}
        if not rule.rule.startswith(("/wildduck", "/tmail", "/health"))
    }
    assert len(rules) == 13


LOCAL_PEERS = [IPv4Address("TCP", "127.0.0.1", 1), IPv4Address("TCP", "127.9.9.9", 1),
               IPv6Address("TCP", "::1", 1)]  # fmt: skip


@pytest.mark.parametrize("peer", LOCAL_PEERS)
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_without_a_token_this_machine_comes_in(peer: IPv4Address, host: str) -> None:
    assert Site().ask("GET", "/users", peer=peer, host=host).status == 200


@pytest.mark.parametrize("address", ["192.0.2.7", "128.0.0.1", "10.0.0.1"])
def test_without_a_token_another_machine_does_not(address: str) -> None:
    peer = IPv4Address("TCP", address, 40000)
    assert Site().ask("GET", "/users", peer=peer).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "rebound.example"},
        {"host": "localhost.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_without_a_token_a_web_page_does_not_come_in(headers: dict[str, str]) -> None:
    assert Site().get("/users", **headers).status == 403
