"""The record of logins: bounded, in batches, and nobody waits for it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from twisted.internet.defer import Deferred

from mailhub.core import noted
from mailhub.core.credential import MASTER, Visit
from mailhub.core.noted import Noted
from mailhub.model.account import Account, Service
from mailhub.model.errors import Unavailable
from mailhub.model.identity import LoginNote
from tests.support import run
from tests.world import PEER, World, world


class SlowLog:
    """`ports.AuthLog.note` that answers when it is told to."""

    def __init__(self, here: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[Sequence[LoginNote]] = []
        self.waiting: list[Deferred[None]] = []
        monkeypatch.setattr(here.store.authlog, "note", self.note)

    def note(self, notes: Sequence[LoginNote]) -> Deferred[None]:
        self.batches.append(list(notes))
        self.waiting.append(Deferred())
        return self.waiting[-1]


def visit(number: int = 0) -> Visit:
    return Visit(PEER, Service.IMAP, session=f"s{number}")


@pytest.fixture
def here() -> World:
    return world()


@pytest.fixture
def joe(here: World) -> Account:
    return run(here.accounts.get(1))


def test_what_comes_during_a_commit_goes_into_the_next(
    here: World, joe: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowLog(here, monkeypatch)
    record = Noted(here.store, here.clock, here.log)
    for number in range(5):
        record.admitted(joe, MASTER, visit(number))
    assert [len(batch) for batch in slow.batches] == [1]
    slow.waiting[0].callback(None)
    assert [len(batch) for batch in slow.batches] == [1, 4]
    slow.waiting[1].callback(None)
    record.admitted(joe, MASTER, visit(9))
    assert [len(batch) for batch in slow.batches] == [1, 4, 1]


def test_what_waits_is_bounded(here: World, joe: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noted, "PENDING", 10)
    monkeypatch.setattr(noted, "BATCH", 4)
    slow = SlowLog(here, monkeypatch)
    record = Noted(here.store, here.clock, here.log)
    for number in range(50):
        record.refused(joe, visit(number), "wrong")
    while any(not one.called for one in slow.waiting):
        next(one for one in slow.waiting if not one.called).callback(None)
    assert [len(batch) for batch in slow.batches] == [1, 4, 4, 2]
    assert len(here.log.named("login")) == 50


def test_memory_is_bounded(here: World, joe: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noted, "CAPACITY", 8)
    record = Noted(here.store, here.clock, here.log)
    for number in range(100):
        record.refused(joe, visit(number), "wrong")
        record.refused(joe, visit(number), "wrong")
    assert len(record._until) <= 8
    assert sum(map(len, record._again.values())) <= 8
    run(record.flush())
    rows, total = run(here.store.authlog.page(1, action="authentication", limit=200))
    assert (total, {row.events for row in rows}) == (100, {2})


def test_a_store_that_fails_stops_nothing(
    here: World, joe: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowLog(here, monkeypatch)
    record = Noted(here.store, here.clock, here.log)
    record.admitted(joe, MASTER, visit(1))
    record.admitted(joe, MASTER, visit(2))
    slow.waiting[0].errback(Unavailable())
    assert here.log.named("background-failed")
    record.admitted(joe, MASTER, visit(3))
    assert [len(batch) for batch in slow.batches] == [1, 2]


def test_flushing_one_account_leaves_the_others(here: World, joe: Account) -> None:
    other = here.account("ann@example.org")
    record = Noted(here.store, here.clock, here.log)
    for account in (joe, other):
        for _ in range(3):
            record.admitted(account, MASTER, visit())

    def events(account: Account) -> list[int]:
        rows, _ = run(here.store.authlog.page(account.number, action="authentication"))
        return [row.events for row in rows]

    run(record.flush(joe.number))
    assert (events(joe), events(other)) == ([3], [1])
    run(record.flush())
    assert events(other) == [3]
