from __future__ import annotations

import os
import threading

import pytest
from twisted.internet.defer import ensureDeferred

from mailhub.model.errors import Unavailable
from mailhub.net.hashing import InlineHashing, PooledHashing
from mailhub.net.passwords import Cost
from tests.support import run

CHEAP = Cost(memory=64, passes=1, lanes=1, iterations=4096)


class Turnstile:
    """A reactor's one method that a pool needs: what threads hand over, run by the test."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []
        self.arrived = threading.Semaphore(0)

    def callFromThread(self, function, *args, **kwargs) -> None:
        self.calls.append((function, args, kwargs))
        self.arrived.release()

    def turn(self, count: int) -> None:
        for _ in range(count):
            assert self.arrived.acquire(timeout=30)
            function, args, kwargs = self.calls.pop(0)
            function(*args, **kwargs)


def test_hashes_are_made_and_checked_on_other_threads() -> None:
    reactor = Turnstile()
    pool = PooledHashing(reactor, os.urandom, cost=CHEAP)
    pool.start()
    try:
        made: list = []
        ensureDeferred(pool.hash("secret")).addCallback(made.append)
        assert made == []
        reactor.turn(1)
        checked: list = []
        ensureDeferred(pool.verify("secret", made[0].password)).addCallback(checked.append)
        ensureDeferred(pool.verify("wrong", made[0].password)).addCallback(checked.append)
        reactor.turn(2)
        assert sorted(checked) == [(False, False), (True, False)]
    finally:
        pool.stop()


def test_a_full_queue_refuses_and_recovers() -> None:
    reactor = Turnstile()
    pool = PooledHashing(reactor, os.urandom, queue=3, cost=CHEAP)
    waiting = [ensureDeferred(pool.verify("x", "")) for _ in range(3)]
    refused = ensureDeferred(pool.verify("x", ""))
    failures: list = []
    refused.addErrback(lambda failure: failures.append(failure.check(Unavailable)))
    assert failures == [Unavailable]
    pool.start()
    try:
        reactor.turn(3)
        assert [one.result for one in waiting] == [(False, False)] * 3
        again = ensureDeferred(pool.verify("x", ""))
        reactor.turn(1)
        assert again.result == (False, False)
    finally:
        pool.stop()


@pytest.mark.parametrize(("password", "right"), [("secret", True), ("Secret", False)])
def test_inline_hashing_answers_at_once(password: str, right: bool) -> None:
    hashing = InlineHashing(os.urandom, CHEAP)
    made = run(hashing.hash("secret"))
    assert run(hashing.verify(password, made.password)) == (right, False)
