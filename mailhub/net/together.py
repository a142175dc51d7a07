"""Several coroutines at the same time, as `ports.Together`, and one within a time, as
`ports.Within`."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure

from mailhub.model.errors import Unavailable
from mailhub.ports.leases import carried


async def together(work: Sequence[Coroutine[Any, Any, Any]]) -> Sequence[Any]:
    """See `ports.Together`. Cancelling it ends them all."""
    if len(work) == 1:
        return [await work[0]]
    running = [Deferred.fromCoroutine(carried(one)) for one in work]
    try:
        return await gatherResults(running, consumeErrors=True)
    except FirstError as error:
        failed = error.subFailure.value
        assert failed is not None
        raise failed from None


class ReactorWithin:
    """`ports.Within`: what takes too long is cancelled."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    async def __call__(self, work: Coroutine[Any, Any, Any], seconds: float) -> Any:
        """See `ports.Within`."""
        return await Deferred.fromCoroutine(carried(work)).addTimeout(seconds, self._reactor, _late)


def _late(result: Any, seconds: float) -> Any:
    if isinstance(result, Failure):
        raise Unavailable(f"No answer in {seconds:g} s")
    return result
