"""Sending at once: only where nothing waits, never out of order, and never an error of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport

from mailhub.net import prompt


class Reactor:
    """Notes which sockets it was asked to watch."""

    def __init__(self) -> None:
        self.writers: set[object] = set()

    def addReader(self, one: object) -> None:
        """Reading is not looked at here."""

    def removeReader(self, one: object) -> None:
        """Reading is not looked at here."""

    def addWriter(self, one: object) -> None:
        self.writers.add(one)

    def removeWriter(self, one: object) -> None:
        self.writers.discard(one)


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket, Reactor]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    reactor = Reactor()
    connection = Connection(ours, Protocol(), reactor)
    connection.connected = 1
    yield connection, theirs, reactor
    ours.close()
    theirs.close()


Ends = tuple[Connection, socket.socket, Reactor]


def received(theirs: socket.socket) -> bytes:
    data = b""
    try:
        while more := theirs.recv(1 << 20):
            data += more
    except BlockingIOError:
        pass
    return data


def test_what_fits_leaves_at_once_and_the_reactor_is_not_asked(ends: Ends) -> None:
    connection, theirs, reactor = ends
    assert prompt.send(connection, b"hello") == b""
    assert received(theirs) == b"hello"
    assert not reactor.writers


def test_nothing_overtakes_what_is_queued(ends: Ends) -> None:
    connection, theirs, reactor = ends
    connection.write(b"first ")
    assert prompt.send(connection, b"second") == b"second"
    connection.write(b"second")
    assert reactor.writers == {connection}
    connection.doWrite()
    assert received(theirs) == b"first second"
    assert prompt.send(connection, b" third") == b""
    assert received(theirs) == b" third"


def test_what_does_not_fit_comes_back_and_keeps_its_order(ends: Ends) -> None:
    connection, theirs, reactor = ends
    data = bytes(range(256)) * 40_000
    rest = data
    for _ in range(1000):
        left = prompt.send(connection, rest)
        if left == rest:
            break
        rest = left
    assert 0 < len(rest) < len(data)
    connection.write(rest)
    got = received(theirs)
    while reactor.writers:
        connection.doWrite()
        got += received(theirs)
    assert got == data


def test_a_lost_connection_is_left_to_the_reactor(ends: Ends) -> None:
    connection, theirs, _ = ends
    theirs.close()
    assert prompt.send(connection, b"hello") == b"hello"


@pytest.mark.parametrize("state", ["TLS", "disconnecting", "unconnected"])
def test_other_states_take_twisteds_own_way(ends: Ends, state: str) -> None:
    connection, theirs, _ = ends
    if state == "unconnected":
        connection.connected = 0
    else:
        setattr(connection, state, True)
    assert prompt.send(connection, b"hello") == b"hello"
    assert received(theirs) == b""


def test_other_transports_too() -> None:
    assert prompt.send(StringTransport(), b"hello") == b"hello"
