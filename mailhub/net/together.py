"""Several coroutines at the same time, as `ports.Together`."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults


async def together(work: Sequence[Coroutine[Any, Any, Any]]) -> Sequence[Any]:
    """See `ports.Together`. Cancelling it ends them all."""
    if len(work) == 1:
        return [await work[0]]
    running = [Deferred.fromCoroutine(one) for one in work]
    try:
        return await gatherResults(running, consumeErrors=True)
    except FirstError as error:
        failed = error.subFailure.value
        assert failed is not None
        raise failed from None
