"""The queue of every store: what waits, in which order it is read, and an administrator's acts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mailhub.model.change import Dequeued, Queued
from mailhub.model.errors import NotFound
from mailhub.model.queue import (
    PROGRAM_LANE,
    Attempt,
    AttemptResult,
    Onward,
    QueueEntry,
    QueueFilter,
    QueueSender,
    Slot,
    Suppression,
)
from mailhub.model.route import Route
from tests.contract.stores import ACTOR, MESSAGE, House, TextBody, rendered

ANN = QueueSender("Ann@Home.example")


def send(
    house: House, *onward: Onward | str, sender: QueueSender = ANN, data: bytes = MESSAGE
) -> list[QueueEntry]:
    """Queues a message; its entries."""
    before = list_of(house)
    orders = [Onward(one) if isinstance(one, str) else one for one in onward]
    house.ask(
        house.store.messages.deliver(
            house.token(), TextBody(data), rendered(), [], sender, orders, ACTOR
        )
    )
    return list_of(house)[len(before) :]


def list_of(house: House, wanted: QueueFilter | None = None) -> list[QueueEntry]:
    page, total = house.ask(house.store.queue.page(limit=1_000_000, wanted=wanted))
    assert total == len(page)
    return list(page)


def numbers(entries: Sequence[QueueEntry]) -> list[int]:
    return [entry.number for entry in entries]


def gone(entry: int) -> Attempt:
    return Attempt(entry, 1, AttemptResult.DELIVERED, "2.0.0", "250 ok")


def test_an_entry_knows_what_was_said_of_tls(house: House) -> None:
    for sender in (replace(ANN, require_tls=True), replace(ANN, tls_optional=True), ANN):
        [entry] = send(house, "bob@far.example", sender=sender)
        assert entry.sender == sender


def test_an_entry_has_all_that_was_ordered(house: House) -> None:
    sender = QueueSender(
        "Ann@Home.example", "FULL", "env", "8BITMIME", True, 7, "token", "<id@x>", True, True
    )
    order = Onward("Bob@Far.example", ("NEVER",), "rfc822;bob", 90, home=4)
    [entry] = send(house, order, sender=sender)
    assert entry == QueueEntry(
        number=entry.number,
        message=entry.message,
        sender=sender,
        recipient="Bob@Far.example",
        notify=("NEVER",),
        orcpt="rfc822;bob",
        size=len(MESSAGE),
        created=int(house.clock.now()),
        due=90,
        attempts=0,
        lane="far.example",
        home=4,
    )
    [message] = house.ask(house.store.queue.messages([entry.message]))
    assert (message.number, message.sender, message.size) == (entry.message, sender, len(MESSAGE))
    assert message.created == entry.created
    assert house.ask(house.blobs.read([message.blob])) == [MESSAGE]


def test_a_lease_gets_all_that_it_needs_at_once(house: House) -> None:
    [one, two] = send(house, "One@far.example", "two@far.example")
    [other] = send(house, "three@far.example", sender=QueueSender("ann@home.example"))
    listed = Suppression("one@far.example", "5.1.1", "who?", 7)
    house.ask(house.store.routes.suppress(listed, ACTOR))
    house.ask(house.store.routes.suppress(Suppression("x@far.example", "", "", 7), ACTOR))
    queue = house.store.queue
    numbers = [other.number, two.number, one.number, 999]
    loaded = house.ask(queue.load(numbers, each=len(MESSAGE), together=1 << 20))
    assert loaded.entries == house.ask(queue.entries(numbers)) == [one, two, other]
    assert list(loaded.messages.values()) == house.ask(queue.messages([one.message, other.message]))
    assert loaded.data == {one.message: MESSAGE, other.message: MESSAGE}
    assert loaded.suppressed == [listed]
    for each, together, there in ((len(MESSAGE) - 1, 1 << 20, 0), (1 << 20, len(MESSAGE), 1)):
        loaded = house.ask(queue.load(numbers, each=each, together=together))
        assert len(loaded.data) == there
        assert len(loaded.messages) == 2
    assert not house.ask(queue.load([], each=1, together=1)).entries


@pytest.mark.parametrize(
    "sender",
    [
        QueueSender("ann@home.example", "HDRS", "id", "8BITMIME", True, 3, "t", "<m@x>", True),
        QueueSender("", local=True),
        QueueSender("ann@home.example", tls_optional=True),
        QueueSender("ann@home.example", require_tls=True, tls_optional=True),
        QueueSender("a\ud800@x\0", envid="e\0"),
    ],
)
def test_fresh_mail_is_what_would_be_read(house: House, sender: QueueSender) -> None:
    queue = house.store.queue
    house.ask(queue.load([], each=1, together=1))  # after which fresh mail is not read
    orders = (
        "One@Far.example",
        Onward("two@far.example", ("SUCCESS", "FAILURE"), "rfc822;two", home=4),
        Onward("list@home.example", lane=PROGRAM_LANE, sender="list@home.example"),
        "b\udfff@y.example",
        Onward("later@far.example", due=int(house.clock.now()) + 9),
    )
    for order in orders:
        [entry] = send(house, order, sender=sender)
        known = len(queue.fresh)
        loaded = house.ask(queue.load([entry.number], each=1 << 17, together=1 << 17))
        assert loaded.entries == [entry]
        assert list(loaded.messages.values()) == house.ask(queue.messages([entry.message]))
        assert loaded.data == {entry.message: MESSAGE}
        assert len(queue.fresh) == 0
        plain = str(order).isascii() and sender.address.isprintable()
        if isinstance(order, str) and plain and not (sender.require_tls and sender.tls_optional):
            assert known == 1
    again = house.ask(queue.load([entry.number], each=1 << 17, together=1 << 17))
    assert again == loaded


@pytest.mark.parametrize(
    ("recipient", "lane"),
    [
        ("bob@Far.EXAMPLE", "far.example"),
        ("bob@bücher.example", "xn--bcher-kva.example"),
        ("bob@[192.0.2.1]", "[192.0.2.1]"),
        ('"a@b"@far.example', "far.example"),
        ("no address", "no address"),
        ("bad@-Far-.example", "-far-.example"),
    ],
)
def test_a_lane_is_the_recipients_domain(house: House, recipient: str, lane: str) -> None:
    [entry] = send(house, recipient)
    assert (entry.recipient, entry.lane) == (recipient, lane)
    assert list_of(house, QueueFilter(recipient=recipient)) == [entry]
    assert house.ask(house.store.queue.slots()) == [Slot(entry.number, 0, lane)]


def test_a_lane_may_be_named(house: House) -> None:
    [entry] = send(house, Onward("list@home.example", lane=PROGRAM_LANE))
    assert entry.lane == PROGRAM_LANE
    assert list_of(house, QueueFilter(domain=PROGRAM_LANE)) == [entry]
    assert list_of(house, QueueFilter(recipient="list@home.example")) == [entry]
    [queued] = [change for change in house.changes if isinstance(change, Queued)]
    assert queued.slots == (Slot(entry.number, 0, PROGRAM_LANE),)


def test_recipients_of_a_list_have_its_sender(house: House) -> None:
    entries = send(
        house,
        "one@far.example",
        Onward("two@far.example", sender="list@home.example"),
        Onward("three@far.example", sender=""),
        "four@far.example",
        sender=QueueSender("ann@home.example", transaction="t"),
    )
    assert {entry.recipient: entry.sender.address for entry in entries} == {
        "one@far.example": "ann@home.example",
        "two@far.example": "list@home.example",
        "three@far.example": "",
        "four@far.example": "ann@home.example",
    }
    assert {entry.sender.transaction for entry in entries} == {"t"}
    assert len(list_of(house, QueueFilter(sender="list@home.example"))) == 1
    # One blob for all of them, which stays until the last one is gone.
    messages = house.ask(house.store.queue.messages([entry.message for entry in entries]))
    assert len({message.number for message in messages}) == 3
    [blob] = {message.blob for message in messages}
    for entry in entries:
        assert house.ask(house.blobs.read([blob])) == [MESSAGE]
        assert not house.ask(house.store.queue.record(1, [gone(entry.number)], (), ACTOR))
    assert house.ask(house.store.queue.messages([one.number for one in messages])) == []


def test_text_that_no_database_takes_is_kept_as_well_as_can_be(house: House) -> None:
    sender = QueueSender("a\ud800@x\0", envid="e\0", message_id="<\ud800>")
    [entry] = send(house, Onward("b\udfff@y\0.example", orcpt="o\0"), sender=sender)
    assert entry.recipient == "b?@y.example"
    assert (entry.lane, entry.orcpt) == ("y.example", "o")
    assert (entry.sender.address, entry.sender.envid) == ("a?@x", "e")


# -- filters and pages


def filled(house: House) -> dict[str, QueueEntry]:
    """A queue with some of everything, by recipient."""
    send(house, "one@far.example", "Two@FAR.example", "three@near.example")
    house.clock.advance(100)
    send(house, "four@far.example", sender=QueueSender(""))
    house.clock.advance(100)
    send(house, "five_%@near.example", sender=QueueSender("bob@home.example"))
    found = {entry.recipient: entry for entry in list_of(house)}
    assert house.ask(house.store.queue.hold([found["four@far.example"].number], True, ACTOR)) == 1
    return {entry.recipient: entry for entry in list_of(house)}


FILTERS = [
    ({}, "one two three four five"),
    ({"sender": "ANN@home.example"}, "one two three"),
    ({"sender": ""}, "four"),
    ({"sender": "carl@home.example"}, ""),
    ({"recipient": "tWo@far.example"}, "two"),
    ({"domain": "FAR.example"}, "one two four"),
    ({"domain": "else.example"}, ""),
    ({"held": True}, "four"),
    ({"held": False}, "one two three five"),
    ({"query": "near"}, "three five"),
    ({"query": "BOB@"}, "five"),
    ({"query": "_%"}, "five"),
    ({"sender": "ann@home.example", "domain": "far.example"}, "one two"),
    ({"sender": "ann@home.example", "query": "three", "held": False}, "three"),
    ({"domain": "far.example", "held": True}, "four"),
]


@pytest.mark.parametrize(("narrowed", "names"), FILTERS, ids=lambda one: str(one))
def test_a_filter_narrows(house: House, narrowed: dict[str, object], names: str) -> None:
    filled(house)
    found = list_of(house, QueueFilter(**narrowed))  # type: ignore[arg-type]
    assert " ".join(one.recipient.partition("@")[0].lower().strip("_%") for one in found) == names
    # The same in pages of one; the total stays.
    after, seen = 0, []
    while page := house.ask(
        house.store.queue.page(
            after=after,
            limit=1,
            wanted=QueueFilter(**narrowed),  # type: ignore[arg-type]
        )
    )[0]:
        seen += page
        after = page[-1].number
    assert seen == found


def test_a_filter_by_number_message_and_age(house: House) -> None:
    known = list(filled(house).values())
    chosen = (known[3].number, known[0].number, 999)
    assert list_of(house, QueueFilter(numbers=chosen)) == [known[0], known[3]]
    assert list_of(house, QueueFilter(message=known[0].message)) == known[:3]
    assert list_of(house, QueueFilter(before=known[3].created)) == known[:3]
    assert list_of(house, QueueFilter(before=known[3].created + 1)) == known[:4]


def test_pages_go_on_while_entries_go(house: House) -> None:
    send(house, *(f"r{place}@far.example" for place in range(30)))
    send(house, *(f"s{place}@far.example" for place in range(30)), sender=QueueSender("bob@x"))
    for wanted in (None, QueueFilter(sender="ann@home.example"), QueueFilter(domain="far.example")):
        known = list_of(house, wanted)
        after, seen = 0, []
        while True:
            page, total = house.ask(house.store.queue.page(after=after, limit=7, wanted=wanted))
            assert total == len(known) - len(seen)
            if not page:
                break
            seen += page
            after = page[-1].number
            # What was just shown goes, the last one shown too.
            attempts = [gone(entry.number) for entry in page]
            assert not house.ask(house.store.queue.record(1, attempts, (), ACTOR))
        assert seen == known
        send(house, *(f"t{place}@far.example" for place in range(20)))


def test_entries_and_messages_by_number(house: House) -> None:
    first = send(house, "a@x.example", "b@x.example")
    second = send(house, "c@x.example")
    queue = house.store.queue
    chosen = [second[0].number, first[0].number, first[0].number, 77]
    assert house.ask(queue.entries(chosen)) == [first[0], second[0]]
    assert house.ask(queue.entries([])) == []
    found = house.ask(queue.messages([second[0].message, first[0].message, 77]))
    assert [one.number for one in found] == [first[0].message, second[0].message]
    assert house.ask(queue.messages([])) == []


def test_ten_thousand_entries(house: House) -> None:
    for start in range(0, 10_000, 1000):
        orders = [
            Onward(f"r{place}@d{place % 7}.example", due=place)
            for place in range(start, start + 1000)
        ]
        house.ask(
            house.store.messages.deliver(
                house.token(), TextBody(MESSAGE), rendered(), [], ANN, orders, ACTOR
            )
        )
    queue = house.store.queue
    assert house.ask(queue.count()) == 10_000
    slots: list[Slot] = []
    while more := house.ask(queue.slots(after=slots[-1].number if slots else 0, limit=999)):
        slots += more
    assert [slot.due for slot in slots] == list(range(10_000))
    assert {slot.lane for slot in slots} == {f"d{place}.example" for place in range(7)}
    _, total = house.ask(queue.page(limit=5, wanted=QueueFilter(domain="d3.example")))
    assert total == sum(place % 7 == 3 for place in range(10_000))
    attempts = [gone(slot.number) for slot in slots[:5000]]
    assert not house.ask(queue.record(1, attempts, (), ACTOR))
    assert house.ask(queue.count()) == 5000
    [last] = list_of(house, QueueFilter(recipient="r9999@d3.example"))
    assert (last.number, last.due) == (slots[-1].number, 9999)
    assert len(house.ask(queue.messages(range(1, 11)))) == 5


# -- an administrator's acts


def changes(house: House) -> list[Queued | Dequeued]:
    found = [one for one in house.changes if isinstance(one, (Queued, Dequeued))]
    house.changes.clear()
    return found


def journal(house: House, kind: str) -> list[dict[str, object]]:
    rows = house.ask(house.store.journal.since(0, limit=100_000))
    return [json.loads(row.detail) for row in rows if row.kind == kind]


def test_held_entries_are_not_scheduled(house: House) -> None:
    one, two, three = numbers(send(house, *(Onward(f"{i}@x.example", due=i) for i in range(3))))
    changes(house)
    queue = house.store.queue
    assert house.ask(queue.newest()) == three
    assert house.ask(queue.hold([two, three, 99], True, ACTOR)) == 2
    assert house.ask(queue.newest()) == three
    [told] = changes(house)
    assert isinstance(told, Dequeued)
    assert told.entries == (two, three)
    assert [slot.number for slot in house.ask(queue.slots())] == [one]
    assert house.ask(queue.hold([one, two, three], True, ACTOR)) == 1
    assert house.ask(queue.hold([one, two, three], True, ACTOR)) == 0
    changes(house)
    assert house.ask(queue.hold([three, two], False, ACTOR)) == 2
    [told] = changes(house)
    assert isinstance(told, Queued)
    assert told.slots == (Slot(two, 1, "x.example"), Slot(three, 2, "x.example"))
    assert [entry.held for entry in list_of(house)] == [True, False, False]
    assert journal(house, "held") == [{"entries": [two, three]}, {"entries": [one]}]
    assert journal(house, "released") == [{"entries": [two, three]}]
    assert house.ask(queue.count()) == 3


def test_entries_are_retried_when_it_is_said(house: House) -> None:
    one, two = numbers(send(house, "a@x.example", "b@y.example"))
    house.ask(house.store.queue.hold([two], True, ACTOR))
    changes(house)
    assert house.ask(house.store.queue.retry([one, two, 99], 1234, ACTOR)) == 2
    [told] = changes(house)
    assert isinstance(told, Queued)
    assert told.slots == (Slot(one, 1234, "x.example"),)
    assert [(entry.due, entry.held) for entry in list_of(house)] == [(1234, False), (1234, True)]
    assert journal(house, "retried") == [{"entries": [one, two]}]
    assert house.ask(house.store.queue.retry([99], 1, ACTOR)) == 0
    assert changes(house) == []


def test_entries_are_rerouted(house: House) -> None:
    [one] = numbers(send(house, Onward("a@x.example", due=5)))
    queue, routes = house.store.queue, house.store.routes
    with pytest.raises(NotFound):
        house.ask(queue.reroute([one], 1, ACTOR))
    route = house.ask(routes.add(Route(0, "x.example", "relay.example"), ACTOR))
    changes(house)
    assert house.ask(queue.reroute([one, 99], route.number, ACTOR)) == 1
    [told] = changes(house)
    assert isinstance(told, Queued)
    assert told.slots == (Slot(one, 5, "x.example"),)
    assert [entry.route for entry in list_of(house)] == [route.number]
    house.ask(routes.remove(route.number, ACTOR))
    assert [entry.route for entry in list_of(house)] == [0]
    assert house.ask(queue.reroute([one], 0, ACTOR)) == 1
