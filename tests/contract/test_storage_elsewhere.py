"""Accounts whose mail still lives on another server, in every store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailhub.model.change import ElsewhereChanged, Queued
from mailhub.model.elsewhere import Elsewhere, Phase
from mailhub.model.errors import NotFound
from mailhub.model.queue import Onward, QueueSender
from mailhub.wire import door
from tests.contract.stores import ACTOR, MESSAGE, TextBody, rendered

IMAP = door.parse("imaps://old.example", ("imap",), "imap")
LMTP = door.parse("lmtp+clear://127.0.0.1:2424", ("smtp", "lmtp"), "mail")
LANE = "elsewhere://127.0.0.1:2424"


@pytest.fixture
def number(house: Any) -> int:
    return int(house.account()[0].number)


def test_it_is_kept_as_it_is_and_replaced(house: Any, number: int) -> None:
    store, ask = house.store.elsewheres, house.ask
    one = Elsewhere(number, "Ann", IMAP, None, LMTP, Phase.ELSEWHERE, 70, 3)
    assert ask(store.get(number)) is None
    assert ask(store.any()) is False
    ask(store.put(one, ACTOR))
    assert ask(store.get(number)) == one
    assert ask(store.among([number, number + 1])) == {number: one}
    assert ask(store.any()) is True
    here = replace(one, phase=Phase.HERE, mail=None)
    ask(store.put(here, ACTOR))
    assert ask(store.get(number)) == here
    assert ask(store.among([number])) == {}
    assert ask(store.any()) is False
    ask(store.remove(number, ACTOR))
    assert ask(store.get(number)) is None
    told = [one.phase for one in house.changes if isinstance(one, ElsewhereChanged)]
    assert told == ["elsewhere", "here", ""]


def test_pages_go_by_the_number(house: Any, number: int) -> None:
    store, ask = house.store.elsewheres, house.ask
    all_of_them = [number, house.account()[0].number, house.account()[0].number]
    for one in reversed(all_of_them):
        ask(store.put(Elsewhere(one, str(one)), ACTOR))
    assert [one.account for one in ask(store.page(limit=2))] == all_of_them[:2]
    assert [one.account for one in ask(store.page(after=all_of_them[1]))] == all_of_them[2:]


def test_only_accounts_are_elsewhere(house: Any) -> None:
    store, ask = house.store.elsewheres, house.ask
    with pytest.raises(NotFound):
        ask(store.put(Elsewhere(999, "nobody"), ACTOR))
    with pytest.raises(NotFound):
        ask(store.remove(999, ACTOR))


def test_who_is_removed_for_good_is_nowhere(house: Any, number: int) -> None:
    store, ask = house.store.elsewheres, house.ask
    ask(store.put(Elsewhere(number, "Ann"), ACTOR))
    ask(house.store.accounts.remove(number, ACTOR, due=0))
    assert ask(store.any()) is False


def test_a_learned_password_is_noted_while_the_account_is_away(house: Any, number: int) -> None:
    store, ask = house.store.elsewheres, house.ask
    one = Elsewhere(number, "Ann")
    ask(store.put(one, ACTOR))
    ask(store.learned(number, 4, ACTOR))
    assert ask(store.get(number)) == replace(one, learned=4)
    here = replace(one, learned=4, phase=Phase.HERE)
    ask(store.put(here, ACTOR))
    ask(store.learned(number, 9, ACTOR))
    assert ask(store.get(number)) == here


def test_what_waits_for_the_other_server_is_due_when_the_account_moves(
    house: Any, number: int
) -> None:
    store, ask, now = house.store, house.ask, int(house.clock.now())
    away = Onward("ann@x.example", due=now + 999, lane=LANE, home=number)
    other = Onward("bob@y.example", due=now + 999)
    ask(
        store.messages.deliver(
            house.token(),
            TextBody(MESSAGE),
            rendered(),
            (),
            QueueSender("s@z.example"),
            (away, other),
            ACTOR,
        )
    )
    before = len(house.changes)
    ask(store.elsewheres.put(Elsewhere(number, "Ann", phase=Phase.MOVING), ACTOR))
    (queued,) = [one for one in house.changes[before:] if isinstance(one, Queued)]
    assert [(slot.due, slot.lane) for slot in queued.slots] == [(now, LANE)]
    before = len(house.changes)
    ask(store.elsewheres.put(Elsewhere(number, "Ann", phase=Phase.HERE), ACTOR))
    entries, _ = ask(store.queue.page())
    assert {one.recipient: one.due for one in entries} == {
        "ann@x.example": now,
        "bob@y.example": now + 999,
    }
    (queued,) = [one for one in house.changes[before:] if isinstance(one, Queued)]
    assert [(slot.due, slot.lane) for slot in queued.slots] == [(now, "x.example")]
