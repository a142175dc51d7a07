from __future__ import annotations

from mailhub.coord.memory import MemoryCounters
from mailhub.coord.redis.counters import SteadyCounters
from mailhub.model.errors import Unavailable
from tests.fakes import FakeClock
from tests.support import run


class Away:
    """`ports.Counters` with nobody there."""

    async def hit(self, key: str, window: float, cost: int = 1) -> int:
        raise Unavailable

    async def peek(self, key: str) -> int:
        raise Unavailable

    async def clear(self, key: str) -> None:
        raise Unavailable


def test_the_shared_count_counts() -> None:
    clock = FakeClock()
    shared = MemoryCounters(clock)
    counters = SteadyCounters(shared, MemoryCounters(clock))
    run(shared.hit("a", 60, 10))
    assert run(counters.hit("a", 60)) == 11
    assert run(counters.peek("a")) == 11
    run(counters.clear("a"))
    assert run(shared.peek("a")) == run(counters.peek("a")) == 0


def test_the_own_count_stands_in_with_all_that_went_before() -> None:
    clock = FakeClock()
    own = MemoryCounters(clock)
    here = SteadyCounters(MemoryCounters(clock), own)
    for _ in range(5):
        run(here.hit("a", 60))
    away = SteadyCounters(Away(), own)
    assert run(away.peek("a")) == 5
    assert run(away.hit("a", 60)) == 6
    assert run(away.hit("a", 60, -1)) == 5
    run(away.clear("a"))
    assert run(away.peek("a")) == 0


def test_a_shared_count_that_was_lost_lifts_no_limit() -> None:
    clock = FakeClock()
    own = MemoryCounters(clock)
    before = SteadyCounters(MemoryCounters(clock), own)
    for _ in range(5):
        run(before.hit("a", 60))
    emptied = SteadyCounters(MemoryCounters(clock), own)
    assert run(emptied.peek("a")) == 5
    assert run(emptied.hit("a", 60)) == 6
    clock.advance(60)
    assert run(emptied.peek("a")) == 0
