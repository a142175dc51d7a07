"""Acts on mail that waits, and on suppressed recipients."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.control.acts import PAGE, Arguments
from mailhub.control.catalog import ACTS, READS
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.queue import Onward, QueueSender, Slot
from tests.acting import services
from tests.contract.stores import rendered
from tests.queue_bench import ACTOR, LATER, MESSAGE, QueueBench, bench
from tests.support import run

JOE = "joe@example.org"


class Desk:
    """Asks one act after the other."""

    def __init__(self, b: QueueBench) -> None:
        self.bench = b
        self.services = services(b.world)
        self.services.queue._schedule = b.schedule  # type: ignore[assignment]

    def ask(self, act: str, **arguments: Any) -> Any:
        return run(ACTS[act](self.services, Arguments(arguments)))  # type: ignore[arg-type]

    def read(self, act: str, **arguments: Any) -> bytes:
        async def whole() -> bytes:
            items = READS[act](self.services, Arguments(arguments))
            return b"".join([data or b"" async for _, data in items])

        return run(whole())

    def numbers(self, **arguments: Any) -> list[int]:
        return [one["number"] for one in self.ask("queue-list", **arguments)["entries"]]


@pytest.fixture
def desk() -> Desk:
    """Three recipients of two messages, tried once."""
    b = bench()
    for domain in ("example.net", "example.com"):
        b.outbound.says[domain] = [LATER]
    b.submit("a@example.net", "b@example.net")
    b.clock.advance(60)
    b.submit("c@example.com", message=MESSAGE + b"." * 400_000)
    return Desk(b)


def test_lists_in_pages(desk: Desk) -> None:
    first = desk.ask("queue-list", limit=2)
    assert ([one["recipient"] for one in first["entries"]], first["total"]) == (
        ["a@example.net", "b@example.net"],
        3,
    )
    rest = desk.ask("queue-list", limit=2, after=first["entries"][-1]["number"])
    assert [one["recipient"] for one in rest["entries"]] == ["c@example.com"]
    (one,) = rest["entries"]
    assert (one["sender"], one["destination"], one["attempts"]) == (JOE, "example.com", 1)
    assert (one["status"], one["reply"], one["held"], one["trying"]) == (
        "4.3.0",
        "451 later",
        False,
        False,
    )
    for limit in (0, PAGE + 1):
        with pytest.raises(Invalid):
            desk.ask("queue-list", limit=limit)


def test_what_narrows_a_list(desk: Desk) -> None:
    a, b, c = desk.numbers()
    created = desk.ask("queue-show", number=c)["created"]
    for arguments, found in (
        ({"numbers": [c, a]}, [a, c]),
        ({"sender": "JOE@example.org"}, [a, b, c]),
        ({"sender": ""}, []),
        ({"recipient": "B@Example.net"}, [b]),
        ({"domain": "example.net"}, [a, b]),
        ({"before": created}, [a, b]),
        ({"held": True}, []),
        ({"held": False, "query": "@example.c"}, [c]),
        ({"message": desk.ask("queue-show", number=a)["message"]}, [a, b]),
    ):
        assert desk.numbers(**arguments) == found, arguments
        assert desk.ask("queue-count", **arguments)["total"] == len(found)
    with pytest.raises(Invalid):
        desk.ask("queue-list", numbers=[])


def test_shows_every_try(desk: Desk) -> None:
    a = desk.numbers()[0]
    desk.bench.clock.advance(400)
    shown = desk.ask("queue-show", number=a)
    assert (shown["attempts"], len(shown["history"])) == (2, 2)
    first, second = shown["history"]
    assert (first["reply"], first["status"], first["remote"], first["tls"]) == (
        "451 later",
        "4.3.0",
        "mx.example.net [192.0.2.1]",
        "TLSv1.3",
    )
    assert first["due"] <= second["at"] < second["due"] == shown["due"]
    assert (shown["user"], shown["submitted"], shown["mailbox_of"]) == (JOE, True, "")
    with pytest.raises(NotFound):
        desk.ask("queue-show", number=999)


def test_what_is_being_tried_is_said(desk: Desk) -> None:
    a = desk.numbers()[0]
    run(desk.bench.schedule.put([Slot(a, 0, "example.net")]))
    run(desk.bench.schedule.claim([a], 60.0))
    assert [one["trying"] for one in desk.ask("queue-list")["entries"]] == [True, False, False]
    assert desk.ask("queue-show", number=a)["trying"] is True


def test_where_mail_would_go(desk: Desk) -> None:
    a, _, c = desk.numbers()
    desk.bench.world.resolver.set("example.net", "MX", [(10, "mx1.example.net")])
    desk.bench.world.resolver.set("mx1.example.net", "A", ["8.8.4.4"])
    way = desk.ask("queue-way", number=a)
    assert (way["kind"], way["refusal"]) == ("mx", None)
    (server,) = way["servers"]
    assert (server["host"], server["addresses"], server["port"]) == (
        "mx1.example.net",
        ["8.8.4.4"],
        25,
    )
    refused = desk.ask("queue-way", number=c)
    assert (refused["servers"], refused["refusal"]["status"]) == ([], "5.1.2")
    made = desk.ask(
        "route-add", destination="*", sender="example.org", host="[8.8.8.8]", port=587,
        username="me", password="Very-Secret", tls="required",
    )  # fmt: skip
    desk.services.ways._until = 0.0
    way = desk.ask("queue-way", number=c)
    assert (way["kind"], way["routes"]) == ("route", [made["number"]])
    (server,) = way["servers"]
    assert (server["port"], server["tls"], server["login"]) == (587, "required", "me")
    assert "Very-Secret" not in str(way)


def test_mail_that_ends_here_goes_to_no_server() -> None:
    b = bench()
    until = int(b.clock.now()) + 1000
    b.submit(JOE, hold_until=until)
    desk = Desk(b)
    (number,) = desk.numbers()
    assert desk.ask("queue-way", number=number)["kind"] == "mailbox"
    assert desk.ask("queue-show", number=number)["mailbox_of"] == JOE


def test_acts_on_what_is_meant(desk: Desk) -> None:
    a, b, c = desk.numbers()
    assert desk.ask("queue-hold", domain="example.net") == {"done": 2, "busy": 0}
    assert desk.numbers(held=True) == [a, b]
    assert desk.ask("queue-release", numbers=[a])["done"] == 1
    assert desk.ask("queue-retry", numbers=[a, b, c])["done"] == 3
    desk.bench.clock.advance(1)
    assert [len(desk.ask("queue-show", number=one)["history"]) for one in (a, b, c)] == [2, 1, 2]
    route = desk.ask("route-add", destination="x.example", host="8.8.8.8")["number"]
    assert desk.ask("queue-reroute", numbers=[c], route=route)["done"] == 1
    assert desk.ask("queue-show", number=c)["route"] == route
    assert desk.ask("queue-reroute", numbers=[c], route=0)["done"] == 1
    with pytest.raises(NotFound):
        desk.ask("queue-reroute", numbers=[c], route=99)
    assert desk.ask("queue-discard", numbers=[b])["done"] == 1
    assert desk.ask("queue-bounce", recipient="a@example.net", reason="Not wanted")["done"] == 1
    assert b"X-mailhub; Not wanted\r\n" in desk.bench.mail(JOE)[0]
    assert desk.ask("queue-purge") == {"done": 1, "busy": 0}
    assert desk.numbers() == []
    with pytest.raises(NotFound):
        desk.ask("queue-hold", all=True)


@pytest.mark.parametrize("act", ["hold", "release", "retry", "discard", "bounce"])
def test_everything_is_meant_only_where_that_is_said(desk: Desk, act: str) -> None:
    with pytest.raises(Invalid):
        desk.ask(f"queue-{act}")
    if act in ("discard", "bounce"):
        with pytest.raises(Invalid):
            desk.ask(f"queue-{act}", all=True)
    else:
        assert desk.ask("queue-hold", all=True)["done"] == 3
        assert desk.ask(f"queue-{act}", all=True)["done"] == 3


def test_a_reason_is_one_line(desk: Desk) -> None:
    with pytest.raises(Invalid):
        desk.ask("queue-bounce", numbers=desk.numbers(), reason="a\r\nBcc: b")


def test_the_message_whole_and_its_header(desk: Desk) -> None:
    a, _, c = desk.numbers()
    whole = desk.read("queue-message", number=c)
    assert whole.startswith(b"Received: ")
    assert whole.endswith(b"." * 400_000)
    header = desk.read("queue-message", number=a, header=True)
    assert header.endswith(b"Message-ID: <1@example.org>\r\n\r\n")
    assert desk.read("queue-message", number=a) == header + b"body\r\n"
    with pytest.raises(NotFound):
        desk.read("queue-message", number=999)


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (b"\r\nbody", b"\r\n"),
        (b"A: b\r\n\r\n" + b"c" * 300_000, b"A: b\r\n\r\n"),
        # The empty line lies across the border of two pieces.
        *((b"A: " + b"b" * n + b"\r\n\r\nc", b"A: " + b"b" * n + b"\r\n\r\n")
          for n in range(256 * 1024 - 8, 256 * 1024 - 2)),
        (b"A: b\r\n", b"A: b\r\n"),
    ],
)  # fmt: skip
def test_where_a_header_ends(data: bytes, header: bytes) -> None:
    b = bench(start=False)
    spool = b.world.store.spools.open(data)
    desk = Desk(b)
    envelope = b.world.envelope("x@far.example")
    run(
        b.world.store.messages.deliver(
            envelope.transaction, spool.finish(), rendered(), [], QueueSender(JOE),
            [Onward("x@far.example")], ACTOR,
        )
    )  # fmt: skip
    (number,) = desk.numbers()
    assert desk.read("queue-message", number=number, header=True) == header
    assert desk.read("queue-message", number=number) == data


def test_suppressed_recipients(desk: Desk) -> None:
    added = desk.ask("suppression-add", address="Old@Example.net", reason="Left the company")
    assert (added["address"], added["until"]) == ("old@example.net", 0)
    assert desk.ask("suppression-list")["suppressions"] == [added]
    desk.bench.clock.leap(100 * 86400)
    desk.bench.submit("old@example.net")
    assert b"Left the company" in desk.bench.mail(JOE)[-1]
    assert desk.ask("suppression-list", after="old@example.net")["suppressions"] == []
    desk.ask("suppression-remove", address="OLD@example.net")
    assert desk.ask("suppression-list")["suppressions"] == []
    with pytest.raises(NotFound):
        desk.ask("suppression-remove", address="old@example.net")
    for address, reason in (("nonsense", ""), ("a@b.example", "two\nlines")):
        with pytest.raises(Invalid):
            desk.ask("suppression-add", address=address, reason=reason)
