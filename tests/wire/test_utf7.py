"""Modified UTF-7: one spelling for each name, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.wire import utf7

PAIRS = [
    ("INBOX", b"INBOX"),
    ("", b""),
    ("&", b"&-"),
    ("a&b", b"a&-b"),
    ("&&", b"&-&-"),
    ("Entwürfe", b"Entw&APw-rfe"),
    ("台北/日本語", b"&U,BTFw-/&ZeVnLIqe-"),
    ("Hi Mom -\u263a-!", b"Hi Mom -&Jjo--!"),
    ("é&é", b"&AOk-&-&AOk-"),
    ("\U0001f4ec", b"&2D3c7A-"),
    ("\x00\n", b"&AAAACg-"),
    ("~", b"~"),
    ("\x7f", b"&AH8-"),
]


@pytest.mark.parametrize(("name", "coded"), PAIRS)
def test_both_ways(name: str, coded: bytes) -> None:
    assert utf7.encode(name) == coded
    assert utf7.decode(coded) == name


@pytest.mark.parametrize(
    "coded",
    [
        b"&", b"a&", b"&AOk", b"&AGE-", b"&AOk-&AOk-", b"&A-", b"&AO-", b"&AOl-&", b"&AOkA-",
        b"&2D0-", b"&3EI-", b"&AO/-", b"&AO k-", b"&AOk=-", b"\xc3\xa9", b"a\nb", b"\x00", b"&AOm-",
        b"&-&AGE-", b"&ACY-", b"&,-",
    ],
)  # fmt: skip
def test_other_spellings_are_refused(coded: bytes) -> None:
    with pytest.raises(Invalid):
        utf7.decode(coded)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(Invalid):
        utf7.encode("a\ud83d")


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.text(st.characters(codec="utf-8")))
def test_every_name_survives(name: str) -> None:
    coded = utf7.encode(name)
    assert coded.isascii()
    assert utf7.decode(coded) == name


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.one_of(st.binary(), st.text("&-,AOk/ 2D").map(str.encode)))
def test_any_bytes_are_a_name_or_invalid(coded: bytes) -> None:
    try:
        name = utf7.decode(coded)
    except Invalid:
        return
    assert utf7.encode(name) == coded
