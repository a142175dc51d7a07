"""tmail's queue calls as its document has them: each success and each failure."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

import pytest

from mailhub.model.errors import Unavailable
from mailhub.model.queue import QueueFilter
from tests.http.browsing import FOREIGN
from tests.http.tmail import ADMIN, JSON, TMail, basic, failed
from tests.queue_bench import ACTOR, LATER, QueueBench, bench
from tests.support import run
from tests.world import world

pytestmark = pytest.mark.thorough

JOE = "joe@example.org"
BEGAN = "2027-01-15T08:00:00Z"
"""When the tests' clock begins."""


class Queueing(TMail):
    """A site over a queue that runs."""

    def __init__(self, b: QueueBench, **more: Any) -> None:
        b.world.queue = b.queue
        super().__init__(world=b.world, **more)
        self.bench = b

    @property
    def recipients(self) -> list[str]:
        return [row["RcptTo"] for row in self.get("/queue").json]


@pytest.fixture
def site() -> Queueing:
    """Three recipients of two messages were tried once, and wait."""
    b = bench()
    for domain in ("example.net", "example.com"):
        b.outbound.says[domain] = [LATER]
    b.clock.step(-(b.clock.now() - datetime(2027, 1, 15, 8, tzinfo=UTC).timestamp()))
    b.submit("a@example.net", "b@example.com")
    b.submit("c@example.net", sender="someone@remote.example")
    return Queueing(b)


# -- GET


def test_a_message_has_every_field_of_the_document_and_in_its_order(site: Queueing) -> None:
    first = site.get("/queue").json[0]
    (entry, *_) = site.bench.waiting()
    token = entry.sender.transaction
    assert list(first.items()) == [
        ("Id", entry.number),
        ("Uuid", token),
        ("Key", f"{token}{entry.number:08x}"),
        ("MailFrom", JOE),
        ("AuthUser", JOE),
        ("RcptTo", "a@example.net"),
        ("MessageId", "1@example.org"),
        ("Host", "example.net"),
        ("LastUpdate", BEGAN),
        ("AddedAt", BEGAN),
        ("NextDeliveryScheduledAt", _time(entry.due)),
        ("Status", 2),
        ("DeliveryFailedCount", 1),
    ]
    assert re.fullmatch("[0-9a-f]{40}", first["Key"])
    assert entry.due > site.bench.clock.now()


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def test_a_row_for_each_recipient_one_uuid_for_each_message(site: Queueing) -> None:
    reply = site.get("/queue")
    assert (reply.status, reply.headers["content-type"]) == (200, JSON)
    first, second, third = reply.json
    assert [row["RcptTo"] for row in reply.json] == site.recipients
    assert first["Uuid"] == second["Uuid"] != third["Uuid"]
    assert len({row["Key"] for row in reply.json}) == 3
    assert [row["AuthUser"] for row in reply.json] == [JOE, JOE, ""]
    assert site.get(f"/queue/{third['Id']}").json == third


def test_an_empty_queue_is_an_empty_array() -> None:
    reply = Queueing(bench()).get("/queue")
    assert (reply.status, reply.body) == (200, b"[]")


def test_what_is_being_tried_has_status_0(site: Queueing) -> None:
    site.bench.outbound.stops.add("c@example.net")
    run(site.bench.queue.retry(QueueFilter(recipient="c@example.net"), ACTOR))
    site.bench.clock.advance(1)
    assert [row["Status"] for row in site.get("/queue").json] == [2, 2, 0]
    assert site.get(f"/queue/{site.get('/queue').json[2]['Id']}").json["Status"] == 0
    site.bench.outbound.release()
    row = site.get("/queue").json[2]
    assert (row["Status"], row["DeliveryFailedCount"]) == (2, 2)
    assert row["AddedAt"] == BEGAN < row["LastUpdate"]


def test_what_is_held_has_no_next_time(site: Queueing) -> None:
    run(site.bench.queue.hold(QueueFilter(recipient="a@example.net"), ACTOR))
    row = site.get("/queue").json[0]
    assert (row["Status"], row["NextDeliveryScheduledAt"]) == (2, "0001-01-01T00:00:00Z")


def test_the_name_of_a_user_who_is_gone_is_gone_too(site: Queueing) -> None:
    run(site.world.accounts.remove(site.world.people[JOE].number, ACTOR))
    assert [row["AuthUser"] for row in site.get("/queue").json] == ["", "", ""]


def test_the_queue_can_be_read_while_coordination_is_away(
    site: Queueing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: object, numbers: object) -> Awaitable[frozenset[int]]:
        raise Unavailable

    monkeypatch.setattr(type(site.bench.schedule), "leased", away)
    assert [row["Status"] for row in site.get("/queue").json] == [2, 2, 2]


def test_in_parts(site: Queueing) -> None:
    ids = [row["Id"] for row in site.get("/queue").json]
    first = site.get("/queue?limit=2")
    assert [row["Id"] for row in first.json] == ids[:2]
    assert first.headers["link"] == f'</queue?limit=2&cursor={ids[1]}>; rel="next"'
    rest = site.get(f"/queue?limit=2&cursor={ids[1]}")
    assert [row["Id"] for row in rest.json] == ids[2:]
    assert "link" not in rest.headers
    below = site.get("/tmail/queue?limit=1")
    assert below.headers["link"] == f'</tmail/queue?limit=1&cursor={ids[0]}>; rel="next"'


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=10001", "cursor=-1", "cursor=%ff"])
def test_parts_that_are_none(site: Queueing, query: str) -> None:
    reply = site.get(f"/queue?{query}")
    assert (reply.status, reply.json["msg"]) == (400, "bad request")


def test_ten_thousand_come_in_one_answer_and_the_rest_after_them() -> None:
    b = bench(start=False)
    for batch in range(11):
        b.submit(*(f"u{number}@example.net" for number in range(batch * 1000, batch * 1000 + 1000)))
    site = Queueing(b)
    reply = site.get("/queue")
    assert len(reply.json) == 10_000
    link = reply.headers["link"].partition(">")[0].removeprefix("<")
    rest = site.get(link)
    assert len(rest.json) == 1000
    assert "link" not in rest.headers
    assert len({row["Id"] for row in reply.json + rest.json}) == 11_000


# -- DELETE


def test_discard_drops_it_and_tells_nobody(site: Queueing) -> None:
    number = site.get("/queue").json[0]["Id"]
    reply = site.delete(f"/queue/discard/{number}")
    assert (reply.status, reply.body) == (200, b"")
    assert site.recipients == ["b@example.com", "c@example.net"]
    assert site.bench.mail(JOE) == []
    failed(site.delete(f"/queue/discard/{number}"), 404, f"no such message {number}")


def test_bounce_gives_it_up_at_once_and_its_sender_hears_of_it(site: Queueing) -> None:
    number = site.get("/queue").json[1]["Id"]
    reply = site.delete(f"/queue/bounce/{number}")
    assert (reply.status, reply.body) == (200, b"")
    assert site.recipients == ["a@example.net", "c@example.net"]
    (told,) = site.bench.mail(JOE)
    assert b"b@example.com" in told
    assert b"Action: failed\r\n" in told
    failed(site.delete(f"/queue/bounce/{number}"), 404, f"no such message {number}")


@pytest.mark.parametrize("act", ["discard", "bounce"])
def test_who_did_it_is_on_record(site: Queueing, act: str) -> None:
    number = site.get("/queue").json[0]["Id"]
    site.delete(f"/queue/{act}/{number}")
    rows = run(site.world.store.journal.since(0, limit=1000))
    row = [row for row in rows if row.kind in ("discarded", "failed", "bounced")][-1]
    admin = run(site.world.accounts.by_name(ADMIN)).number
    assert (row.actor.account, row.actor.source) == (admin, "http 127.0.0.1")


@pytest.mark.parametrize("act", ["discard", "bounce"])
def test_what_is_being_tried_cannot_be_changed(site: Queueing, act: str) -> None:
    site.bench.outbound.stops.add("c@example.net")
    run(site.bench.queue.retry(QueueFilter(recipient="c@example.net"), ACTOR))
    site.bench.clock.advance(1)
    number = site.get("/queue").json[2]["Id"]
    text = "delivery in progress, message status can't be changed"
    failed(site.delete(f"/queue/{act}/{number}"), 422, text)
    site.bench.outbound.release()
    assert site.delete(f"/queue/{act}/{number}").status == 200


# -- numbers


CALLS = [("GET", "/queue/"), ("DELETE", "/queue/discard/"), ("DELETE", "/queue/bounce/")]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    "number", ["999", "0", "-1", "9223372036854775807", "9223372036854775808", "9" * 40]
)
def test_a_number_that_nothing_has(site: Queueing, method: str, path: str, number: str) -> None:
    failed(site.ask(method, path + number), 404, f"no such message {number}")
    assert len(site.recipients) == 3


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("number", ["x", "1x", "1.0", "%D9%A1", "0x1", "1%0a", "9" * 41, "%20"])
def test_what_is_no_number(site: Queueing, method: str, path: str, number: str) -> None:
    reply = site.ask(method, path + number)
    failed(reply, 400, "bad request", "the id of a message is a whole number")


# -- who may call


@pytest.mark.parametrize(("method", "path"), [("GET", "/queue"), *((m, p + "1") for m, p in CALLS)])
@pytest.mark.parametrize(
    ("given", "status"),
    [("", 401), (basic(ADMIN, "wrong"), 401), (basic(JOE), 403), ("Bearer x", 401)],
)
def test_credentials(site: Queueing, method: str, path: str, given: str, status: int) -> None:
    reply = site.ask(method, path, authorization=given)
    assert reply.status == status
    assert set(reply.json) == {"msg", "raw"}
    assert len(site.recipients) == 3


def test_nobody_is_told_which_numbers_there_are() -> None:
    site = TMail(world=world(), peer=FOREIGN)
    for path in ("/queue/1", "/queue/x"):
        assert site.get(path, authorization="").status == 401
