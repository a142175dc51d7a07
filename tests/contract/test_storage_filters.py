"""Filters, automatic replies, marks, and what a delivery brings beside its message, on every
store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.model.account import Limits
from mailhub.model.change import JournalEntry, RulesChanged
from mailhub.model.decision import Once
from mailhub.model.errors import LimitReached, NotFound, OverQuota
from mailhub.model.filter import Actions, Autoreply, Conditions, Filter, Ruling
from mailhub.model.message import Copy, Note
from mailhub.model.queue import Onward, QueueSender
from mailhub.ports import Besides, Companion
from mailhub.store.filters import purge_marks
from mailhub.wire.rendering import render
from tests.contract.stores import ACTOR, House, TextBody

MESSAGE = b"Message-ID: <a@b>\r\nSubject: x\r\n\r\nHello\r\n"
REPLY = b"Message-ID: <r@b>\r\nSubject: away\r\n\r\nAway\r\n"
WHOLE = Filter(
    account=0,
    id="a" * 24,
    created=7,
    name="Öl",
    conditions=Conditions("from", "to", "subject", "list", "text", False, -5),
    actions=Actions(True, False, None, True, 0, ("a@b.example",), ("https://u.example/",)),
    disabled=True,
)


def test_a_filter_is_read_back_as_it_was_put(house: House) -> None:
    account, boxes = house.account("Shop")
    store = house.store.filters
    actions = replace(WHOLE.actions, mailbox=boxes["Shop"])
    one = house.ask(store.add(replace(WHOLE, account=account.number, actions=actions), 2, ACTOR))
    plain = house.ask(store.add(Filter(account.number, "b" * 24, 8), 2, ACTOR))
    assert house.ask(store.of_account(account.number)) == [one, plain]
    assert one == replace(WHOLE, account=account.number, actions=actions, number=one.number)
    assert house.ask(store.ruling(account.number)).filters == (plain,)
    with pytest.raises(LimitReached):
        house.ask(store.add(Filter(account.number, "c" * 24, 8), 2, ACTOR))


def test_filters_change_and_go(house: House) -> None:
    account, boxes = house.account("Shop")
    other, foreign = house.account("Hers")
    store = house.store.filters
    one = house.ask(store.add(Filter(account.number, "a" * 24, 7), 9, ACTOR))
    changed = replace(one, name="new", actions=Actions(mailbox=boxes["Shop"]))
    house.ask(store.replace(changed, ACTOR))
    assert house.ask(store.of_account(account.number)) == [changed]
    for wrong in (
        replace(one, id="d" * 24),
        replace(one, account=other.number),
        replace(one, actions=Actions(mailbox=foreign["Hers"])),
    ):
        with pytest.raises(NotFound):
            house.ask(store.replace(wrong, ACTOR))
    with pytest.raises(NotFound):
        house.ask(store.remove(other.number, one.id, ACTOR))
    house.ask(house.store.mailboxes.remove(account.number, boxes["Shop"], ACTOR))
    assert house.ask(store.of_account(account.number)) == []
    with pytest.raises(NotFound):
        house.ask(store.add(Filter(99, "e" * 24, 7), 9, ACTOR))
    told = [change.what for change in house.changes if isinstance(change, RulesChanged)]
    assert told == ["filter"] * 3


def test_the_owner_sees_who_passes_mail_on(house: House) -> None:
    account, _ = house.account()
    store = house.store.filters
    order = Filter(account.number, "a" * 24, 7, "n", actions=Actions(forwards=("x@far.example",)))
    made = house.ask(store.add(order, 9, ACTOR))
    both = replace(made.actions, uploads=("https://u.example/",))
    house.ask(store.replace(replace(made, actions=both), ACTOR))
    rows, _ = house.ask(house.store.authlog.page(account.number, limit=9))
    found = [(row.event.action, row.event.target, row.event.target_name) for row in rows]
    assert [one for one in reversed(found) if one[0] != "account created"] == [
        ("filter added", made.id, "n"),
        ("filter forward added", "x@far.example", made.id),
        ("filter forward added", "https://u.example/", made.id),
    ]


def test_who_set_anything_is_known(house: House) -> None:
    accounts = [house.account()[0] for _ in range(5)]
    numbers = [one.number for one in accounts]
    store = house.store.filters
    house.ask(store.add(Filter(numbers[0], "a" * 24, 7), 9, ACTOR))
    house.ask(store.add(Filter(numbers[1], "b" * 24, 7, disabled=True), 9, ACTOR))
    house.ask(store.set_autoreply(Autoreply(numbers[2], status=True), ACTOR))
    house.ask(house.store.accounts.replace(replace(accounts[3], targets=("x@y.example",)), ACTOR))
    assert sorted(house.ask(store.ruled())) == [numbers[0], numbers[2], numbers[3]]
    assert house.ask(store.ruling(numbers[3])).targets == ("x@y.example",)
    assert house.ask(store.ruling(numbers[4])).empty
    assert house.ask(store.ruling(99)) == Ruling()


def test_an_automatic_reply_is_one(house: House) -> None:
    account, _ = house.account()
    store = house.store.filters
    assert house.ask(store.autoreply(account.number)) is None
    first = Autoreply(account.number, True, "n", "s", "t", "h", 1, 2)
    house.ask(store.set_autoreply(first, ACTOR))
    assert house.ask(store.autoreply(account.number)) == first
    house.ask(store.set_autoreply(replace(first, status=False, starts=None), ACTOR))
    assert house.ask(store.autoreply(account.number)) == replace(first, status=False, starts=None)
    for _ in range(2):
        house.ask(store.remove_autoreply(account.number, ACTOR))
    assert house.ask(store.autoreply(account.number)) is None
    with pytest.raises(NotFound):
        house.ask(store.set_autoreply(Autoreply(99), ACTOR))


def deliver(house: House, token: str, account: int, besides: Besides, *copies: Copy) -> object:
    return house.ask(
        house.store.messages.deliver(
            token, TextBody(MESSAGE), render(MESSAGE), copies, None, (), ACTOR, besides
        )
    )


def reply(account: int, once: Once | None, to: str = "s@far.example") -> Companion:
    sender = QueueSender("", transaction="r", message_id="<r@b>")
    body, shown = TextBody(REPLY), render(REPLY)
    return Companion(body, shown, (), sender, (Onward(to),), account, once)


def queued(house: House) -> list[str]:
    entries, _ = house.ask(house.store.queue.page(limit=100))
    return [entry.recipient for entry in entries]


def journal(house: House) -> list[JournalEntry]:
    return list(house.ask(house.store.journal.since(0)))


def test_a_reply_with_a_mark_leaves_once(house: House) -> None:
    account, boxes = house.account()
    once = Once("autoreply:s@far.example", 100)
    copy = Copy(account.number)
    for token in ("t1", "t2", "t1"):
        deliver(house, token, account.number, Besides((reply(account.number, once),)), copy)
    assert queued(house) == ["s@far.example"]
    assert len(house.uids(account.number, boxes["INBOX"])) == 2
    house.clock.advance(100)
    deliver(house, "t3", account.number, Besides((reply(account.number, once),)), copy)
    assert len(queued(house)) == 2
    other, _ = house.account()
    deliver(house, "t4", other.number, Besides((reply(other.number, once),)), Copy(other.number))
    assert len(queued(house)) == 3


def test_everything_of_a_delivery_stands_in_one_commit_or_in_none(house: House) -> None:
    account, boxes = house.account("Other", limits=Limits(storage=len(MESSAGE) + 10))
    edited = Companion(
        TextBody(b"X: y\r\n" + MESSAGE),
        render(b"X: y\r\n" + MESSAGE),
        (Copy(account.number, boxes["Other"]),),
    )
    besides = Besides(
        (edited, reply(account.number, None)),
        ((account.number, Once("k", 50)),),
        (Note(account.number, "filtered", {"by": ["x"]}),),
    )
    with pytest.raises(OverQuota):
        deliver(house, "t1", account.number, besides, Copy(account.number))
    now = int(house.clock.now())
    assert not queued(house)
    assert not house.ask(house.store.filters.marked(account.number, ("k",), now))
    assert not [row for row in journal(house) if row.kind == "filtered"]
    [arrival] = deliver(house, "t2", account.number, besides)  # type: ignore[misc]
    assert arrival.mailbox == boxes["Other"]
    assert house.uids(account.number, boxes["INBOX"]) == []
    assert queued(house) == ["s@far.example"]
    assert house.ask(house.store.filters.marked(account.number, ("k", "l"), now)) == {"k"}
    assert not house.ask(house.store.filters.marked(account.number, ("k",), now + 50))
    assert [row.detail for row in journal(house) if row.kind == "filtered"] == ['{"by": ["x"]}']


def test_what_is_kept_nowhere_is_journaled_and_takes_no_room(house: House) -> None:
    account, boxes = house.account()
    note = Note(account.number, "dropped", {"by": ["filter x"]})
    assert deliver(house, "t1", account.number, Besides(notes=(note,))) == []
    assert house.uids(account.number, boxes["INBOX"]) == []
    assert [row.kind for row in journal(house)][-1] == "dropped"
    assert deliver(house, "t1", account.number, Besides(notes=(note,))) == []
    assert [row.kind for row in journal(house)].count("dropped") == 1


def test_marks_that_hold_no_more_go(house: House) -> None:
    account, _ = house.account()
    marks = [(account.number, Once(f"k{number}", 10 * number)) for number in range(1, 4)]
    deliver(house, "t1", account.number, Besides((), marks))
    now = int(house.clock.now())
    house.clock.advance(20)
    while house.ask(house.store.runner.write(purge_marks)):
        continue
    assert set(house.ask(house.store.filters.marked(account.number, ("k1", "k2", "k3"), now))) == {
        "k3"
    }
