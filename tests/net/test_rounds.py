from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailhub.net.rounds import Round
from tests.fakes import ListLog
from tests.support import run


class Work:
    def __init__(self) -> None:
        self.begun = 0
        self.waiting: list[Deferred[None]] = []
        self.then: Callable[[], None] = lambda: None

    async def go(self) -> None:
        self.begun += 1
        self.then()
        if self.waiting:
            await self.waiting[0]


def test_work_comes_round_and_failures_are_logged() -> None:
    reactor, log, work = Clock(), ListLog(), Work()
    one = Round(work.go, 10, reactor, log, "work", first=3)
    one.start()
    reactor.advance(2)
    assert work.begun == 0
    reactor.advance(1)
    assert work.begun == 1

    def fail() -> None:
        raise ValueError("broken")

    work.then = fail
    reactor.advance(10)
    assert work.begun == 2
    (event,) = log.named("background-failed")
    assert event == {"what": "work", "error": "ValueError", "reason": "broken"}
    reactor.advance(10)
    assert work.begun == 3
    run(one.stop())
    reactor.advance(100)
    assert work.begun == 3


def test_a_round_that_takes_long_is_never_run_twice_at_once_and_stops_when_told() -> None:
    reactor, log, work = Clock(), ListLog(), Work()
    cancelled: list[bool] = []
    work.waiting = [Deferred(lambda _: cancelled.append(True))]
    one = Round(work.go, 10, reactor, log, "work")
    one.start()
    reactor.advance(5)
    reactor.advance(100)
    assert work.begun == 1
    run(one.stop())
    assert cancelled == [True]
    assert not reactor.getDelayedCalls()
    assert not log.events


def test_a_last_round_follows_the_one_under_way() -> None:
    reactor, log, work = Clock(), ListLog(), Work()
    hold: Deferred[None] = Deferred()
    work.waiting = [hold]
    one = Round(work.go, 10, reactor, log, "work", last=True)
    one.start()
    reactor.advance(5)
    stopped = Deferred.fromCoroutine(one.stop())
    assert (work.begun, stopped.called) == (1, False)
    work.waiting = []
    hold.callback(None)
    assert (work.begun, stopped.called) == (2, True)
    reactor.advance(100)
    assert work.begun == 2


def test_a_last_round_is_run_where_none_was() -> None:
    reactor, log, work = Clock(), ListLog(), Work()
    one = Round(work.go, 10, reactor, log, "work", last=True)
    one.start()
    run(one.stop())
    assert work.begun == 1
    reactor.advance(100)
    assert work.begun == 1
