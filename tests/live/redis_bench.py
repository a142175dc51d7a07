"""What the tests of Redis's faults share: coordinations like those of two processes, a proxy that
delays, and an ear on Twisted's log."""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogEvent, globalLogPublisher

from mailhub.coord.redis import RedisCoordination, open
from mailhub.ground import SystemRandomness
from mailhub.model.errors import Unavailable
from mailhub.model.queue import Lease, Slot
from mailhub.model.settings import QueueSettings, RedisSettings, Settings
from mailhub.net.clock import ReactorClock
from mailhub.store.memory import MemoryStore
from tests import turning
from tests.fakes import FakeClock, ListLog
from tests.live.pace import Watch

T = TypeVar("T")
TIMEOUT = 1
QUIET = 2
LANE = "a.example"
_PAGE = (Path(__file__).parents[2] / "docs" / "redis.md").read_text()
RIGHTS = _PAGE.partition("ACL SETUSER mailhub on >PASSWORD ")[2].partition("\n\n")[0].split()
"""What an administrator is told to allow."""
PROMPT = 0.2
"""Seconds in which a call must fail while Redis is known to be away."""


def settings(url: str, **more: Any) -> Settings:
    """Short times, so that faults pass quickly."""
    redis = RedisSettings(url=url, **{"timeout": TIMEOUT, "quiet": QUIET} | more)
    return Settings(redis=redis, queue=QueueSettings(lease=QUIET))


@dataclass
class Node:
    """One process's coordination."""

    coordination: RedisCoordination
    log: ListLog
    woken: list[float] = field(default_factory=list)

    @property
    def schedule(self) -> Any:
        return self.coordination.schedule

    @property
    def counters(self) -> Any:
        return self.coordination.counters

    def ask(self, awaitable: Awaitable[T]) -> T:
        return turning.result(awaitable)

    def outcomes(self) -> list[object]:
        """What the log tells of Redis."""
        return [event["outcome"] for event in self.log.named("redis")]

    def fails(self, awaitable: Awaitable[Any], within: float) -> None:
        """It raises Unavailable, no later than that."""
        watch = Watch()
        try:
            turning.result(awaitable)
        except Unavailable:
            took = watch.seconds()
            assert took < within, f"Unavailable after {took:.2f} s"
            return
        raise AssertionError("Redis was available")

    def recovers(self, seconds: float = 15.0) -> None:
        """Turns the reactor until questions are answered again."""

        def answered() -> bool:
            try:
                turning.result(self.schedule.size())
            except Unavailable:
                turning.pass_time(0.05)
                return False
            return True

        turning.until(answered, seconds)

    def fill(self, *slots: Any) -> None:
        """Claims an empty schedule, fills it, and waits until leases are given. There are none from
        before."""
        assert self.ask(self.schedule.claim_rebuild())
        self.ask(self.schedule.pause(0))
        self.ask(self.schedule.put(slots))
        self.ask(self.schedule.rebuilt())
        opens = self.ask(self.schedule.next_due()) or 0
        if opens > min((slot.due for slot in slots), default=0):  # all wait, in a Cluster
            turning.until(lambda: time.time() >= opens)


class Nodes:
    """Makes nodes, and stops them."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []

    def __call__(self, url: str, **more: Any) -> Node:
        reactor = turning.reactor()
        log = ListLog()
        coordination = open(
            settings(url, **more), reactor, ReactorClock(reactor), SystemRandomness(), log
        )
        node = Node(coordination, log)
        coordination.schedule.watch(lambda: node.woken.append(time.monotonic()))
        self._nodes.append(node)
        turning.result(coordination.start())
        return node

    def stop(self) -> None:
        for node in self._nodes:
            turning.result(node.coordination.stop())


def slots(*numbers: int) -> list[Slot]:
    return [Slot(number, int(time.time()), LANE) for number in numbers]


def unheld(node: Node, seconds: float = QUIET) -> list[int]:
    """All entries that leases can be had for; they have them for so long."""
    leases = node.ask(node.schedule.take(10, 10, seconds))
    return sorted(number for lease in leases for number in lease.entries)


def taken(node: Node) -> list[Lease]:
    """One lease, as soon as there is one: behind Sentinels nothing is tried until everybody has
    heard of a new master."""
    leases: list[Lease] = []
    turning.until(lambda: leases.extend(node.ask(node.schedule.take(1, 10, QUIET))) or leases)
    return leases


def works(node: Node) -> None:
    """The whole of the schedule and the counters, once."""
    schedule = node.schedule
    node.fill(Slot(1, 0, "a.example"), Slot(2, 0, "b.example"), Slot(3, 0, "c.example"))
    node.ask(schedule.back_off("b.example", int(time.time()) + 900))
    leases = taken(node)
    assert [lease.entries for lease in leases] == [(1,)]
    assert node.ask(schedule.renew(leases[0].token, QUIET))
    node.ask(schedule.put([Slot(1, 5, "a.example")]))
    node.ask(schedule.drop([1]))
    node.ask(schedule.end(leases[0].token, [Slot(1, 0, "a.example")]))
    assert node.ask(schedule.claim([2], QUIET)).entries == (2,)
    assert node.ask(schedule.next_due()) is not None
    assert node.ask(schedule.size()) == 2
    assert node.ask(node.counters.hit("guess", 60)) == 1
    assert node.ask(node.counters.peek("guess")) == 1
    node.ask(node.counters.clear("guess"))
    sessions = node.coordination.sessions(MemoryStore(clock=FakeClock()).sessions)
    for expires in (int(time.time()) + 900, int(time.time()) + 90):
        node.ask(sessions.put("token", "record", expires))
        node.ask(sessions.extend("token", expires + 60))
        assert node.ask(sessions.get("token")).record == "record"
    node.ask(sessions.drop("token"))
    assert node.ask(sessions.get("token")) is None
    node.woken.clear()
    node.ask(schedule.put([Slot(9, 0, "z.example")]))
    node.ask(schedule.back_off("c.example", 0))
    assert node.outcomes() == ["connected"]


def refused(node: Node, reason: str) -> None:
    """It never came to a connection, and the log says why, once."""
    node.fails(node.schedule.size(), 0.2)
    turning.pass_time(1)
    assert node.outcomes() == ["lost"]
    assert reason in str(node.log.named("redis")[0]["reason"])


class TwistedErrors:
    """Every failure that reaches Twisted's log."""

    def __init__(self) -> None:
        self.seen: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_failure") is not None or event.get("isError"):
            self.seen.append(event)

    def start(self) -> None:
        globalLogPublisher.addObserver(self)

    def stop(self) -> None:
        """Unhandled errors of Deferreds are logged when these are collected."""
        gc.collect()
        turning.pass_time(0.05)
        globalLogPublisher.removeObserver(self)
        assert self.seen == []


class _Side(Protocol):
    """One half of a proxied connection; what it receives goes on `delay()` seconds later."""

    def __init__(self, delay: Callable[[], float], towards: Deferred[_Side]) -> None:
        self._delay = delay
        self._towards = towards
        self.opened: Deferred[_Side] = Deferred()

    def connectionMade(self) -> None:
        self.opened.callback(self)

    def dataReceived(self, data: bytes) -> None:
        turning.reactor().callLater(self._delay(), self._pass_on, data)

    def _pass_on(self, data: bytes) -> None:
        def write(other: _Side) -> _Side:
            if other.transport is not None:
                other.transport.write(data)
            return other

        self._towards.addCallback(write)

    def connectionLost(self, reason: object = None) -> None:
        def close(other: _Side) -> _Side:
            if other.transport is not None:
                other.transport.loseConnection()
            return other

        self._towards.addCallback(close)


class Proxy(Factory):
    """Between a node and a server on loopback. `delay`: seconds for each way."""

    noisy = False

    def __init__(self, port: int) -> None:
        self.delay = 0.0
        self._target = port
        self._listening = turning.reactor().listenTCP(0, self, interface="127.0.0.1")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listening.getHost().port}"

    def buildProtocol(self, addr: object) -> Protocol:
        to_server: Deferred[_Side] = Deferred()
        here = _Side(lambda: self.delay, to_server)
        there = _Side(lambda: self.delay, here.opened)
        there.opened.addCallback(lambda side: to_server.callback(side) or side)
        target = HostnameEndpoint(turning.reactor(), "127.0.0.1", self._target)
        target.connect(_Made(there)).addErrback(lambda _: None)
        return here

    def stop(self) -> None:
        turning.result(self._listening.stopListening())


class _Made(Factory):
    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> Protocol:
        return self._protocol


class Impostor(Factory):
    """A server that answers everything with the same bytes. `answer` None: it hangs up at once."""

    noisy = False

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self._listening = turning.reactor().listenTCP(0, self, interface="127.0.0.1")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listening.getHost().port}"

    def buildProtocol(self, addr: object) -> Protocol:
        return _Parrot(self)

    def stop(self) -> None:
        turning.result(self._listening.stopListening())


class _Parrot(Protocol):
    def __init__(self, impostor: Impostor) -> None:
        self._impostor = impostor

    def connectionMade(self) -> None:
        if self._impostor.answer is None:
            self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        if self._impostor.answer is not None:
            self.transport.write(self._impostor.answer)
