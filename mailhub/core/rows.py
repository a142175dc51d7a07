"""Goes through what was rendered of many messages: chunk by chunk, the next one asked for early."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from mailhub.core.reading import CHUNK, abandon
from mailhub.core.selected_mailbox import SharedMailbox
from mailhub.core.turns import Turns
from mailhub.model.message import Rendered
from mailhub.model.uids import UidSet
from mailhub.ports import Messages

Row = TypeVar("Row")


async def each_chunk(
    load: Callable[[int, int, UidSet], Awaitable[Sequence[Row]]],
    box: SharedMailbox,
    uids: Sequence[int],
    take: Callable[[Sequence[Row]], Awaitable[None]],
) -> None:
    """Gives `take` the rows of the sorted `uids` that exist, `CHUNK` messages at a time."""
    chunks = [UidSet.from_sorted(uids[at : at + CHUNK]) for at in range(0, len(uids), CHUNK)]
    if not chunks:
        return
    ahead: Awaitable[Sequence[Row]] | None = load(box.account, box.number, chunks[0])
    try:
        for following in range(1, len(chunks) + 1):
            assert ahead is not None
            awaited, ahead = ahead, None
            rows = await awaited
            if following < len(chunks):
                ahead = load(box.account, box.number, chunks[following])
            await take(rows)
    finally:
        abandon(ahead)


async def rendered_rows(
    messages: Messages,
    box: SharedMailbox,
    uids: Sequence[int],
    take: Callable[[int, Rendered], None],
    turns: Turns,
) -> None:
    """Gives `take` what was rendered of each of the sorted `uids` that exists, in their order."""

    async def take_all(rows: Sequence[tuple[int, Rendered]]) -> None:
        for uid, rendered in rows:
            take(uid, rendered)
            await turns.rest()

    await each_chunk(messages.rendered, box, uids, take_all)
