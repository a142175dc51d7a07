"""Coroutines side by side, and a resolver whose time is bounded."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import NotFound, Unavailable
from mailhub.net.resolver.bounded import BoundedResolver
from mailhub.net.together import together
from tests.support import run

ANSWER = DNSAnswer("a.example", "A", ("192.0.2.1",))


async def waiting(on: Deferred[Any]) -> Any:
    return await on


def test_they_wait_at_the_same_time_and_answer_in_order() -> None:
    first: Deferred[int] = Deferred()
    second: Deferred[int] = Deferred()
    done = Deferred.fromCoroutine(together([waiting(first), waiting(second)]))
    second.callback(2)
    assert not done.called
    first.callback(1)
    assert done.result == [1, 2]
    assert run(together([])) == []
    assert run(together([waiting(succeed(5))])) == [5]


def test_the_first_failure_is_raised_as_it_is() -> None:
    never: Deferred[int] = Deferred()
    done = Deferred.fromCoroutine(together([waiting(never), waiting(fail(NotFound("x")))]))
    failures: list[Any] = []
    done.addErrback(failures.append)
    assert isinstance(failures[0].value, NotFound)


class Slow:
    """A resolver that answers when it is told to."""

    def __init__(self, reactor: Clock) -> None:
        self.reactor = reactor
        self.cancelled = 0

    def query(self, name: str, kind: str) -> Deferred[DNSAnswer]:
        if name == "kept.example":
            return succeed(ANSWER)
        answer: Deferred[DNSAnswer] = Deferred(self._left)
        self.reactor.callLater(4, lambda: answer.called or answer.callback(ANSWER))
        return answer

    def _left(self, answer: object) -> None:
        self.cancelled += 1


@pytest.fixture
def reactor() -> Clock:
    return Clock()


def test_all_questions_together_have_so_much_time(reactor: Clock) -> None:
    slow = Slow(reactor)
    bounded = BoundedResolver(slow, reactor, 10.0)  # type: ignore[arg-type]
    outcomes: list[Any] = []

    async def ask() -> None:
        for _ in range(4):
            try:
                outcomes.append((await bounded.query("a.example", "A")).records)
            except Unavailable as error:
                outcomes.append(error.text)
        outcomes.append((await bounded.query("kept.example", "A")).records)

    done = Deferred.fromCoroutine(ask())
    reactor.pump([1.0] * 11)
    late = "The DNS took too long"
    told = ("192.0.2.1",)
    assert outcomes == [told, told, late, late, told]
    assert done.called
    assert slow.cancelled == 2
