"""Chunks that are bounded in messages and in bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailhub.core.rows import BUDGET, ENOUGH, bounded

SIZES = st.lists(st.sampled_from([0, 10_000, ENOUGH - 1, ENOUGH, 5 * ENOUGH]), max_size=80)


@given(SIZES, st.integers(1, 40))
def test_chunks_cover_everything_within_their_bounds(sizes: list[int], most: int) -> None:
    chunks = list(bounded(sizes, most))
    assert [place for start, stop in chunks for place in range(start, stop)] == list(
        range(len(sizes))
    )
    for start, stop in chunks:
        assert 0 < stop - start <= most
        assert sum(min(size, ENOUGH) for size in sizes[start:stop]) <= max(BUDGET, ENOUGH)


def test_small_messages_come_in_full_chunks() -> None:
    assert list(bounded([10_000] * 1200, 500)) == [(0, 500), (500, 1000), (1000, 1200)]


def test_large_messages_come_in_few() -> None:
    count = BUDGET // ENOUGH
    assert list(bounded([9 * ENOUGH] * (count + 3), 500)) == [(0, count), (count, count + 3)]
