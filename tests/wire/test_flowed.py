"""Lines that are wrapped on the way and joined again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import flowed

LONG = "The quick brown fox jumps over the lazy dog " * 5

CASES = [
    ("", ""),
    ("one line", "one line"),
    ("ends in a space ", "ends in a space"),
    (" begins with one", "  begins with one"),
    ("From here", " From here"),
    ("-- \nAnn", "-- \nAnn"),
    ("> quoted", "> quoted"),
    ("> > twice", ">> twice"),
    (">> twice", ">> twice"),
    (">", ">"),
    ("a\r\nb\rc", "a\nb\nc"),
    ("no\0thing", "nothing"),
]


@pytest.mark.parametrize(("typed", "sent"), CASES)
def test_a_short_line_stays_one_line(typed: str, sent: str) -> None:
    assert flowed.flow(typed) == sent


def test_a_long_line_is_wrapped_at_spaces() -> None:
    lines = flowed.flow(LONG).split("\n")
    assert len(lines) > 2
    assert all(len(line) <= flowed.WIDTH for line in lines)
    assert all(line.endswith(" ") for line in lines[:-1])
    assert not lines[-1].endswith(" ")


def test_a_long_quotation_is_quoted_in_each_line() -> None:
    lines = flowed.flow(f">> {LONG}").split("\n")
    assert len(lines) > 2
    assert all(line.startswith(">> ") for line in lines)
    assert flowed.unflow("\n".join(lines)) == f">> {LONG}".rstrip()


def test_a_word_that_is_too_long_stays_whole() -> None:
    url = "https://example.org/" + "a" * 200
    assert flowed.flow(f"see {url} there").split("\n") == ["see ", f"{url} ", "there"]


def test_what_others_wrapped_is_joined() -> None:
    assert flowed.unflow("a \nb \nc\nd") == "a b c\nd"
    assert flowed.unflow("a \nb", delsp=True) == "ab"
    assert flowed.unflow("> a \n> b\nc") == "> a b\nc"


def test_a_paragraph_ends_where_quotation_ends() -> None:
    assert flowed.unflow("> a \nb") == "> a\nb"


def test_a_signature_is_joined_with_nothing() -> None:
    assert flowed.unflow("a \n-- \nAnn") == "a\n-- \nAnn"


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a\n\nb", "> a\n>\n> b"),
        ("> a\nb", ">> a\n> b"),
        ("a\n-- \nAnn\n", "> a"),
        ("a\n\n\n", "> a"),
        ("", ""),
    ],
)
def test_a_text_is_quoted(text: str, quoted: str) -> None:
    assert flowed.quote(text) == quoted


TEXTS = st.text(st.sampled_from("ab -->F\n\tür") | st.characters(codec="utf-8"), max_size=300)


def normal(text: str) -> str:
    """Without what nobody sees: spaces at ends of lines and between marks of quotation."""
    made = []
    for line in flowed.lines(text):
        found = re.match(r"(?:> ?)+", line)
        marks = found[0] if found else ""
        depth, rest = marks.count(">"), line[len(marks) :]
        rest = rest if rest == "-- " else rest.rstrip(" ")
        made.append(">" * depth + (" " if depth and rest else "") + rest)
    return "\n".join(made)


@given(TEXTS | st.builds(lambda text, times: text * times, TEXTS, st.integers(1, 20)))
@settings(max_examples=50)
def test_what_is_wrapped_is_joined_to_the_same(text: str) -> None:
    assert flowed.unflow(flowed.flow(text)) == normal(text)


@given(TEXTS)
@settings(max_examples=50)
def test_any_text_is_read(text: str) -> None:
    flowed.unflow(text, delsp=True)
    assert all(line.startswith(">") for line in flowed.quote(text).split("\n") if line)
