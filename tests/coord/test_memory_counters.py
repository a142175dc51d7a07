from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.coord.memory import MemoryCounters
from tests.fakes import FakeClock
from tests.support import run


def test_what_is_over_is_swept_by_what_begins() -> None:
    clock = FakeClock()
    counters = MemoryCounters(clock)
    for number in range(1000):
        run(counters.hit(f"a{number}", 60))
    clock.advance(61)
    for number in range(500):
        run(counters.hit(f"b{number}", 60))
    assert len(counters) == 500


def test_a_flood_of_keys_is_bounded_and_leaves_long_windows_alone() -> None:
    counters = MemoryCounters(FakeClock(), capacity=100)
    run(counters.hit("known", 1_000_000))
    for number in range(10_000):
        run(counters.hit(f"a{number}", 60))
    assert len(counters) <= 101
    assert run(counters.peek("known")) == 1
    assert run(counters.peek("a9999")) == 1
    assert run(counters.peek("a0")) == 0


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"), st.sampled_from([5.0, 60.0]), st.floats(0, 40), st.booleans()
        ),
        max_size=60,
    )
)
def test_counts_are_those_of_a_plain_model(steps: list[tuple[str, float, float, bool]]) -> None:
    clock = FakeClock()
    counters = MemoryCounters(clock)
    model: dict[str, tuple[int, float]] = {}
    for key, window, passed, clear in steps:
        clock.advance(passed)
        if clear:
            run(counters.clear(key))
            model.pop(key, None)
        count, ends = model.get(key, (0, 0.0))
        if ends <= clock.seconds():
            count, ends = 0, clock.seconds() + window
        model[key] = (count + 1, ends)
        assert run(counters.hit(key, window)) == count + 1
