from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from mailhub.core.background import spawn
from tests.fakes import ListLog


class Later:
    """What a Deferred looks like to a coroutine."""

    def __init__(self) -> None:
        self.callbacks: tuple[Callable[[Any], Any], Callable[[Any], Any]] | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield self)

    def addCallbacks(self, callback: Callable[[Any], Any], errback: Callable[[Any], Any]) -> None:
        self.callbacks = (callback, errback)


class FailureLike:
    def __init__(self, value: Exception) -> None:
        self.value = value


def test_work_that_waits_goes_on_with_each_result() -> None:
    first, second, seen = Later(), Later(), []

    async def work() -> None:
        seen.append(await first)
        seen.append(await second)

    log = ListLog()
    spawn(work(), log, "test")
    assert first.callbacks is not None
    first.callbacks[0]("one")
    assert second.callbacks is not None
    second.callbacks[0]("two")
    assert seen == ["one", "two"]
    assert log.events == []


def test_a_failure_is_raised_where_it_was_waited_for() -> None:
    later, seen = Later(), []

    async def work() -> None:
        try:
            await later
        except KeyError as error:
            seen.append(error)

    spawn(work(), ListLog(), "test")
    assert later.callbacks is not None
    later.callbacks[1](FailureLike(KeyError("gone")))
    assert [str(one) for one in seen] == ["'gone'"]


def test_an_exception_nobody_waits_for_is_logged() -> None:
    async def work() -> None:
        raise ValueError("no such luck")

    log = ListLog()
    spawn(work(), log, "journal")
    assert log.named("background-failed") == [
        {"what": "journal", "error": "ValueError", "reason": "no such luck"}
    ]
