"""Puts one grammar rule to one text."""

from __future__ import annotations

from typing import Any

from mailhub.imap.grammar.cursor import Cursor
from mailhub.model.sequence import SequenceSet

ONE = SequenceSet(((1, 1),))


def parsed(rule: Any, text: bytes, *, utf8: bool = False) -> Any:
    """What `rule` makes of a command's arguments, all of them."""
    cursor = Cursor(text, 0, utf8)
    value = rule(cursor)
    cursor.end()
    return value
