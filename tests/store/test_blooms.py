"""Sets that are never wrong when they say no."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.store.blooms import Question, bloom


@settings(max_examples=50)
@given(st.sets(st.text(max_size=20), max_size=50))
def test_what_is_in_is_found(members: set[str]) -> None:
    made = bloom(members)
    assert len(made) & (len(made) - 1) == 0
    assert all(Question(member)(made) for member in members)


def test_what_is_not_in_is_seldom_taken_for_it() -> None:
    members = {f"a:user{number}@example.org" for number in range(3000)}
    made = bloom(members)
    assert len(made) <= 2 * 3000 * 12 // 8
    wrong = sum(Question(f"a:other{number}@example.org")(made) for number in range(10_000))
    assert wrong < 150
    assert not Question("x")(bloom(()))
