from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.coord.ranked import SLACK, Ranked


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 8), st.none() | st.integers(0, 5)), max_size=200))
def test_it_is_a_sorted_dictionary(steps: list[tuple[int, int | None]]) -> None:
    ranked: Ranked[int] = Ranked()
    model: dict[int, float] = {}
    for key, rank in steps:
        if rank is None:
            assert ranked.remove(key) == model.pop(key, None)
        else:
            ranked.put(key, rank)
            model[key] = rank
        assert ranked.first() == min(((rank, key) for key, rank in model.items()), default=None)
        assert len(ranked) == len(model)
        assert (key in ranked) == (key in model)
        assert ranked.rank(key) == model.get(key)


def test_what_moves_for_ever_does_not_pile_up() -> None:
    ranked: Ranked[int] = Ranked()
    for rank in range(10_000, 0, -1):
        ranked.put(1, rank)
        ranked.put(2, -rank)
    assert len(ranked._heap) <= SLACK + 5
    assert ranked.first() == (-1, 2)
