"""Ranges and conditions: never beyond the file, whatever is asked."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire.ranges import http_date, is_unchanged, read_date, span

TEXT = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"bytes ?= ?[0-9]{0,20}-[0-9]{0,20}", fullmatch=True),
)


@settings(max_examples=50)
@given(TEXT, st.text(max_size=30), st.integers(0, 1 << 40))
def test_a_part_is_within_the_file(asked: str, condition: str, size: int) -> None:
    found = span(asked, condition, '"t"', 77, size)
    if found is not None:
        start, end = found
        assert found == (0, 0) or 0 <= start < end <= size


@settings(max_examples=50)
@given(st.text(max_size=60), st.text(max_size=60))
def test_conditions_are_never_an_error(none_match: str, since: str) -> None:
    assert is_unchanged(none_match, since, '"t"', 77) in (True, False)


def test_dates_are_read_as_they_are_written() -> None:
    assert http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"
    for text in (
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ):
        assert read_date(text) == 784111777
    assert read_date("Sun, 99 Nov 9999999 08:49:37 GMT") is None
