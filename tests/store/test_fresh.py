"""What was queued a moment ago needs no reading, is exactly what would be read, and is given up at
any word of a change."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mailhub.model.change import Dequeued, Missed, Queued, RoutesChanged
from mailhub.model.message import BlobRef
from mailhub.model.queue import Fresh, Loaded, QueueEntry, QueueMessage, QueueSender, Slot
from mailhub.store import fresh
from mailhub.store.fresh import FreshMail
from tests.support import run

SENDER = QueueSender("ann@home.example")
DATA = b"x" * 100


def message(number: int, *entries: int, data: bytes = DATA) -> Queued:
    queued = tuple(
        QueueEntry(one, number, SENDER, f"R{one}@far.example", (), "", len(data), 1, 1, 0)
        for one in entries
    )
    whole = QueueMessage(number, SENDER, BlobRef(1, 0, len(data)), 1)
    slots = tuple(Slot(one, 1, "far.example") for one in entries)
    return Queued(1, slots, Fresh(whole, queued, data))


def mail(*changes: Queued, suppressed: Sequence[str] = ()) -> FreshMail:
    async def keys() -> Sequence[str]:
        return suppressed

    made = FreshMail()
    run(made.learn(keys()))
    made.heard(changes)
    return made


def taken(from_: FreshMail, *numbers: int, each: int = 1000, together: int = 1000) -> Loaded | None:
    return from_.take(numbers, each, together)


def test_what_is_taken_is_whole_and_gone() -> None:
    here = mail(message(1, 1, 2), message(2, 3))
    loaded = taken(here, 3, 1)
    assert loaded is not None
    assert [entry.number for entry in loaded.entries] == [1, 3]
    assert loaded.data == {1: DATA, 2: DATA}
    assert set(loaded.messages) == {1, 2}
    assert taken(here, 1) is None
    assert taken(here, 2) is not None
    assert len(here) == 0


def test_what_is_not_all_here_is_read() -> None:
    here = mail(message(1, 1, 2))
    assert taken(here, 1, 9) is None
    assert taken(here, 1) is None
    assert taken(here) is None


@pytest.mark.parametrize(
    "change", [Queued(2, (Slot(1, 9, "far.example"),)), Dequeued(2, (1,)), Dequeued(2, (7, 1))]
)
def test_a_change_ends_it(change: Queued | Dequeued) -> None:
    here = mail(message(1, 1, 2))
    here.heard([change])
    assert taken(here, 1) is None
    assert taken(here, 2) is not None


def test_large_ones_are_read() -> None:
    assert taken(mail(message(1, 1)), 1, each=99) is None
    assert taken(mail(message(1, 1), message(2, 2)), 1, 2, together=199) is None


def test_the_suppressed_are_asked_for() -> None:
    first = mail(message(1, 1), message(2, 2), suppressed=["r1@far.example"])
    assert taken(first, 1) is None
    assert taken(first, 2) is not None
    later = mail(message(1, 1))
    later.heard([RoutesChanged(2), RoutesChanged(3, "r1@far.example")])
    assert taken(later, 1) is None


def test_nothing_is_taken_before_the_suppressed_are_known() -> None:
    here = FreshMail()
    here.heard([message(1, 1)])
    assert here.asks
    assert taken(here, 1) is None

    async def keys() -> Sequence[str]:
        here.heard([RoutesChanged(2, "r2@far.example"), message(2, 2), message(3, 3)])
        assert not here.asks
        return ()

    run(here.learn(keys()))
    assert taken(here, 2) is None
    assert taken(here, 3) is not None


def test_who_is_never_asked_remembers_no_suppressed() -> None:
    here = FreshMail()
    here.heard([RoutesChanged(number, f"r{number}@far.example") for number in range(9)])
    assert not here._news


def test_too_many_suppressed_are_always_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "KEYS", 2)
    here = mail(message(1, 1), suppressed=["a", "b", "c"])
    assert not here.asks
    assert taken(here, 1) is None
    here = mail(message(1, 1), suppressed=["a", "b"])
    here.heard([RoutesChanged(2, "c")])
    assert not here.asks
    assert taken(here, 1) is None


def test_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "ENTRIES", 3)
    here = mail(message(1, 1, 2), message(2, 3, 4))
    assert len(here) == 3
    assert taken(here, 1) is None
    assert taken(here, 2, 3, 4) is not None
    monkeypatch.setattr(fresh, "ENTRIES", 100)
    monkeypatch.setattr(fresh, "OCTETS", 250)
    here = mail(message(1, 1, 2), message(2, 3), message(3, 4))
    assert taken(here, 1) is None
    assert taken(here, 2) is None
    assert taken(here, 3, 4) is not None
    here.heard([message(4, 5), message(5, 6)])
    assert len(here) == 2


def test_nothing_is_fresh_where_changes_went_unheard() -> None:
    here = mail(message(1, 1))
    here.heard([Missed()])
    assert (len(here), here.asks) == (0, True)
    here.heard([message(2, 2)])
    assert taken(here, 2) is None  # who is suppressed is not known


def test_who_is_suppressed_is_asked_again_where_changes_went_unheard_meanwhile() -> None:
    here = FreshMail()

    async def keys() -> Sequence[str]:
        here.heard([Missed()])
        return ()

    run(here.learn(keys()))
    assert here.asks
