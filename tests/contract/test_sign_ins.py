"""Browsers that are signed in, in every store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailhub.model.session import SignIn
from mailhub.store import sign_ins
from tests.contract.stores import MAKERS

PHONE = SignIn(7, "1" * 24, "a" * 64, 3, 100, 100, "192.0.2.1", "Firefox")
DESK = replace(PHONE, id="2" * 24, key="b" * 64, seen=200, agent="Chrome")


@pytest.fixture(params=MAKERS)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    made = MAKERS[request.param](tmp_path)
    yield made
    made.stop()


def test_they_come_are_seen_and_go(house: Any) -> None:
    store, ask = house.store.sign_ins, house.ask
    later = int(house.clock.now()) + 100
    ask(store.add(PHONE, later))
    ask(store.add(DESK, later))
    ask(store.add(replace(PHONE, account=8), later))
    assert ask(store.of_account(7)) == [DESK, PHONE]
    ask(store.saw(7, PHONE.key, "192.0.2.9", 300))
    ask(store.saw(9, PHONE.key, "192.0.2.9", 300))
    seen = replace(PHONE, seen=300, address="192.0.2.9")
    assert ask(store.of_account(7)) == [seen, DESK]
    for _ in range(2):
        ask(store.drop(7, PHONE.key))
        assert ask(store.of_account(7)) == [DESK]
    assert len(ask(store.of_account(8))) == 1


def test_a_new_password_forgets_the_old_ones(house: Any) -> None:
    store, ask = house.store.sign_ins, house.ask
    later = int(house.clock.now()) + 100
    ask(store.add(PHONE, later))
    newer = replace(DESK, auth_version=4)
    ask(store.add(newer, later))
    assert ask(store.of_account(7)) == [newer]


def test_they_are_forgotten_in_time(house: Any) -> None:
    store, ask = house.store.sign_ins, house.ask
    now = int(house.clock.now())
    ask(store.add(PHONE, now))
    ask(store.add(DESK, now + 1000))
    assert ask(house.store.runner.write(sign_ins.purge)) is True
    assert ask(house.store.runner.write(sign_ins.purge)) is False
    assert ask(store.of_account(7)) == [DESK]
