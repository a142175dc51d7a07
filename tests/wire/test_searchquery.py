"""The query language, as a table; and that nothing but Invalid comes of any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.model.flags import FLAGGED, SEEN
from mailhub.model.search import (
    ANYWHERE,
    And,
    Arrived,
    Everything,
    HasAttachments,
    HasFlag,
    InMailbox,
    InUids,
    Larger,
    Not,
    Or,
    Says,
    SearchKey,
    Smaller,
    ThreadIdIs,
    Where,
)
from mailhub.model.sequence import SequenceSet
from mailhub.wire.searchquery import LENGTH, TERMS, moment, parse, parse_words

NOW = 1_800_000_000


def says(text: str, phrase: bool = False) -> Says:
    return Says(ANYWHERE, text, phrase)


A, B, C = says("a"), says("b"), says("c")
SUBJECT = (Where.SUBJECT,)


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("", Everything()),
        ("a", A),
        ("a b", And((A, B))),
        ("a AND b", And((A, B))),
        ("a and b", And((A, says("and"), B))),
        ("a OR b", Or(A, B)),
        ("a b OR c", Or(And((A, B)), C)),
        ("a OR b OR c", Or(Or(A, B), C)),
        ("a (b OR c)", And((A, Or(B, C)))),
        ("OR a OR", A),
        ("-a", Not(A)),
        ("NOT a", Not(A)),
        ("- a", And((says("-"), A))),
        ("-(a b)", Not(And((A, B)))),
        ("-NOT a", A),
        ("()", Everything()),
        ("((a))", A),
        ("e-mail", says("e-mail")),
        ('"a b"', says("a b", True)),
        ('"a b', says("a b", True)),
        ('"AND"', says("AND", True)),
        ('-"a b" c', And((Not(says("a b", True)), C))),
        ("subject:a", Says(SUBJECT, "a")),
        ("SUBJECT:a", Says(SUBJECT, "a")),
        ('subject:"a b"', Says(SUBJECT, "a b", True)),
        ("-subject:a", Not(Says(SUBJECT, "a"))),
        ("subject:", says("subject:")),
        ("to:ann@example.org", Says((Where.TO, Where.CC), "ann@example.org")),
        ("http://x.example/", says("http://x.example/")),
        ('odd:"a b"', And((says("odd"), says("a b", True)))),
        ("in:Trash", InMailbox("Trash")),
        ('mailbox:"Sent Mail"', InMailbox("Sent Mail")),
        ("thread:0000000100000002000000FF", ThreadIdIs("0000000100000002000000ff")),
        ("id:7", InUids(SequenceSet(((7, 7),)))),
        ("after:2026-11-21", Arrived(since=1795219200)),
        ("newer:2026/11/21", Arrived(since=1795219200)),
        ("datestart:2026-11-21T01:00:00+01:00", Arrived(since=1795219200)),
        ("newer:2d", Arrived(since=NOW - 172_800)),
        ("before:2026-11-21", Arrived(until=1795219200)),
        ("older:1y", Arrived(until=NOW - 365 * 86_400)),
        ("dateend:2026-11-21T00:00:00Z", Arrived(until=1795219201)),
        ("minsize:10k", Larger(10_239)),
        ("maxsize:5M", Smaller((5 << 20) + 1)),
        ("attachments:true", HasAttachments()),
        ("has:attachment", HasAttachments()),
        ("flagged:no", Not(HasFlag(FLAGGED))),
        ("is:starred", HasFlag(FLAGGED)),
        ("seen:1", HasFlag(SEEN)),
        ("is:unread", Not(HasFlag(SEEN))),
        ("unseen:false", Not(Not(HasFlag(SEEN)))),
        ("searchable:true", Not(Or(InMailbox("trash"), InMailbox("junk")))),
    ],
)
def test_a_query_and_what_it_asks_for(query: str, key: SearchKey) -> None:
    assert parse(query, NOW) == key


@pytest.mark.parametrize(
    "query",
    [
        *("(a", "a)", ")", "(" * 17 + "a" + ")" * 17, "a " * (TERMS + 1), "x" * (LENGTH + 1)),
        *("after:yesterday", "before:2026-13-01", "minsize:much", "thread:1", "id:0", "id:x"),
        *("is:odd", "has:money", "seen:perhaps", 'id:"5 6"'),
    ],
)
def test_what_is_refused(query: str) -> None:
    with pytest.raises(Invalid):
        parse(query, NOW)


@pytest.mark.parametrize(
    ("query", "any_word", "key"),
    [
        ("a b", False, And((A, B))),
        ("a b", True, Or(A, B)),
        ("a -b", True, And((A, Not(B)))),
        ("-b -c", True, And((Not(B), Not(C)))),
        ("a OR (b", False, And((A, says("OR"), B))),
        ("from:a", False, says("from:a")),
        ('"a b"', True, says("a b", True)),
    ],
)
def test_words_alone(query: str, any_word: bool, key: SearchKey) -> None:
    assert parse_words(query, any_word=any_word) == key


PIECES = [
    "(",
    ")",
    " ",
    "-",
    "OR",
    "AND",
    "NOT",
    '"',
    "a",
    "from:",
    "is:",
    "after:",
    "5d",
    "é:",
    ":",
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)))
def test_nothing_but_invalid_is_raised(query: str) -> None:
    for read in (lambda: parse(query, NOW), lambda: parse_words(query)):
        try:
            read()
        except Invalid:
            continue


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("0001-01-01", 0),
        ("99999y", 0),
        ("9999-12-31T23:59:59-12:00", 253_402_343_999),
        ("2026-11-21", 1_795_219_200),
    ],
)
def test_dates_at_the_ends_of_time(value: str, at: int) -> None:
    assert moment(value, NOW) == at


def test_what_is_said_of_a_fault_is_short() -> None:
    with pytest.raises(Invalid, match=r"^x{40} is not a date$"):
        moment("x" * 900, NOW)
