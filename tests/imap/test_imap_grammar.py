"""What all IMAP commands have in common, in and out, well and badly spelled."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.imap.grammar import spelling
from mailhub.imap.grammar.cursor import Cursor
from mailhub.model.errors import Invalid
from mailhub.model.sequence import SequenceSet
from tests.imap.parsing import parsed

# -- what is common to all


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"abc", b"abc"),
        (b"a]b", b"a]b"),
        (b'"a b"', b"a b"),
        (b'""', b""),
        (b'"a\\"b\\\\c"', b'a"b\\c'),
        (b"{3}\r\nabc", b"abc"),
        (b"{3+}\r\na\r\n", b"a\r\n"),
        (b"{0}\r\n", b""),
        (b"~{2}\r\n\x00\xff", b"\x00\xff"),
        (b'"\xc3\xa4"', b"\xc3\xa4"),
    ],
)
def test_an_astring_is_read(text: bytes, expected: bytes) -> None:
    cursor = Cursor(text)
    assert cursor.astring() == expected
    assert cursor.ended


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"(",
        b")",
        b'"abc',
        b'"a\\b"',
        b'"a\rb"',
        b'"a\nb"',
        b'"a\x00b"',
        b"{5}\r\nabc",
        b"{5}abcde",
        b"{}\r\n",
        b"{-1}\r\n",
        b"{3-}\r\nabc",
        b"\\Seen",
        b"\xc3\xa4",
        b"%",
    ],
)
def test_what_is_no_astring_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        Cursor(text).astring()


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        (b"1", ((1, 1),)),
        (b"*", ((0, 0),)),
        (b"1:*", ((1, 0),)),
        (b"*:4", ((0, 4),)),
        (b"2,4:7,9,12:*", ((2, 2), (4, 7), (9, 9), (12, 0))),
        (b"7:4", ((7, 4),)),
        (b"4294967295", ((4294967295, 4294967295),)),
    ],
)
def test_a_sequence_set_is_read(text: bytes, ranges: Any) -> None:
    assert Cursor(text).sequence_set() == SequenceSet(ranges)


@pytest.mark.parametrize(
    "text",
    b"|0|0:1|1:|:1|1,,2|,1|1,|a|1:2:3|4294967296|**|1:*:2|-1|99999999999999999999|01".split(b"|"),
)
def test_what_is_no_sequence_set_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        parsed(Cursor.sequence_set, text)


def test_a_star_is_the_largest_number_and_nothing_without_one() -> None:
    tail = SequenceSet(((5, 0),))
    assert tail.resolve(3).ranges == ((3, 5),)
    assert tail.resolve(9).ranges == ((5, 9),)
    assert not tail.resolve(0)
    assert SequenceSet(((1, 1), (3, 0))).resolve(0).ranges == ((1, 1),)
    assert tail.has_star
    assert SequenceSet(((1, 7), (9, 0))).highest == 9


def test_a_long_set_is_read_in_linear_time() -> None:
    text = b",".join(b"%d" % number for number in range(1, 20_000, 2))
    assert len(Cursor(text).sequence_set().ranges) == 10_000


# -- the way out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", b'""'),
        (b"a b", b'"a b"'),
        (b'a"b\\', b'"a\\"b\\\\"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"\xc3\xa4", b"{2}\r\n\xc3\xa4"),
        (b"\x00", b"{1}\r\n\x00"),
        (b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_strings_are_spelled_so_that_they_read_the_same(text: bytes, expected: bytes) -> None:
    assert spelling.string(text) == expected
    assert Cursor(expected).string() == text


@pytest.mark.parametrize(
    ("name", "rev1", "utf8"),
    [
        ("INBOX", b"INBOX", b"INBOX"),
        ("a b", b'"a b"', b'"a b"'),
        ("bär", b"b&AOQ-r", b'"b\xc3\xa4r"'),
        ("Q&A", b"Q&-A", b"Q&A"),
        ("nil", b'"nil"', b'"nil"'),
        ("50%", b'"50%"', b'"50%"'),
    ],
)
def test_mailbox_names_are_spelled_for_both_revisions(name: str, rev1: bytes, utf8: bytes) -> None:
    assert spelling.mailbox(name, False) == rev1
    assert spelling.mailbox(name, True) == utf8
    assert Cursor(rev1).mailbox() == name
    assert Cursor(utf8, utf8=True).mailbox() == name


def test_dates_are_spelled_in_utc_with_two_columns_for_the_day() -> None:
    assert spelling.internaldate(0) == b'" 1-Jan-1970 00:00:00 +0000"'
    assert spelling.internaldate(837596665) == b'"17-Jul-1996 09:44:25 +0000"'
    assert Cursor(spelling.internaldate(837596665)).date_time() == 837596665
