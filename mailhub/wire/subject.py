"""The base subject by which IMAP sorts and threads (RFC 5256 2.1). Takes decoded text only."""

from __future__ import annotations

import re

LIMIT = 1000
"""Characters that count: more is no subject, and the rules below look at it again and again."""

_SPACE = re.compile(r"[ \t\r\n]+")
_BLOB = re.compile(r"\[[^\[\]]*\][ ]*")
_LEADER = re.compile(r"(?:\[[^\[\]]*\][ ]*)*(?:re|fwd?)[ ]*(?:\[[^\[\]]*\][ ]*)?:|[ ]", re.I)
_TRAILER = re.compile(r"(?:\(fwd\)|[ ])$", re.I)
_WRAPPED = re.compile(r"\[fwd:.*\]", re.I | re.S)


def base(subject: str) -> str:
    """`subject` (decoded, unfolded) without reply and forward marks, list tags and edge spaces.

    The case is kept: compare with a case-folding collation.
    """
    return split(subject)[0]


def split(subject: str) -> tuple[str, bool]:
    """(base subject, whether a mark of a reply or a forward was taken off)."""
    text = _SPACE.sub(" ", subject[:LIMIT])
    marked = False
    while True:
        text, trailed = _without_trailers(text)
        text, led = _without_leaders(text)
        marked = marked or trailed or led
        if _WRAPPED.fullmatch(text) is None:
            return text, marked
        text = text[5:-1]
        marked = True


def _without_trailers(text: str) -> tuple[str, bool]:
    marked = False
    while (found := _TRAILER.search(text)) is not None:
        marked = marked or found[0] != " "
        text = text[: found.start()]
    return text, marked


def _without_leaders(text: str) -> tuple[str, bool]:
    """Steps 3 to 5: leaders, and list tags as long as something stands behind them."""
    marked = False
    while True:
        if (leader := _LEADER.match(text)) is not None:
            marked = marked or leader[0] != " "
            text = text[leader.end() :]
        elif (blob := _BLOB.match(text)) is not None and blob.end() < len(text):
            text = text[blob.end() :]
        else:
            return text, marked
