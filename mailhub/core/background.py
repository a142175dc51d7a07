"""Runs a coroutine that nobody waits for, and logs how it failed.

Core has no reactor. A coroutine that waits yields what it waits for; this needs of that only the
two callbacks that a Deferred offers, so the same code serves the stores that answer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from mailhub.ports import Log
from mailhub.ports.leases import LeaseLost, carried


class Waited(Protocol):
    """What a waiting coroutine yields: a Deferred, seen from here."""

    def addCallbacks(
        self, callback: Callable[[Any], Any], errback: Callable[[Any], Any]
    ) -> Any: ...


def spawn(work: Coroutine[Any, Any, None], log: Log | None, what: str) -> None:
    """Starts `work` at once; an exception in it becomes the log event `background-failed`.
    What is begun under a lease ends with it."""
    work = carried(work)
    _advance(work, log, what, lambda: work.send(None))


def _advance(
    work: Coroutine[Any, Any, None], log: Log | None, what: str, step: Callable[[], Waited]
) -> None:
    try:
        waited = step()
    except (StopIteration, LeaseLost):
        return
    except Exception as error:
        if log is not None:
            kind = type(error).__name__
            log.event("background-failed", what=what, error=kind, reason=str(error))
        return

    def resume(result: Any) -> None:
        _advance(work, log, what, lambda: work.send(result))

    def fail(failure: Any) -> None:
        _advance(work, log, what, lambda: work.throw(failure.value))

    waited.addCallbacks(resume, fail)
