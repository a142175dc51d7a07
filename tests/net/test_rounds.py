from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailhub.model.node import Fence
from mailhub.net.rounds import Leased, Round
from mailhub.ports.leases import fence
from mailhub.store.leases import OneLease
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


def test_a_round_under_a_lease_comes_only_while_it_is_held_and_begins_anew_with_each_turn() -> None:
    reactor, log, work = Clock(), ListLog(), Work()
    lease = OneLease("work", reactor.seconds)
    one = Round(work.go, 10, reactor, log, "work", first=3, lease=lease)
    one.start()
    reactor.advance(100)
    assert work.begun == 0
    lease.grant(1, 150)
    reactor.advance(3)
    reactor.advance(10)
    assert work.begun == 2
    lease.lose()
    reactor.advance(100)
    assert work.begun == 2
    lease.grant(2, 1000)
    reactor.advance(3)
    assert work.begun == 3
    run(one.stop())
    assert not lease.wanted
    reactor.advance(100)
    assert work.begun == 3
    assert not reactor.getDelayedCalls()


def test_a_round_whose_lease_is_lost_is_broken_off_and_does_not_hinder_the_next() -> None:
    reactor, log, work = Clock(), ListLog(), Work()
    lease = OneLease("work", reactor.seconds)
    one = Round(work.go, 10, reactor, log, "work", first=3, lease=lease)
    one.start()
    lease.grant(1, 50)
    slow: Deferred[None] = Deferred(lambda _: None)  # takes its time to be cancelled
    work.waiting = [slow]
    reactor.advance(3)
    lease.lose()
    work.waiting = []
    lease.grant(2, 1000)
    reactor.advance(3)
    reactor.advance(10)
    assert work.begun == 3
    assert not log.events
    run(one.stop())


def test_a_timer_that_fires_late_begins_nothing_without_the_lease() -> None:
    reactor, log, work = Clock(), ListLog(), Work()
    lease = OneLease("work", reactor.seconds)
    one = Round(work.go, 10, reactor, log, "work", first=3, lease=lease)
    one.start()
    lease.grant(1, 2)
    reactor.advance(3)  # nobody looked at the lease in between
    assert work.begun == 0
    assert not log.events


class Service:
    """Something with a beginning and an end."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.fences: list[object] = []

    async def start(self) -> None:
        self.told.append("start")
        self.fences.append(fence())

    async def stop(self) -> None:
        self.told.append("stop")
        self.fences.append(fence())


def test_what_runs_under_a_lease_starts_and_stops_with_it_and_ends_in_its_own_turn() -> None:
    reactor, log, service = Clock(), ListLog(), Service()
    lease = OneLease("work", reactor.seconds)
    leased = Leased(service.start, service.stop, lease, log, "work")
    leased.start()
    assert service.told == []
    lease.grant(1, 50)
    lease.grant(2, 60)
    assert service.told == ["start", "stop", "start"]
    assert service.fences == [Fence("work", 1), Fence("work", 1), Fence("work", 2)]
    run(leased.stop())
    run(leased.stop())
    assert service.told == ["start", "stop", "start", "stop"]
    lease.grant(3, 70)
    assert service.told == ["start", "stop", "start", "stop"]


def test_a_new_turn_waits_until_the_one_before_has_ended_here() -> None:
    reactor, service = Clock(), Service()
    hold: Deferred[None] = Deferred()

    async def stop() -> None:
        await hold
        await service.stop()

    lease = OneLease("work", reactor.seconds)
    Leased(service.start, stop, lease, ListLog(), "work").start()
    lease.grant(1, 50)
    lease.lose()
    lease.grant(2, 60)
    assert service.told == ["start"]
    hold.callback(None)
    assert service.told == ["start", "stop", "start"]
    assert service.fences == [Fence("work", 1), Fence("work", 1), Fence("work", 2)]
