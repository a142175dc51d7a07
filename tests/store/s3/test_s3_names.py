"""Numbers of bodies and names of objects lead to each other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.store.s3 import names


@settings(max_examples=50)
@given(st.integers(1, (1 << 40) - 1), st.integers(0, (1 << 32) - 1), st.booleans())
def test_there_and_back(count: int, random: int, sealed: bool) -> None:
    segment = names.number(count, random, sealed=sealed)
    assert names.OBJECT <= segment < 1 << 63  # what a row can hold
    assert names.is_object(segment)
    assert names.is_sealed(segment) is sealed
    key = names.key_of("mail/", segment)
    assert names.segment_of("mail/", key) == segment
    assert names.segment_of("post/", key) is None


def test_numbers_that_were_counted_never_meet() -> None:
    found = {names.number(count, 5, sealed=False) for count in range(1, 3000)}
    assert len(found) == 2999


def test_objects_are_spread_over_folders() -> None:
    folders = {names.key_of("", names.number(1, random, sealed=False))[:2] for random in range(256)}
    assert len(folders) == 256


@pytest.mark.parametrize(
    "key",
    [
        "mail/database",
        "mail/00/0000000000000001",
        "mail/01/000000000000001",
        "mail/01/000000000000000G",
        "mail/01/0000000000000001/1",
        "mail/01/8000000000000001",
        "mail/01/4000000000000001",
        "other/01/0000000000000001",
    ],
)
def test_names_that_are_not_ours(key: str) -> None:
    assert names.segment_of("mail/", key) is None
