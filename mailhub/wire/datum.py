"""IMAP data (RFC 9051 `nstring` and parenthesized lists) read back from what was rendered.

For this server's own stored answers; the client's side of the grammar belongs to `mailhub.imap`.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from mailhub.model.errors import Invalid

Datum: TypeAlias = "bytes | int | list[Datum] | None"
"""A string, a number, NIL or a list."""

_TOKEN = re.compile(
    rb' ?(?:(\()|(\))|"((?>(?:[^"\\]++|\\.)*))"|\{(\d+)\}\r\n|(NIL)|(\d+))', re.DOTALL
)
_OPENING, _CLOSING, _QUOTED, _LITERAL, _NIL, _NUMBER = range(1, 7)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


def read(data: bytes, *, cut: bool = False) -> Datum:
    """The one datum that `data` is. Raises Invalid where it is anything else.

    `cut`: the end may be missing; lists end where it does, and what is half there is left out.
    """
    outer: list[Datum] = []
    waiting: list[list[Datum]] = []
    inner = outer
    at = 0
    following = _TOKEN.scanner(data).match  # type: ignore[attr-defined]
    while (token := following()) is not None:
        at = token.end()
        kind = token.lastindex
        if kind == _QUOTED:
            quoted = token[_QUOTED]
            inner.append(_ESCAPE.sub(rb"\1", quoted) if b"\\" in quoted else quoted)
        elif kind == _NIL:
            inner.append(None)
        elif kind == _OPENING:
            waiting.append(inner)
            inner = []
            waiting[-1].append(inner)
        elif kind == _CLOSING:
            if not waiting:
                raise Invalid("The stored data item is malformed")
            inner = waiting.pop()
        elif kind == _NUMBER:
            inner.append(int(token[_NUMBER]))
        else:
            size = int(token[_LITERAL])
            if cut and at + size > len(data):
                break
            inner.append(data[at : at + size])
            at += size
            following = _TOKEN.scanner(data, at).match  # type: ignore[attr-defined]
    if at < len(data) and not cut:
        raise Invalid("The stored data item is malformed")
    if len(outer) != 1 or ((waiting or at != len(data)) and not cut):
        raise Invalid("The stored data item is malformed")
    return outer[0]


def read_list(data: bytes, length: int) -> list[Datum]:
    """`read` for a list of `length` items."""
    items = read(data)
    if not isinstance(items, list) or len(items) != length:
        raise Invalid("The stored data item is malformed")
    return items
