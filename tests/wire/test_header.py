"""Header blocks: fields, selections, message ids."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import header, mime

BLOCK = (
    b"From: a@b\r\nSubject: one\r\n two\r\nX-Odd : 1\r\nno field here\r\n\tand more\r\n"
    b"subject: three\r\nTo:c@d\r\n\r\n"
)


def test_fields_in_order_with_raw_values() -> None:
    assert list(header.fields(BLOCK)) == [
        (b"from", b" a@b\r"),
        (b"subject", b" one\r\n two\r"),
        (b"x-odd", b" 1\r"),
        (b"subject", b" three\r"),
        (b"to", b"c@d\r"),
    ]
    assert header.values(BLOCK, b"subject") == [b" one\r\n two\r", b" three\r"]
    assert header.values(BLOCK, b"cc") == []


@pytest.mark.parametrize(
    ("names", "negate", "selected"),
    [
        ([b"FROM"], False, b"From: a@b\r\n\r\n"),
        ([b"Subject"], False, b"Subject: one\r\n two\r\nsubject: three\r\n\r\n"),
        ([b"x-odd", b"to"], False, b"X-Odd : 1\r\nTo:c@d\r\n\r\n"),
        ([b"cc"], False, b"\r\n"),
        ([], True, BLOCK),
        (
            [b"subject", b"from", b"to"],
            True,
            b"X-Odd : 1\r\nno field here\r\n\tand more\r\n\r\n",
        ),
    ],
)
def test_select_fields(names: list[bytes], negate: bool, selected: bytes) -> None:
    assert header.select_fields(BLOCK, names, negate=negate) == selected


def test_select_fields_invents_no_empty_line() -> None:
    assert header.select_fields(b"From: a\r\nTo: b", [b"to"]) == b"To: b"
    assert header.select_fields(b"To: b\r\nX-To: b", [b"to"]) == b"To: b\r\n"
    assert header.select_fields(b"", [b"to"]) == b""
    assert header.select_fields(b"A: 1\nB: 2\n\n", [b"b"]) == b"B: 2\n\n"


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (b" <a@b>\r", ["<a@b>"]),
        (b"<a@b> <c@d>\r\n\t<e@f>", ["<a@b>", "<c@d>", "<e@f>"]),
        (b"Your mail of Monday <a@b>", ["<a@b>"]),
        (b'<"a"@b> <"a b"@c>', ["<a@b>", "<a b@c>"]),
        (b"<a b@c> <> < <d@e", []),
        (b"<<a@b>>", ["<a@b>"]),
        (b"<no-at-sign>", ["<no-at-sign>"]),
        (b"<\xc3\xbc@b>", ["<ü@b>"]),
        (b"", []),
    ],
)
def test_message_ids(value: bytes, ids: list[str]) -> None:
    assert header.message_ids(value) == ids


def test_many_message_ids_keep_the_first_and_the_last() -> None:
    value = b" ".join(b"<%d@x>" % number for number in range(50))
    assert header.message_ids(value, 3) == ["<0@x>", "<48@x>", "<49@x>"]
    assert header.message_ids(value, 1) == ["<0@x>"]


BLOCKS = st.one_of(st.binary(), st.text("Aa:b \t\r\n", max_size=60).map(str.encode))


@settings(max_examples=50, derandomize=True, deadline=None)
@given(BLOCKS)
def test_a_selection_and_its_opposite_are_the_whole(data: bytes) -> None:
    block = data[: mime.scan(data).body]
    wanted = header.select_fields(block, [b"a", b"aa"])
    others = header.select_fields(block, [b"a", b"aa"], negate=True)
    nothing = header.select_fields(block, [])
    assert sorted(wanted + others) == sorted(block + nothing)
    assert nothing in (b"", b"\n", b"\r\n")
    assert block.endswith(nothing)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(BLOCKS)
def test_few_names_and_many_select_alike(data: bytes) -> None:
    block = data[: mime.scan(data).body]
    many = [b"A", b"aa", *(b"x%d" % number for number in range(50))]
    assert header.select_fields(block, many) == header.select_fields(block, many[:2])


def test_names_are_no_patterns() -> None:
    assert header.select_fields(b"A: 1\r\n.: 2\r\n\r\n", [b".", b"(", b""]) == b".: 2\r\n\r\n"


@pytest.mark.parametrize("negate", [False, True])
def test_a_header_of_tiny_lines_costs_little(negate: bool) -> None:
    started = time.thread_time()
    header.select_fields(b"x\n" * 500_000, [b"x"], negate=negate)
    assert time.thread_time() - started < 0.5


@given(st.lists(st.sampled_from([b"From", b"fRom", b"X", b":", b" ", b"\t", b"\r\n", b"\n", b"a"])))
@settings(max_examples=50, deadline=None)
def test_values_are_those_of_the_fields(pieces: list[bytes]) -> None:
    block = b"".join(pieces)
    assert header.values(block, b"from") == [
        value for name, value in header.fields(block) if name == b"from"
    ]


@pytest.mark.parametrize(
    ("block", "number"),
    [
        (b"From: a\r\n", 1),
        (b"From: a\r\nFROM : b\r\nFr\x00om: c\r\n\xffF r\tom: d\r\n", 4),
        (b"X-From: a\r\nFromage: b\r\n From: c\r\nSubject: From: d\r\nFrom\r\n", 0),
        (b"Subject: x\nFrom: a", 1),
    ],
)
def test_lines_that_somebody_takes_for_a_field(block: bytes, number: int) -> None:
    assert header.claims(block, b"from") == number
