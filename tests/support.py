"""Drives core's coroutines where every port answers at once: no reactor, no event loop."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


def run(awaitable: Awaitable[T]) -> T:
    """Its result. Fails where it waits for something that memory ports never do."""
    coroutine = _awaiting(awaitable)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise AssertionError("the coroutine waited for an event that memory ports do not make")


async def _awaiting(awaitable: Awaitable[T]) -> T:
    return await awaitable
