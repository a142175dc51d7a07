"""What every `ports.Counters` does: run over each backend that there is."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import pytest

from mailhub.coord.memory import MemoryCounters
from mailhub.ports import Counters
from tests import turning
from tests.contract.redis import BACKENDS, shared
from tests.fakes import FakeClock

T = TypeVar("T")


@pytest.fixture(params=["memory", *BACKENDS])
def made(request: pytest.FixtureRequest) -> tuple[Counters, FakeClock]:
    clock = FakeClock()
    if request.param == "memory":
        return MemoryCounters(clock), clock
    return shared(request, request.param).counters(clock), clock


Made = tuple[Counters, FakeClock]


def run(awaitable: Awaitable[T]) -> T:
    return turning.result(awaitable)


def test_hits_add_up_within_their_window(made: Made) -> None:
    counters, clock = made
    assert [run(counters.hit("a", 60)) for _ in range(3)] == [1, 2, 3]
    clock.advance(59)
    assert run(counters.hit("a", 60, 10)) == 13
    assert run(counters.peek("a")) == 13


def test_a_window_ends_and_the_next_begins_at_zero(made: Made) -> None:
    counters, clock = made
    run(counters.hit("a", 60, 5))
    clock.advance(60)
    assert run(counters.peek("a")) == 0
    assert run(counters.hit("a", 60)) == 1
    clock.advance(59)
    assert run(counters.peek("a")) == 1


def test_keys_are_apart(made: Made) -> None:
    counters, _ = made
    run(counters.hit("a", 60))
    assert run(counters.peek("b")) == 0
    assert run(counters.hit("b", 5)) == 1


def test_what_was_given_back_was_never_counted_and_none_goes_below_zero(made: Made) -> None:
    counters, _ = made
    run(counters.hit("a", 60, 2))
    assert run(counters.hit("a", 60, -1)) == 1
    assert run(counters.hit("a", 60, -5)) == 0
    assert run(counters.hit("a", 60)) == 1


def test_clear_is_zero_again(made: Made) -> None:
    counters, _ = made
    run(counters.hit("a", 60, 9))
    run(counters.clear("a"))
    run(counters.clear("never"))
    assert run(counters.peek("a")) == 0
    assert run(counters.hit("a", 60)) == 1


def test_the_wall_clock_changes_nothing(made: Made) -> None:
    counters, clock = made
    run(counters.hit("a", 60))
    clock.step(-86400)
    clock.advance(60)
    assert run(counters.peek("a")) == 0


def test_any_key_counts_and_none_is_another(made: Made) -> None:
    counters, _ = made
    for key in ("", "a:b", "{a}", "ü", "\udcff", "a" * 5000):
        assert run(counters.hit(key, 60)) == 1
        assert run(counters.peek(key)) == 1


def test_what_remains_of_a_window_is_told(made: Made) -> None:
    counters, clock = made
    assert run(counters.remaining("a")) == (0, 0.0)
    run(counters.hit("a", 60, 3))
    clock.advance(20)
    count, left = run(counters.remaining("a"))
    assert (count, round(left, 3)) == (3, 40.0)
    clock.advance(40)
    assert run(counters.remaining("a")) == (0, 0.0)
