"""Long work on a message as generators that stop every millisecond or so, for a caller who shares
one thread with many sessions; and the way to do the same work at once."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Buffer = bytes | bytearray | memoryview
"""A message's bytes, which may lie in a mapped file."""


def finish(steps: Generator[None, None, T]) -> T:
    """Runs sliced work to its end without a pause; what it returned."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result


def searchable(data: Buffer, limit: int) -> Buffer:
    """What `data` shows, as bytes where that costs little (up to `limit` bytes): a view cannot be
    searched in place."""
    if isinstance(data, memoryview):
        whole = data.obj
        if isinstance(whole, bytes) and len(whole) == data.nbytes and data.c_contiguous:
            return whole
        if data.nbytes <= limit:
            return bytes(data)
    return data
