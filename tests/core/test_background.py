from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

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


@pytest.mark.parametrize("late", [True, False])
def test_a_real_deferred_is_waited_for(late: bool) -> None:
    good: Deferred[str] = Deferred()
    bad: Deferred[str] = Deferred()
    seen: list[object] = []

    def fire() -> None:
        good.callback("one")
        bad.errback(KeyError("gone"))

    async def work() -> None:
        seen.append(await good)
        try:
            await bad
        except KeyError as error:
            seen.append(error.args[0])
        raise ValueError("the end")

    log = ListLog()
    if not late:
        fire()
    spawn(work(), log, "test")
    if late:
        fire()
    assert seen == ["one", "gone"]
    assert [event["error"] for event in log.named("background-failed")] == ["ValueError"]
