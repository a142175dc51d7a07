"""Listeners: limits, PROXY headers, leftovers, goodbyes. Sockets only where they are the point."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from mailhub.coord.memory import MemorySeats
from mailhub.model.settings import LimitSettings, ListenerSettings, TLSSettings
from mailhub.net.admission import Admission, Descriptors
from mailhub.net.listeners import (
    ABRUPT,
    PROXY_TIMEOUT,
    SOCKET_PATH_LIMIT,
    CannotListen,
    Listener,
    Shared,
)
from mailhub.net.peer import peer_of
from mailhub.net.tls import Certificates
from tests.support import run

HEADER = b"PROXY TCP4 192.0.2.7 198.51.100.1 12345 25\r\n"


class Session(Protocol):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost = 0
        self.retired = 0

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        self.lost += 1

    def retire(self) -> None:
        self.retired += 1


class Face(Factory):
    def __init__(self) -> None:
        self.made: list[Session] = []

    def buildProtocol(self, addr: object) -> Session:
        self.made.append(Session())
        return self.made[-1]


class Wire(StringTransport):
    def __init__(self, address: str) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", address, 4000))
        self.aborted = False

    def abortConnection(self) -> None:
        self.aborted = True


class Log:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def event(self, verb: str, **fields: object) -> None:
        self.events.append((verb, fields))


class House:
    """A listener of its own with everything around it in memory."""

    def __init__(self, tmp_path: Path, limits: LimitSettings, **settings: Any) -> None:
        self.reactor = Clock()
        self.log = Log()
        self.face = Face()
        self.admission = Admission(limits, MemorySeats())
        self.paused: list[bool] = []
        self.descriptors = Descriptors(
            lambda: 50, lambda: self.paused.append(True), lambda: self.paused.append(False)
        )
        certificates = Certificates(TLSSettings(), tmp_path, "mail.test", self.log)
        shared = Shared(
            self.reactor, certificates, self.admission, self.descriptors, self.log, tmp_path
        )
        listener = ListenerSettings(service="imap", endpoint="tcp:0", **settings)
        self.listener = Listener(listener, b"* BYE full\r\n", shared)
        self.listener.serve(self.face)

    def connect(self, address: str) -> tuple[Any, Wire]:
        wire = Wire(address)
        entry = self.listener.buildProtocol(wire.getPeer())
        assert entry is not None
        entry.makeConnection(wire)
        return entry, wire

    def lose(self, entry: Any) -> None:
        entry.connectionLost(Failure(ConnectionDone()))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, LimitSettings(connections_per_network=2))


def test_a_session_hears_its_connection_and_its_end(house: House) -> None:
    entry, _ = house.connect("192.0.2.1")
    entry.dataReceived(b"hello")
    assert house.face.made[0].heard == b"hello"
    assert house.admission.count("imap") == 1
    house.lose(entry)
    assert house.face.made[0].lost == 1
    assert house.admission.count("imap") == 0
    assert house.listener.entries == set()


def test_one_too_many_is_told_so_and_never_meets_the_face(house: House) -> None:
    first, _ = house.connect("192.0.2.1")
    house.connect("192.0.2.1")
    entry, wire = house.connect("192.0.2.1")
    assert wire.value() == b"* BYE full\r\n"
    assert wire.disconnecting
    assert len(house.face.made) == 2
    entry.dataReceived(b"ignored")
    house.lose(entry)
    house.lose(first)
    _, wire = house.connect("192.0.2.1")
    assert wire.value() == b""
    assert len(house.face.made) == 3


def test_behind_implicit_tls_the_refusal_costs_no_handshake(tmp_path: Path) -> None:
    house = House(tmp_path, LimitSettings(connections_per_network=0), tls="implicit")
    _, wire = house.connect("192.0.2.1")
    assert wire.disconnecting
    assert wire.value() == b""
    assert house.face.made == []


def test_a_full_table_pauses_and_then_turns_away(house: House) -> None:
    entries = [house.connect(f"192.0.2.{number}")[0] for number in range(50)]
    assert house.paused == [True]
    while (entry := house.listener.buildProtocol(IPv4Address("TCP", "192.0.2.99", 1))) is not None:
        entry.makeConnection(Wire("192.0.2.99"))
        entries.append(entry)
    assert len(entries) < 100
    for entry in entries:
        house.lose(entry)
    assert house.paused == [True, False]


# -- PROXY


@pytest.fixture
def proxied(tmp_path: Path) -> House:
    limits = LimitSettings(connections_per_network=1)
    return House(tmp_path, limits, proxy_from=("10.0.0.0/8",))


def test_a_header_of_a_named_proxy_is_believed(proxied: House) -> None:
    entry, wire = proxied.connect("10.0.0.1")
    for byte in HEADER[:-1]:
        entry.dataReceived(bytes([byte]))
    assert proxied.face.made == []
    entry.dataReceived(HEADER[-1:] + b"a1 NOOP\r\n")
    assert proxied.face.made[0].heard == b"a1 NOOP\r\n"
    peer = peer_of(wire)
    assert (peer.address, peer.port) == ("192.0.2.7", 12345)
    assert (peer.local_address, peer.local_port) == ("198.51.100.1", 25)
    assert proxied.reactor.getDelayedCalls() == []


def test_limits_count_who_is_spoken_for(proxied: House) -> None:
    for address in (b"192.0.2.7", b"192.0.2.8"):
        entry, wire = proxied.connect("10.0.0.1")
        entry.dataReceived(HEADER.replace(b"192.0.2.7", address))
        assert wire.value() == b""
    entry, wire = proxied.connect("10.0.0.1")
    entry.dataReceived(HEADER)
    assert wire.value() == b"* BYE full\r\n"


def test_a_header_from_anyone_else_is_the_sessions_affair(proxied: House) -> None:
    entry, wire = proxied.connect("192.0.2.200")
    entry.dataReceived(HEADER)
    assert proxied.face.made[0].heard == HEADER
    assert peer_of(wire).address == "192.0.2.200"


def test_a_proxy_without_a_header_is_dropped(proxied: House) -> None:
    entry, wire = proxied.connect("10.0.0.1")
    entry.dataReceived(b"a1 LOGIN x y\r\n")
    assert wire.aborted
    assert proxied.face.made == []
    assert proxied.log.events[-1][0] == "proxy"


def test_a_proxy_that_says_nothing_is_dropped_in_time(proxied: House) -> None:
    entry, wire = proxied.connect("10.0.0.1")
    entry.dataReceived(HEADER[:5])
    proxied.reactor.advance(PROXY_TIMEOUT)
    assert wire.aborted
    proxied.lose(entry)


def test_unknown_keeps_the_proxys_own_address(proxied: House) -> None:
    entry, wire = proxied.connect("10.0.0.1")
    entry.dataReceived(b"PROXY UNKNOWN\r\n")
    assert len(proxied.face.made) == 1
    assert peer_of(wire).address == "10.0.0.1"


# -- the end


def test_retire_asks_sessions_and_emptied_tells(house: House) -> None:
    entry, wire = house.connect("192.0.2.1")
    house.listener.retire()
    assert house.face.made[0].retired == 1
    done: list[object] = []
    house.listener.emptied().addCallback(done.append)
    assert done == []
    house.listener.abort()
    assert wire.aborted
    house.lose(entry)
    assert done == [None]
    house.listener.emptied().addCallback(done.append)
    assert len(done) == 2


def test_a_session_that_cannot_say_goodbye_has_a_moment(house: House) -> None:
    _entry, wire = house.connect("192.0.2.1")
    house.face.made[0].retire = None  # type: ignore[assignment]
    house.listener.retire()
    assert not wire.disconnecting
    house.reactor.advance(ABRUPT)
    assert wire.disconnecting


def test_retire_cuts_a_proxy_that_is_still_speaking(proxied: House) -> None:
    _, wire = proxied.connect("10.0.0.1")
    proxied.listener.retire()
    assert wire.aborted


# -- binding


def bind(tmp_path: Path, endpoint: str) -> Listener:
    from twisted.internet import reactor

    house = House(tmp_path, LimitSettings())
    shared = Shared(
        reactor,
        house.listener.shared.certificates,
        house.admission,
        house.descriptors,
        house.log,
        tmp_path,
    )
    listener = Listener(ListenerSettings(service="lmtp", endpoint=endpoint), b"", shared)
    run(listener.open())
    return listener


def test_a_port_in_use_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        endpoint = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        with pytest.raises(CannotListen) as caught:
            bind(tmp_path, endpoint)
    assert f"Cannot listen on {endpoint} for lmtp: Address already in use" in caught.value.text
    assert f'[[listener]] with endpoint = "{endpoint}"' in caught.value.text


@pytest.mark.parametrize("endpoint", ["tcp:0:interface=192.0.2.1", "tcp:port", "tcp:0:x=1", "no:1"])
def test_what_cannot_be_bound_is_a_clear_refusal(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(CannotListen, match="Cannot listen on"):
        bind(tmp_path, endpoint)


def test_a_socket_path_lies_in_the_data_folder(tmp_path: Path) -> None:
    listener = bind(tmp_path, "unix:lmtp.sock:mode=600")
    try:
        about = listener.describe()
        assert about["path"] == str(tmp_path / "lmtp.sock")
        assert about["service"] == "lmtp"
        assert (tmp_path / "lmtp.sock").stat().st_mode & 0o777 == 0o600
    finally:
        listener.close().send(None)


def test_a_socket_that_a_killed_server_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "lmtp.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    listener = bind(tmp_path, "unix:lmtp.sock")
    assert path.exists()
    listener.close().send(None)


def test_a_socket_that_lives_is_not_taken(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(tmp_path / "lmtp.sock"))
        alive.listen()
        with pytest.raises(CannotListen, match="Address already in use"):
            bind(tmp_path, "unix:lmtp.sock")


def test_a_path_too_long_for_the_kernel_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotListen, match=f"longer than {SOCKET_PATH_LIMIT} bytes"):
        bind(tmp_path, "unix:" + "x" * 120)


def test_unix_peers_have_that_name() -> None:
    wire = StringTransport(peerAddress=UNIXAddress(b""), hostAddress=UNIXAddress(b"/run/x"))
    peer = peer_of(wire)
    assert (peer.address, peer.port, peer.tls) == ("unix", 0, None)
