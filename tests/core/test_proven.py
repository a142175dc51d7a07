from __future__ import annotations

import dataclasses

import pytest

from mailhub.core import proven
from mailhub.core.proven import Proven
from mailhub.model.account import Account, Limits, Role
from tests.fakes import FakeClock, SeededRandomness

pytestmark = pytest.mark.thorough

ACCOUNT = Account(
    1, "id", "joe", "", "", Role.USER, Limits(), 0, 0, False, False, "", 0, (), {}, 0, 1
)


def test_a_password_is_known_for_its_account_version_and_five_minutes() -> None:
    clock = FakeClock()
    memory = Proven(clock, SeededRandomness())
    assert not memory.known(ACCOUNT, "secret")
    memory.remember(ACCOUNT, "secret")
    assert memory.known(ACCOUNT, "secret")
    assert not memory.known(ACCOUNT, "Secret")
    assert not memory.known(dataclasses.replace(ACCOUNT, number=2), "secret")
    assert not memory.known(dataclasses.replace(ACCOUNT, auth_version=2), "secret")
    clock.advance(200)
    memory.remember(ACCOUNT, "secret")
    clock.advance(100)
    assert not memory.known(ACCOUNT, "secret")


def test_neither_the_number_nor_the_version_runs_into_the_password() -> None:
    memory = Proven(FakeClock(), SeededRandomness())
    memory.remember(ACCOUNT, "1:x")
    assert not memory.known(dataclasses.replace(ACCOUNT, number=11), "x")


def test_it_is_bounded() -> None:
    memory = Proven(FakeClock(), SeededRandomness())
    for number in range(proven.CAPACITY + 1):
        memory.remember(dataclasses.replace(ACCOUNT, number=number), "x")
    assert len(memory._until) <= proven.CAPACITY
    assert memory.known(dataclasses.replace(ACCOUNT, number=proven.CAPACITY), "x")
    assert not memory.known(dataclasses.replace(ACCOUNT, number=0), "x")


def test_the_password_is_nowhere_in_it() -> None:
    memory = Proven(FakeClock(), SeededRandomness())
    memory.remember(ACCOUNT, "hunter2")
    assert b"hunter2" not in repr(vars(memory)).encode()
