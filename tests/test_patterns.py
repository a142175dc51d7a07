"""Patterns mean the same to every Python that mailhub runs on."""

from __future__ import annotations

import re
from pathlib import Path

import mailhub

FOLDED = r"(?:\n[ \t][^\n]*+)*+"
"""Nothing in it can be given back, so every Python agrees on it; and where headers are read, an
atomic group would remember each line until it ends."""
POSSESSIVE = re.compile(r"(?<!\()\)(?:[*+?]|\{[0-9,]+\})\+")
SOURCES = Path(mailhub.__file__).parent


def test_groups_that_keep_what_they_read_are_atomic() -> None:
    """Python before 3.11.5 does not give back what the last round of a possessive group had read
    when that round fails inside a branch or a repeat (CPython gh-106052): `(?>(?:...)*)` for it."""
    sources = sorted(SOURCES.rglob("*.py"))
    possessive = {
        str(path.relative_to(SOURCES)): found
        for path in sources
        if (found := POSSESSIVE.findall(path.read_text().replace(FOLDED, "")))
    }
    assert sources
    assert not possessive
