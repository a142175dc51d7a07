"""A list of anything as tmail's clients read it: one array, in parts for those who ask for parts.

What is listed, and how a row of it looks, is the callers' affair.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from mailhub.http.call import Answer, Call
from mailhub.http.tmail import replies, shapes

BATCH = 250
"""Rows that are made between two turns of the reactor: a few milliseconds' work."""


class Numbered(Protocol):
    """Something that is listed in the order of its numbers."""

    @property
    def number(self) -> int: ...


_Row = TypeVar("_Row", bound=Numbered)


async def listing(
    call: Call,
    read: Callable[[int, int], Awaitable[Sequence[_Row]]],
    show: Callable[[Sequence[_Row]], Awaitable[Sequence[shapes.Shown]]],
) -> Answer:
    """The part that the query asks for, with a link to the next where there is one (RFC 8288).

    `read`: at most so many rows with a greater number than this (after, limit), in order; it takes
    a turn of the reactor. Raises Refusal.
    """
    wanted = shapes.page(call)
    made: list[bytes] = []
    after, more = wanted.cursor, True
    while more and len(made) < wanted.limit:
        limit = min(BATCH, wanted.limit - len(made))
        found = await read(after, limit + 1)
        more, found = len(found) > limit, found[:limit]
        made += map(shapes.dumped, await show(found))
        after = found[-1].number if found else after
    links = (shapes.more(call, wanted, after),) if more else ()
    return replies.raw_json(shapes.array(made), *links)
