"""Work in other processes: done, given up, refused; and the process that does it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from twisted.internet.error import ProcessDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mailhub.model.errors import MailhubError, TooLarge, Unavailable
from mailhub.net import chores
from mailhub.net.workers import IDLE, WAITING, ProcessWorkers
from tests.fakes import ListLog


class Transport:
    """What a process's protocol sees of it."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.pid: int | None = 7
        self.written = b""
        self.killed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def signalProcess(self, signal: str) -> None:
        self.killed = True
        self.pid = None
        self.protocol.processEnded(Failure(ProcessDone(0)))


class Reactor(Clock):
    """Starts processes that a test speaks for."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Transport] = []

    def spawnProcess(self, protocol: Any, *_: object, **__: object) -> None:
        transport = Transport(protocol)
        protocol.transport = transport
        self.started.append(transport)
        protocol.connectionMade()


def outcome(work: Any) -> object:
    """What it came to, or None."""
    if not hasattr(work, "found"):
        work.found = found = list[object]()
        work.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return work.found[0] if work.found else None


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def workers(reactor: Reactor) -> ProcessWorkers:
    return ProcessWorkers(reactor, ListLog(), processes=1)


def test_one_after_the_other_in_one_process(reactor: Reactor, workers: ProcessWorkers) -> None:
    first = workers.run("show", b"abc", {"html": True}, 2.0)
    second = workers.run("show", b"d", {}, 2.0)
    (process,) = reactor.started
    line, _, data = process.written.partition(b"\n")
    assert json.loads(line) == {"task": "show", "length": 3, "given": {"html": True}}
    assert data == b"abc"
    process.protocol.outReceived(b"4\nwo")
    assert outcome(first) is None
    process.protocol.outReceived(b"rk")
    assert outcome(first) == b"work"
    process.protocol.outReceived(b"-1\n")
    assert isinstance(outcome(second), TooLarge)
    assert len(reactor.started) == 1


@pytest.mark.parametrize("said", [b"", b"99999999999\n", b"x" * 40])
def test_what_takes_too_long_or_says_too_much_is_killed(
    reactor: Reactor, workers: ProcessWorkers, said: bytes
) -> None:
    work = workers.run("show", b"", {}, 2.0)
    following = workers.run("show", b"", {}, 2.0)
    if said:
        reactor.started[0].protocol.outReceived(said)
    if not reactor.started[0].killed:
        reactor.advance(2.0)
    assert reactor.started[0].killed
    assert isinstance(outcome(work), TooLarge)
    reactor.started[1].protocol.outReceived(b"0\n")
    assert outcome(following) == b""


def test_a_process_without_work_ends(reactor: Reactor, workers: ProcessWorkers) -> None:
    work = workers.run("show", b"", {}, 2.0)
    reactor.started[0].protocol.outReceived(b"0\n")
    assert outcome(work) == b""
    reactor.advance(IDLE)
    assert reactor.started[0].killed
    workers.run("show", b"", {}, 2.0)
    assert len(reactor.started) == 2


def test_too_much_waits(reactor: Reactor, workers: ProcessWorkers) -> None:
    for _ in range(WAITING + 1):
        assert outcome(workers.run("show", b"", {}, 2.0)) is None
    assert isinstance(outcome(workers.run("show", b"", {}, 2.0)), Unavailable)


def test_stopping_ends_all(reactor: Reactor, workers: ProcessWorkers) -> None:
    works = [workers.run("show", b"", {}, 2.0) for _ in range(3)]
    assert outcome(works[0]) is None
    with pytest.raises(StopIteration):
        workers.stop().send(None)
    assert all(isinstance(outcome(work), MailhubError) for work in works[1:])
    assert reactor.started[0].killed


def test_the_child_answers_and_survives_what_it_cannot_do() -> None:
    orders = b""
    for given, data in (
        ({"html": True, "parts": {}, "link": ""}, b"<p onclick=1>x</p>"),
        ({}, b"y"),
        ({"html": False}, b"a\xff<"),
    ):
        orders += json.dumps({"task": "show", "length": len(data), "given": given}).encode()
        orders += b"\n" + data
    out = io.BytesIO()
    chores.serve(io.BytesIO(orders), out)
    out.seek(0)
    answers = []
    while line := out.readline():
        length = int(line)
        answers.append(json.loads(out.read(length)) if length >= 0 else None)
    assert answers == [
        {"html": "<p>x</p>", "text": "x"},
        None,
        {"html": "<p>a\ufffd&lt;</p>", "text": "a\ufffd<"},
    ]
