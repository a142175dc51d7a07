"""Ports of several processes: bound together, and reached when their process can serve."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from mailhub.coord.memory import MemorySeats
from mailhub.model.settings import LimitSettings, ListenerSettings, TLSSettings
from mailhub.net.admission import Admission, Descriptors
from mailhub.net.listeners import CannotListen, Listener, Shared
from mailhub.net.tls import Certificates
from tests import turning
from tests.fakes import ListLog
from tests.support import run


class Greeting(Protocol):
    """Says whose it is."""

    def connectionMade(self) -> None:
        assert self.factory is not None
        self.transport.write(self.factory.name)  # type: ignore[union-attr, attr-defined]


class Face(Factory):
    protocol = Greeting

    def __init__(self, name: bytes) -> None:
        self.name = name


class Process:
    """A listener, as a process has it. All of them share this process's reactor."""

    def __init__(self, folder: Path, port: int, *, shares: bool = True) -> None:
        log = ListLog()
        shared = Shared(
            reactor,
            Certificates(TLSSettings(), folder, "mail.test", log),
            Admission(LimitSettings(), MemorySeats()),
            Descriptors(lambda: 1000, lambda: None, lambda: None),
            log,
            folder,
            shares,
        )
        endpoint = f"tcp:{port}:interface=127.0.0.1"
        self.listener = Listener(ListenerSettings(service="smtp", endpoint=endpoint), b"", shared)
        run(self.listener.open())
        about = self.listener.describe()
        self.port = int(str(about["port"]))


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    made: list[Process] = []

    def process(port: int = 0, *, shares: bool = True) -> Process:
        made.append(Process(tmp_path, port, shares=shares))
        return made[-1]

    yield process
    for one in made:
        turning.result(Deferred.fromCoroutine(one.listener.close()))
        one.listener.abort()
    turning.pass_time(0.05)


def greeting(port: int) -> bytes:
    """Who serves a new connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.setblocking(False)
        turning.until(lambda: select.select([peer], [], [], 0)[0], 10)
        return peer.recv(100)


def test_both_are_reached(processes: Callable[..., Process]) -> None:
    one = processes()
    two = processes(one.port)
    one.listener.serve(Face(b"one"))
    two.listener.serve(Face(b"two"))
    met: set[bytes] = set()
    for _ in range(200):  # by chance: one of a pair is missed once in 2**199 times
        met.add(greeting(one.port))
        if len(met) == 2:
            return
    raise AssertionError(met)


def test_who_is_still_starting_or_has_ended_gets_nobody(processes: Callable[..., Process]) -> None:
    one = processes()
    two = processes(one.port)
    one.listener.serve(Face(b"one"))
    assert {greeting(one.port) for _ in range(20)} == {b"one"}
    two.listener.serve(Face(b"two"))
    turning.result(Deferred.fromCoroutine(one.listener.close()))
    assert {greeting(one.port) for _ in range(20)} == {b"two"}


def test_who_came_before_the_end_is_served(processes: Callable[..., Process]) -> None:
    one = processes()
    one.listener.serve(Face(b"one"))
    with socket.create_connection(("127.0.0.1", one.port), timeout=10) as peer:
        turning.result(Deferred.fromCoroutine(one.listener.close()))
        turning.pass_time(0.05)
        assert peer.recv(100) == b"one"


def test_a_process_that_does_not_share_is_told_so(processes: Callable[..., Process]) -> None:
    one = processes()
    early = processes(one.port, shares=False)
    early.listener.serve(Face(b"early"))
    with pytest.raises(CannotListen, match="Address already in use"):
        one.listener.serve(Face(b"one"))
    serving = processes()
    serving.listener.serve(Face(b"serving"))
    with pytest.raises(CannotListen, match="Address already in use"):
        processes(serving.port, shares=False)
    alone = processes(shares=False)
    with pytest.raises(CannotListen, match="Address already in use"):
        processes(alone.port)
