"""Work that follows changes: soon, never twice at a time, and not lost."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailhub.net.stirred import FAILED, Stirred
from tests.fakes import ListLog


class Bench:
    """Work that waits until it is let go."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.log = ListLog()
        self.begun = 0
        self.ends: list[Deferred[None]] = []
        self.stirred = Stirred(self.work, 100.0, self.clock, self.log, "following")

    async def work(self) -> None:
        self.begun += 1
        end: Deferred[None] = Deferred()
        self.ends.append(end)
        await end

    def end(self, error: Exception | None = None) -> None:
        """What is under way is over."""
        end = self.ends.pop()
        if error is None:
            end.callback(None)
        else:
            end.errback(error)


def test_it_waits_for_what_comes_together() -> None:
    bench = Bench()
    bench.stirred.stir(1.0)
    bench.clock.advance(2.0)
    assert bench.begun == 0, "it has not started"
    bench.stirred.start()
    bench.clock.advance(0.0)
    bench.end()
    for wait in (5.0, 1.0, 5.0):
        bench.stirred.stir(wait)
    bench.clock.advance(0.9)
    assert bench.begun == 1
    bench.clock.advance(0.1)
    assert bench.begun == 2


def test_what_stirs_meanwhile_is_not_lost() -> None:
    bench = Bench()
    bench.stirred.start()
    bench.clock.advance(0.0)
    bench.stirred.stir(9.0)
    bench.stirred.stir(2.0)
    bench.clock.advance(50.0)
    assert bench.begun == 1
    bench.end()
    bench.clock.advance(2.0)
    assert bench.begun == 2
    bench.end()
    bench.clock.advance(99.0)
    assert bench.begun == 2
    bench.clock.advance(1.0)
    assert bench.begun == 3


def test_a_failure_is_told_and_tried_again() -> None:
    bench = Bench()
    bench.stirred.start()
    bench.clock.advance(0.0)
    bench.end(ValueError("no"))
    assert [one["what"] for one in bench.log.named("background-failed")] == ["following"]
    bench.clock.advance(FAILED)
    assert bench.begun == 2


def test_it_can_be_stopped_at_any_time() -> None:
    for moment in (0, 1, 2):
        bench = Bench()
        bench.stirred.start()
        if moment:
            bench.clock.advance(0.0)
        if moment == 2:
            bench.end()
        bench.stirred.stop()
        bench.stirred.stir()
        bench.clock.advance(1000.0)
        assert bench.begun == min(moment, 1)
        assert bench.clock.getDelayedCalls() == []
        assert bench.log.named("background-failed") == []
