"""Which recipients of a lease share a transaction: those of one message that go the same way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import groupby

from mailhub.model.queue import QueueEntry
from mailhub.model.route import Route
from mailhub.queue.ways import Choice

Choose = Callable[[QueueEntry], Awaitable[tuple[Choice, Sequence[Route]]]]


async def groups(
    entries: Sequence[QueueEntry], most: int, choose: Choose
) -> AsyncIterator[tuple[Choice, Sequence[Route], Sequence[QueueEntry]]]:
    """`entries`: in order of their messages. `most`: recipients that one transaction takes."""
    for _, alike in groupby(entries, key=lambda entry: entry.message):
        by_choice: dict[Choice, tuple[Sequence[Route], list[QueueEntry]]] = {}
        for entry in alike:
            choice, routes = await choose(entry)
            by_choice.setdefault(choice, (routes, []))[1].append(entry)
        for choice, (routes, group) in by_choice.items():
            for start in range(0, len(group), most):
                yield choice, routes, group[start : start + most]
