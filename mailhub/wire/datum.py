"""IMAP data (RFC 9051 `nstring` and parenthesized lists) read back from what was rendered.

For this server's own stored answers; the client's side of the grammar belongs to `mailhub.imap`.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from mailhub.model.errors import Invalid

Datum: TypeAlias = "bytes | int | list[Datum] | None"
"""A string, a number, NIL or a list."""

_TOKEN = re.compile(rb' ?(?:(\()|(\))|"((?:[^"\\]++|\\.)*+)"|\{(\d+)\}\r\n|(NIL)|(\d+))', re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


def read(data: bytes, *, cut: bool = False) -> Datum:
    """The one datum that `data` is. Raises Invalid where it is anything else.

    `cut`: the end may be missing; lists end where it does, and what is half there is left out.
    """
    outer: list[Datum] = []
    waiting: list[list[Datum]] = []
    inner = outer
    at = 0
    while at < len(data):
        token = _TOKEN.match(data, at)
        if token is None and cut:
            break
        if token is None:
            raise Invalid("The stored data item is malformed")
        at = token.end()
        opening, closing, quoted, literal, nil, number = token.groups()
        if opening:
            waiting.append(inner)
            inner = []
            waiting[-1].append(inner)
        elif closing:
            if not waiting:
                raise Invalid("The stored data item is malformed")
            inner = waiting.pop()
        elif quoted is not None:
            inner.append(_ESCAPE.sub(rb"\1", quoted) if b"\\" in quoted else quoted)
        elif literal is not None:
            if cut and at + int(literal) > len(data):
                break
            inner.append(data[at : at + int(literal)])
            at += int(literal)
        else:
            inner.append(None if nil else int(number))
    if len(outer) != 1 or ((waiting or at != len(data)) and not cut):
        raise Invalid("The stored data item is malformed")
    return outer[0]


def read_list(data: bytes, length: int) -> list[Datum]:
    """`read` for a list of `length` items."""
    items = read(data)
    if not isinstance(items, list) or len(items) != length:
        raise Invalid("The stored data item is malformed")
    return items
