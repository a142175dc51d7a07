"""What became of queue entries is recorded once, by whom the lease is, with what is told of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mailhub.model.account import Limits
from mailhub.model.change import Actor, Arrived, Dequeued, JournalEntry, Queued
from mailhub.model.errors import NotFound, OverQuota
from mailhub.model.message import Copy
from mailhub.model.queue import Attempt, AttemptResult, Onward, QueueEntry, QueueSender
from mailhub.ports import Notice
from tests.contract.stores import ACTOR, MESSAGE, House, TextBody, rendered

RUNNER = Actor(None, "queue")
BOUNCE = b"Subject: Undelivered\r\n\r\nIt came back.\r\n"


def send(house: House, *recipients: str, sender: QueueSender | None = None) -> list[QueueEntry]:
    """Queues a message; its entries."""
    before = waiting(house)
    house.ask(
        house.store.messages.deliver(
            house.token(),
            TextBody(MESSAGE),
            rendered(),
            [],
            sender or QueueSender("ann@home.example"),
            [Onward(one) for one in recipients],
            ACTOR,
        )
    )
    house.changes.clear()
    return [entry for entry in waiting(house) if entry not in before]


def waiting(house: House) -> list[QueueEntry]:
    return list(house.ask(house.store.queue.page(limit=100_000))[0])


def record(
    house: House, token: int, attempts: Sequence[Attempt], *notices: Notice
) -> Sequence[int]:
    return house.ask(house.store.queue.record(token, attempts, notices, RUNNER))


def done(entry: QueueEntry, result: AttemptResult = AttemptResult.DELIVERED) -> Attempt:
    return Attempt(
        entry.number, 50, result, "2.0.0", "250 2.0.0 taken", "mx.x [192.0.2.1]", "TLSv1.3"
    )


def later(entry: QueueEntry, due: int = 900, warned: bool = False) -> Attempt:
    reply = "451 4.7.1 Greylisted,\ncome again"
    return Attempt(
        entry.number, 60, AttemptResult.DEFERRED, "4.7.1", reply, "mx.x", "", due, warned
    )


def notice(
    house: House,
    copies: Sequence[Copy] = (),
    onward: Sequence[Onward] = (),
    *,
    token: str = "",
    body: bytes = BOUNCE,
) -> Notice:
    order = QueueSender("", transaction="n")
    return Notice(token or house.token(), TextBody(body), rendered(), copies, order, onward)


def journal(house: House, *kinds: str) -> list[JournalEntry]:
    rows = house.ask(house.store.journal.since(0, limit=100_000))
    return [row for row in rows if row.kind in kinds]


def test_a_delivered_entry_is_gone_and_a_message_with_its_last(house: House) -> None:
    account, _ = house.account()
    sender = QueueSender(
        "ann@home.example", account=account.number, transaction="t1", message_id="<m@x>"
    )
    one, two = send(house, "one@x.example", "two@x.example", sender=sender)
    assert not record(house, 1, [done(one)])
    assert waiting(house) == [two]
    assert house.ask(house.store.queue.messages([one.message]))
    [told] = house.changes
    [row] = journal(house, "delivered")
    assert told == Dequeued(row.number, (one.number,))
    assert (row.account, row.actor) == (account.number, RUNNER)
    assert json.loads(row.detail) == {
        "entry": one.number,
        "message": one.message,
        "transaction": "t1",
        "message_id": "<m@x>",
        "sender": "ann@home.example",
        "recipient": "one@x.example",
        "attempt": 1,
        "at": 50,
        "status": "2.0.0",
        "reply": "250 2.0.0 taken",
        "remote": "mx.x [192.0.2.1]",
        "source": "",
        "tls": "TLSv1.3",
        "due": None,
    }
    assert not record(house, 2, [done(two, AttemptResult.FAILED)])
    assert waiting(house) == []
    assert house.ask(house.store.queue.messages([one.message])) == []
    assert len(journal(house, "failed")) == 1


def test_a_deferred_entry_remembers_its_last_attempt(house: House) -> None:
    [entry] = send(house, "one@x.example")
    assert not record(house, 4, [later(entry, 900, warned=True)])
    assert house.changes == []
    [after] = waiting(house)
    assert after == replace(
        entry,
        due=900,
        attempts=1,
        status="4.7.1",
        reply="451 4.7.1 Greylisted,\ncome again",
        remote="mx.x",
        tried=60,
        warned=True,
    )
    assert not record(house, 5, [later(entry, 950)])
    [after] = waiting(house)
    assert (after.due, after.attempts, after.warned) == (950, 2, True)
    assert [json.loads(row.detail)["attempt"] for row in journal(house, "deferred")] == [1, 2]
    assert [json.loads(row.detail)["due"] for row in journal(house, "deferred")] == [900, 950]


def test_a_discarded_entry_was_not_tried(house: House) -> None:
    [entry] = send(house, "one@x.example")
    assert not record(house, 1, [later(entry)])
    assert not record(house, 1, [done(entry, AttemptResult.DISCARDED)])
    [row] = journal(house, "discarded")
    assert json.loads(row.detail)["attempt"] == 1


def test_a_held_entry_stays_held(house: House) -> None:
    [entry] = send(house, "one@x.example")
    house.ask(house.store.queue.hold([entry.number], True, ACTOR))
    assert not record(house, 1, [later(entry)])
    [after] = waiting(house)
    assert (after.held, after.attempts) == (True, 1)


# -- fencing


def test_an_older_token_changes_nothing(house: House) -> None:
    one, two = send(house, "one@x.example", "two@x.example")
    assert not record(house, 7, [later(one)])
    before, rows = waiting(house), len(journal(house, "deferred", "delivered"))
    assert record(house, 6, [done(two), done(one)]) == (one.number,)
    assert waiting(house) == before
    assert len(journal(house, "deferred", "delivered")) == rows
    assert not record(house, 7, [done(two), done(one)])
    assert waiting(house) == []


def test_what_is_gone_is_not_recorded_again(house: House) -> None:
    one, two = send(house, "one@x.example", "two@x.example")
    assert not record(house, 1, [done(one)])
    house.changes.clear()
    assert record(house, 2, [done(one), done(two)]) == (one.number,)
    assert record(house, 2, [replace(done(two), entry=999)]) == (999,)
    assert waiting(house) == [two]
    assert house.changes == []


def test_of_two_who_tried_one_entry_at_once_one_is_believed(house: House) -> None:
    one, two = send(house, "one@x.example", "two@x.example")

    async def race() -> list[Sequence[int]]:
        queue = house.store.queue
        calls = [
            queue.record(1, [done(one)], (), RUNNER),
            queue.record(2, [later(one), later(two)], (), RUNNER),
            queue.record(3, [later(two)], (), RUNNER),
            queue.record(2, [done(two)], (), RUNNER),
        ]
        return [await call for call in calls]

    stale = house.ask(race())
    assert [tuple(numbers) for numbers in stale] == [(), (one.number,), (), (two.number,)]
    [after] = waiting(house)
    assert (after.number, after.attempts) == (two.number, 1)


def test_records_and_deliveries_go_on_beside_each_other(house: House) -> None:
    account, boxes = house.account()
    entries = send(house, *(f"r{place}@x.example" for place in range(40)))

    async def storm() -> list[Sequence[int]]:
        calls = []
        others = []
        for place, entry in enumerate(entries):
            attempt = done(entry) if place % 2 else later(entry)
            calls.append(house.store.queue.record(1, [attempt], (), RUNNER))
            others.append(
                house.store.messages.deliver(
                    house.token(),
                    TextBody(MESSAGE),
                    rendered(),
                    [Copy(account.number)],
                    QueueSender("bob@x"),
                    [Onward(f"new{place}@y.example")],
                    ACTOR,
                )
            )
        for other in others:
            await other
        return [await call for call in calls]

    assert not any(house.ask(storm()))
    left = waiting(house)
    assert [one.number for one in left[:20]] == [one.number for one in entries[::2]]
    assert len(left) == 60
    assert len(house.uids(account.number, boxes["INBOX"])) == 40


# -- notices


def test_a_notice_arrives_in_the_same_commit(house: House) -> None:
    account, boxes = house.account()
    [entry] = send(house, "one@x.example")
    told = notice(
        house, [Copy(account.number, prefix=b"Return-Path: <>\r\n")], [Onward("ann@far.example")]
    )
    assert not record(house, 1, [done(entry, AttemptResult.FAILED)], told)
    [after] = waiting(house)
    assert (after.recipient, after.sender.address) == ("ann@far.example", "")
    [message] = house.ask(house.store.queue.messages([after.message]))
    assert house.ask(house.blobs.read([message.blob])) == [BOUNCE]
    assert house.uids(account.number, boxes["INBOX"]) == [1]
    assert {type(change) for change in house.changes} == {Arrived, Queued, Dequeued}
    numbers = [row.number for row in journal(house, "arrived", "queued", "failed")]
    assert len(set(numbers)) == 4  # the first message was queued too


def test_a_notice_is_delivered_once(house: House) -> None:
    account, boxes = house.account()
    one, two = send(house, "one@x.example", "two@x.example")
    told = notice(house, [Copy(account.number)], [Onward("ann@far.example")], token="9")
    assert not record(house, 1, [later(one, warned=True)], told)
    again = notice(house, [Copy(account.number)], [Onward("ann@far.example")], token="9")
    assert not record(house, 1, [later(one), done(two)], again)
    assert house.uids(account.number, boxes["INBOX"]) == [1]
    assert [entry.recipient for entry in waiting(house)] == ["one@x.example", "ann@far.example"]


def test_no_notice_of_what_is_not_recorded(house: House) -> None:
    account, boxes = house.account()
    [entry] = send(house, "one@x.example")
    assert not record(house, 5, [later(entry)])
    told = notice(house, [Copy(account.number)], [Onward("ann@far.example")])
    assert record(house, 4, [done(entry, AttemptResult.FAILED)], told) == (entry.number,)
    assert house.uids(account.number, boxes["INBOX"]) == []
    assert [one.number for one in waiting(house)] == [entry.number]


@pytest.mark.parametrize("first", [True, False])
def test_nothing_is_recorded_where_a_notice_does_not_fit(house: House, first: bool) -> None:
    full, _ = house.account(limits=Limits(storage=5))
    other, boxes = house.account()
    [entry] = send(house, "one@x.example")
    fits = notice(house, [Copy(other.number)], [Onward("ann@far.example")])
    large = notice(house, [Copy(full.number)])
    notices = (large, fits) if first else (fits, large)
    with pytest.raises(OverQuota):
        record(house, 1, [done(entry, AttemptResult.FAILED)], *notices)
    assert waiting(house) == [entry]
    assert house.uids(other.number, boxes["INBOX"]) == []
    assert house.changes == []
    assert journal(house, "failed") == []
    assert not record(house, 1, [done(entry, AttemptResult.FAILED)], replace(fits))
    assert house.uids(other.number, boxes["INBOX"]) == [1]


def test_a_notice_to_a_mailbox_that_is_gone_is_not_found(house: House) -> None:
    [entry] = send(house, "one@x.example")
    with pytest.raises(NotFound):
        record(house, 1, [done(entry)], notice(house, [Copy(77)]))
    assert waiting(house) == [entry]


def test_a_notice_for_nobody_is_no_obstacle(house: House) -> None:
    [entry] = send(house, "one@x.example")
    assert not record(house, 1, [done(entry)], notice(house))
    assert waiting(house) == []


def test_nothing_to_record_is_nothing(house: House) -> None:
    assert not record(house, 1, [])
    assert house.changes == []


def test_the_tries_of_an_entry_that_waits_are_told_in_order(house: House) -> None:
    first, second = send(house, "bob@far.example", "eve@far.example")
    record(house, 1, [later(first), later(second, 901, warned=True)])
    again = replace(later(first), at=900, due=1800, reply="", remote="", status="4.4.1")
    record(house, 2, [again])
    assert house.ask(house.store.queue.attempts(first.number)) == [later(first), again]
    assert house.ask(house.store.queue.attempts(second.number)) == [later(second, 901)]
    assert house.ask(house.store.queue.attempts(999)) == []
