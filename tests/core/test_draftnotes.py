"""What drafts say to who writes on at them."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import draftnotes
from mailhub.core.composing import Relation
from mailhub.core.draftnotes import Note, Source

KEY = "0123456789abcdef01234567"
TYPED = st.dictionaries(st.sampled_from(draftnotes.TYPED), st.text(max_size=80))
SOURCES = st.none() | st.builds(Source, st.just(KEY), st.integers(1), st.sampled_from(Relation))


@given(st.builds(Note, st.just(KEY), st.sampled_from(["", KEY]), SOURCES, TYPED))
@settings(max_examples=50)
def test_what_is_written_is_read(note: Note) -> None:
    value = draftnotes.written(note)
    assert value.isascii()
    assert max(map(len, value.split(" "))) <= 60
    assert draftnotes.read(value.replace(" ", "\r\n ").encode()) == note


def coded(told: object) -> bytes:
    return b64encode(json.dumps(told).encode())


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"type=reply",
        coded(1),
        coded({}),
        coded({"key": "x", "hand": "", "source": None, "typed": {}}),
        coded({"key": KEY, "hand": "x", "source": None, "typed": {}}),
        coded({"key": KEY, "hand": "", "source": {"uid": "x"}, "typed": {}}),
        coded({"key": KEY, "hand": "", "source": None, "typed": []}),
        b"A" * 500_000,
    ],
)
def test_what_others_write_says_nothing(value: bytes) -> None:
    assert draftnotes.read(value) is None


@given(st.binary(max_size=100))
@settings(max_examples=50)
def test_anything_is_read(value: bytes) -> None:
    draftnotes.read(value)
