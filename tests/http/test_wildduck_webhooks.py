"""WildDuck's /webhooks and /updates as its clients call them."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.http.browsing import Site
from tests.world import world

JOE = "joe@example.org"
NOBODY = "0" * 24


@pytest.fixture
def site() -> Site:
    return Site(world(people=(JOE,)))


def make(site: Site, **fields: Any) -> Any:
    given = {"type": ["*"], "url": "https://hooks.example/x"} | fields
    reply = site.post("/webhooks", given)
    assert reply.status == 200, reply.body
    return reply.json


def test_one_is_made_listed_and_removed(site: Site) -> None:
    joe = site.world.people[JOE].id
    made = make(site, type="message.*, user.created", user=joe)
    assert made["success"] is True
    assert made["secret"].startswith("whsec_")
    listed = site.get("/webhooks").json
    (shown,) = listed["results"]
    assert (listed["total"], listed["page"], listed["nextCursor"]) == (1, 1, False)
    assert shown["id"] == made["id"]
    assert shown["type"] == ["message.*", "user.created"]
    assert (shown["user"], shown["url"]) == (joe, "https://hooks.example/x")
    assert "secret" not in shown
    assert site.delete(f"/webhooks/{made['id']}").json == {"success": True}
    assert site.get("/webhooks").json["results"] == []


def test_lists_have_pages_and_filters(site: Site) -> None:
    joe = site.world.people[JOE].id
    ids = [make(site)["id"] for _ in range(5)]
    mine = make(site, user=joe, type=["message.*"])["id"]
    first = site.get("/webhooks?limit=4").json
    assert [one["id"] for one in first["results"]] == ids[:4]
    second = site.get(f"/webhooks?limit=4&next={first['nextCursor']}&page=2").json
    assert [one["id"] for one in second["results"]] == [ids[4], mine]
    assert second["nextCursor"] is False
    back = site.get(f"/webhooks?limit=4&previous={second['previousCursor']}").json
    assert [one["id"] for one in back["results"]] == ids[:4]
    assert [one["id"] for one in site.get(f"/webhooks?user={joe}").json["results"]] == [mine]
    assert site.get("/webhooks?type=message.*").json["total"] == 6
    assert site.get("/webhooks?type=user.created").json["total"] == 5


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": ["*"]}, "url"),
        ({"url": "https://a.example/"}, "type"),
        ({"url": "https://a.example/", "type": []}, "type"),
        ({"url": "https://a.example/", "type": ["No Type"]}, "type"),
        ({"url": "https://10.0.0.1/", "type": ["*"]}, "url"),
        ({"url": "http://0x7f.1/", "type": ["*"]}, "url"),
        ({"url": "https://a@b.example/", "type": ["*"]}, "url"),
        ({"url": "https://a.example/", "type": ["*"], "user": "joe"}, "user"),
        ({"url": "https://a.example/", "type": ["*"], "colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_made(site: Site, body: dict[str, Any], field: str) -> None:
    reply = site.post("/webhooks", body)
    assert (reply.status, reply.json["code"]) == (400, "InputValidationError")
    assert list(reply.json["details"]) == [field]


def test_whom_nobody_knows(site: Site) -> None:
    reply = site.post("/webhooks", {"url": "https://a.example/", "type": ["*"], "user": NOBODY})
    assert (reply.status, reply.json["code"]) == (404, "UserNotFound")
    reply = site.delete(f"/webhooks/{NOBODY}")
    assert (reply.status, reply.json["code"]) == (404, "WebhookNotFound")
    assert site.delete("/webhooks/x").json["code"] == "InputValidationError"


# -- updates


def test_updates_are_a_stream(site: Site) -> None:
    joe = site.world.people[JOE].id
    protocol, transport = site.connect()
    protocol.dataReceived(f"GET /users/{joe}/updates HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    site.reactor.advance(0.1)
    head, _, rest = transport.value().partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert "Content-Type: text/event-stream" in lines
    assert "Cache-Control: no-store" in lines
    assert b": hello\n" in rest
    site.world.deliver(JOE, b"Subject: x\r\n\r\n")
    for _ in range(5):
        site.reactor.advance(0.1)
    assert b'data: {"command":"EXISTS"' in transport.value()
    assert site.feeds.listening == 1
    protocol.connectionLost(Failure(ConnectionDone()))
    assert site.feeds.listening == 0


@pytest.mark.parametrize("where", ["header", "lastEventId", "Last-Event-ID"])
def test_where_it_goes_on_stands_in_the_header_or_the_query(site: Site, where: str) -> None:
    joe = site.world.people[JOE].id
    given = {"last_event_id": "nonsense"} if where == "header" else {}
    query = "" if where == "header" else f"?{where}=nonsense"
    reply = site.get(f"/users/{joe}/updates{query}", **given)
    assert (reply.status, reply.json["code"]) == (400, "InputValidationError")
    assert list(reply.json["details"]) == ["Last-Event-ID"]


def test_nobody_is_listened_to(site: Site) -> None:
    assert site.get(f"/users/{NOBODY}/updates").json["code"] == "UserNotFound"
