"""Goes through what was rendered of many messages: chunk by chunk, the next one asked for early.

A chunk is bounded in messages and in bytes, so that a mailbox of messages with ten thousand
recipients or parts each costs no more memory than any other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from mailhub.core.reading import CHUNK, abandon
from mailhub.core.selected_mailbox import SharedMailbox
from mailhub.core.turns import Turns
from mailhub.model.message import Rendered
from mailhub.model.uids import UidSet
from mailhub.ports import Messages

BUDGET = 32 * 1024 * 1024
"""Bytes of the messages of one chunk. What is rendered is a fraction of a usual message and a few
times the size of a hostile one."""
ENOUGH = 2 * 1024 * 1024
"""Bytes that a message counts at most: more does not make what is rendered larger."""

Row = TypeVar("Row")


def bounded(sizes: Sequence[int], most: int = CHUNK) -> Iterator[tuple[int, int]]:
    """Cuts messages of these `sizes` into chunks [start, stop)."""
    start, end = 0, len(sizes)
    while start < end:
        stop = min(start + most, end)
        if sum(sizes[start:stop]) > BUDGET:
            room = BUDGET
            for place in range(start, stop):
                room -= min(sizes[place], ENOUGH)
                if room < 0:
                    stop = max(place, start + 1)
                    break
        yield start, stop
        start = stop


async def each_chunk(
    load: Callable[[int, int, UidSet], Awaitable[Sequence[Row]]],
    box: SharedMailbox,
    uids: Sequence[int],
    sizes: Sequence[int],
    take: Callable[[Sequence[Row]], Awaitable[None]],
) -> None:
    """Gives `take` the rows of the sorted `uids` that exist, chunk by chunk."""
    chunks = (UidSet.from_sorted(uids[start:stop]) for start, stop in bounded(sizes))
    ahead: Awaitable[Sequence[Row]] | None = None

    def ask() -> Awaitable[Sequence[Row]] | None:
        chunk = next(chunks, None)
        return None if chunk is None else load(box.account, box.number, chunk)

    try:
        ahead = ask()
        while ahead is not None:
            awaited, ahead = ahead, None
            rows = await awaited
            ahead = ask()
            await take(rows)
    finally:
        abandon(ahead)


async def rendered_rows(
    messages: Messages,
    box: SharedMailbox,
    uids: Sequence[int],
    sizes: Sequence[int],
    take: Callable[[int, Rendered], None],
    turns: Turns,
) -> None:
    """Gives `take` what was rendered of each of the sorted `uids` that exists, in their order."""

    async def take_all(rows: Sequence[tuple[int, Rendered]]) -> None:
        for uid, rendered in rows:
            take(uid, rendered)
            await turns.rest()

    await each_chunk(messages.rendered, box, uids, sizes, take_all)
