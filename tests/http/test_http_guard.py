"""Who may come in: tokens in their three places, this machine, and pages that pretend to be it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from twisted.internet.address import IPv4Address, IPv6Address

from mailhub.core.rights import Role
from mailhub.model.errors import Unavailable
from tests.http.browsing import FOREIGN, Site, replies, with_token
from tests.support import run
from tests.world import ACTOR, world

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
        b"GET /users HTTP/1.1\r\nHost: localhost\r\n"
        b"X-Access-Token: %b\r\nX-Access-Token: %b\r\n\r\n" % (token, token)
    )
    assert reply.status == 403


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


# -- tokens of accounts and roles


@pytest.fixture
def peopled() -> Site:
    return Site(world=world(people=("joe@example.org", "ann@example.org")))


def issue(site: Site, name: str = "joe", role: Role = Role.USER) -> str:
    people = site.world.people
    account = people[f"{name}@example.org"] if role.is_personal else None
    return run(site.world.tokens.issue(account, role))[0]


@pytest.mark.parametrize("place", ["query", "x_access_token", "authorization"])
def test_an_accounts_token_opens_its_own_things_by_id_and_as_me(peopled: Site, place: str) -> None:
    token = issue(peopled)
    query = f"?accessToken={token}" if place == "query" else ""
    headers = {} if place == "query" else {place: token}
    if place == "authorization":
        headers[place] = f"Bearer {token}"
    joe, ann = (peopled.world.people[f"{name}@example.org"].id for name in ("joe", "ann"))
    for path, status in ((joe, 200), (joe.upper(), 200), ("me", 200), (ann, 403), ("0" * 24, 403)):
        reply = peopled.ask("GET", f"/users/{path}{query}", None, **headers)
        assert reply.status == status
        if status == 200:
            assert reply.json["id"] == joe
        else:
            assert reply.json["code"] == "MissingPrivileges"
    assert peopled.get(f"/users{query}", **headers).json["code"] == "MissingPrivileges"


def test_a_given_token_counts_even_where_none_is_needed(peopled: Site) -> None:
    assert peopled.get("/users").status == 200
    assert peopled.get("/users?accessToken=" + "0" * 40).json["code"] == "InvalidToken"
    assert peopled.get("/users", x_access_token="whatever").json["code"] == "InvalidToken"


def test_the_root_has_no_account_of_its_own(peopled: Site) -> None:
    assert peopled.get("/users/me").json["code"] == "InputValidationError"


def test_without_a_root_token_other_machines_stay_outside(peopled: Site) -> None:
    token = issue(peopled)
    reply = peopled.ask("GET", "/users/me", peer=FOREIGN, x_access_token=token)
    assert reply.json["code"] == "InvalidToken"
    peopled = Site(world=peopled.world, settings=with_token(TOKEN))
    assert peopled.ask("GET", "/users/me", peer=FOREIGN, x_access_token=token).status == 200


def test_the_journal_names_whose_token_it_was(peopled: Site) -> None:
    joe = peopled.world.people["joe@example.org"]
    reply = peopled.ask("PUT", "/users/me", {"name": "J"}, x_access_token=issue(peopled))
    assert reply.status == 200
    last = run(peopled.world.store.journal.since(0, limit=1000))[-1]
    assert (last.account, last.actor.account, last.actor.source) == (
        joe.number,
        joe.number,
        "http 127.0.0.1",
    )


def test_while_sessions_are_away_the_root_comes_in_and_others_shall_come_later(
    peopled: Site,
) -> None:
    token = issue(peopled)

    async def away(key: str) -> object:
        raise Unavailable

    peopled.world.store.sessions.get = away  # type: ignore[method-assign,assignment]
    reply = peopled.get("/users/me", x_access_token=token)
    assert (reply.status, reply.json["code"]) == (503, "ServiceUnavailable")
    assert int(reply.headers["retry-after"]) > 0
    assert peopled.get("/users").status == 200


@pytest.mark.parametrize("part", ["messages", "submit"])
def test_an_upload_ends_with_its_token(peopled: Site, part: str) -> None:
    joe = peopled.world.people["joe@example.org"]
    token = issue(peopled)
    boxes = peopled.get("/users/me/mailboxes", x_access_token=token).json["results"]
    path = f"/mailboxes/{boxes[0]['id']}/messages" if part == "messages" else "/submit"
    protocol, transport = peopled.connect()
    protocol.dataReceived(
        f"POST /users/me{path} HTTP/1.1\r\nHost: localhost\r\nX-Access-Token: {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{".encode()
    )
    assert transport.value() == b""
    run(peopled.world.accounts.end_sessions(joe.number, ACTOR))
    (reply,) = replies(transport.value())
    assert (reply.status, reply.json["code"]) == (403, "InvalidToken")
    assert peopled.world.watch.listening(joe.number) == 0
