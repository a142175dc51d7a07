from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core.ids import Ids
from tests.fakes import FakeClock, SeededRandomness


def test_a_new_id_is_24_hex_digits_and_begins_with_its_second() -> None:
    clock = FakeClock(0x65000000)
    made = Ids(clock, SeededRandomness()).new()
    assert re.fullmatch("[0-9a-f]{24}", made)
    assert made.startswith("65000000")


def test_new_ids_never_repeat() -> None:
    ids = Ids(FakeClock(), SeededRandomness())
    assert len({ids.new() for _ in range(1000)}) == 1000


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.floats(-10_000, 10_000), max_size=50))
def test_transactions_grow_whatever_the_clock_does(steps: list[float]) -> None:
    clock = FakeClock()
    ids = Ids(clock, SeededRandomness())
    made = [ids.transaction()]
    for step in steps:
        clock.step(step)
        made.extend((ids.transaction(), ids.transaction()))
    assert made == sorted(set(made))
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in made)


def test_two_processes_at_the_same_moment_make_different_transactions() -> None:
    clock = FakeClock()
    first = Ids(clock, SeededRandomness(1)).transaction()
    second = Ids(clock, SeededRandomness(2)).transaction()
    assert first != second
    assert first[:16] == second[:16]


def test_a_millisecond_can_hold_more_transactions_than_its_sequence() -> None:
    ids = Ids(FakeClock(), SeededRandomness())
    made = [ids.transaction() for _ in range(0x10000 + 10)]
    assert made == sorted(set(made))
