"""LIST patterns against a plain definition of the wildcards, and against bombs."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.imap.patterns import compiled


def defined(pattern: str, name: str) -> bool:
    """What RFC 9051 6.3.9 says, as a regular expression that may take for ever."""
    parts = {"*": ".*", "%": "[^/]*"}
    text = "".join(parts.get(letter) or re.escape(letter) for letter in pattern)
    return re.fullmatch(text, name, re.DOTALL) is not None


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.text("ab/*%", max_size=8), st.text("ab/", max_size=8))
def test_matching_is_as_defined(pattern: str, name: str) -> None:
    assert compiled(pattern)(name) == defined(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("inbox", "INBOX", True),
        ("iNb*", "INBOX", True),
        ("*x", "INBOX", True),
        ("inbox/%", "INBOX/a", True),
        ("inboxes", "INBOXES", False),
        ("inbox%", "INBOX", True),
        ("a", "A", False),
        ("%", "a/b", False),
        ("*", "a/b", True),
        ("a.b", "axb", False),
        ("ä*", "ä/ö", True),
        ("", "a", False),
    ],
)
def test_names(pattern: str, name: str, matches: bool) -> None:
    assert compiled(pattern)(name) is matches


@pytest.mark.parametrize("pattern", ["*a" * 500, "%a" * 500 + "*b", "*%" * 500, "*" * 1000])
def test_no_pattern_is_a_bomb(pattern: str) -> None:
    test = compiled(pattern)
    started = time.process_time()
    for _ in range(10):
        test("a" * 1000)
        test("a/" * 500)
    assert time.process_time() - started < 1.0
