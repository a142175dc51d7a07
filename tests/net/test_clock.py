"""Time: the clock that core sees, and timers that a step of the wall clock cannot freeze."""

from __future__ import annotations

import time

from twisted.internet.base import DelayedCall
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.task import Clock

from mailhub.net.clock import ReactorClock, install_monotonic


def test_sleep_and_pause_end_in_their_time() -> None:
    reactor = Clock()
    clock = ReactorClock(reactor, lambda: 1000.5)
    ended: list[str] = []
    clock.sleep(2).addCallback(lambda _: ended.append("sleep"))  # type: ignore[attr-defined]
    clock.pause().addCallback(lambda _: ended.append("pause"))  # type: ignore[attr-defined]
    assert ended == []
    reactor.advance(0)
    assert ended == ["pause"]
    reactor.advance(2)
    assert ended == ["pause", "sleep"]
    assert clock.now() == 1000.5
    assert clock.seconds() == 2.0


def test_what_was_agreed_on_outlives_a_step_of_the_machine_s_clock() -> None:
    wall, monotonic = [1000.0], [5.0]
    clock = ReactorClock(Clock(), lambda: wall[0], lambda: monotonic[0])
    assert clock.now() == 1000.0
    clock.agree(1001.5)
    assert clock.now() == 1001.5
    wall[0], monotonic[0] = -3e8, 7.0
    assert clock.now() == 1003.5
    clock.agree(1003.0)
    assert clock.now() == 1003.0


def test_a_cancelled_sleep_leaves_no_timer() -> None:
    reactor = Clock()
    sleep = ReactorClock(reactor).sleep(5)
    sleep.addErrback(lambda _: None)  # type: ignore[attr-defined]
    sleep.cancel()  # type: ignore[attr-defined]
    assert reactor.getDelayedCalls() == []


def test_the_reactor_counts_monotonic_seconds() -> None:
    reactor = EPollReactor()
    try:
        before = reactor.callLater(50, lambda: None)
        assert isinstance(before, DelayedCall)
        install_monotonic(reactor)
        install_monotonic(reactor)
        after = reactor.callLater(50, lambda: None)
        now = time.monotonic()
        assert abs(before.getTime() - (now + 50)) < 1
        assert abs(after.getTime() - (now + 50)) < 1
        assert abs(reactor.seconds() - now) < 1
        timeout = reactor.timeout()
        assert timeout is not None
        assert 48 < timeout <= 50
    finally:
        reactor.disconnectAll()


def test_a_clock_set_back_does_not_freeze_a_timer() -> None:
    """Driven through the reactor's own loop, with a wall clock that jumps ten years."""
    reactor = EPollReactor()
    install_monotonic(reactor)
    wall, time.time = time.time, lambda: wall() - 315_000_000
    fired: list[float] = []
    try:
        reactor.callLater(0.01, lambda: fired.append(time.monotonic()))
        ends = time.monotonic() + 5
        while not fired and time.monotonic() < ends:
            reactor.runUntilCurrent()
            time.sleep(0.002)
    finally:
        time.time = wall
        reactor.disconnectAll()
    assert fired
