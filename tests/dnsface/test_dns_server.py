"""The name server's streams: in any pieces, with a rest after many questions, and never for who
does not read."""

from __future__ import annotations

from typing import Any

import dns.message
import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mailhub.dns.datagrams import SLICE, Answering, DatagramPort
from mailhub.dns.framing import framed
from mailhub.dns.notices import Notices
from mailhub.dns.remembered import LONGEST, MOST, Remembered
from mailhub.dns.server import EACH, IDLE, TURN, NameServer, Stream, Streams
from mailhub.model.settings_dns import DNSSettings
from tests.dns_packets import HOST, question, talk, zone
from tests.fakes import FakeClock, ListLog, SeededRandomness

GOOD = question("mx.example.org").to_wire()


class Wire(StringTransport):
    """A transport that knows whether it was cut, and whether it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True

    @property
    def answers(self) -> list[dns.message.Message]:
        """What was sent."""
        data, found = self.value(), []
        while data:
            size = int.from_bytes(data[:2])
            found.append(dns.message.from_wire(data[2 : 2 + size]))
            data = data[2 + size :]
        return found


def server(**chosen: Any) -> tuple[NameServer, Clock]:
    """One that has a zone."""
    reactor = Clock()
    settings = DNSSettings(**chosen)
    made = NameServer(settings, talk("192.0.2.0/24"), reactor, FakeClock(), ListLog())
    return made, reactor


def connected(names: NameServer, host: str = HOST) -> tuple[Stream, Wire] | None:
    """A connection, where it is taken."""
    stream = Streams(names).buildProtocol(IPv4Address("TCP", host, 4000))
    if stream is None:
        return None
    assert isinstance(stream, Stream)
    wire = Wire()
    stream.makeConnection(wire)
    return stream, wire


def opened(names: NameServer) -> tuple[Stream, Wire]:
    """A connection."""
    made = connected(names)
    assert made is not None
    return made


def test_questions_come_in_pieces() -> None:
    stream, wire = opened(server()[0])
    for octet in framed(GOOD) * 2:
        stream.dataReceived(bytes((octet,)))
    assert [len(one.answer) for one in wire.answers] == [1, 1]


def test_many_questions_leave_others_a_turn() -> None:
    names, reactor = server()
    stream, wire = opened(names)
    stream.dataReceived(framed(GOOD) * TURN)
    assert 0 < len(wire.answers) < TURN
    assert not wire.reading
    while reactor.getDelayedCalls() and len(wire.answers) < TURN:
        reactor.advance(0)
    assert len(wire.answers) == TURN
    assert wire.reading


def test_who_does_not_read_is_not_answered() -> None:
    names, reactor = server()
    stream, wire = opened(names)
    stream.pauseProducing()
    stream.dataReceived(framed(GOOD))
    assert wire.answers == []
    assert not wire.reading
    stream.resumeProducing()
    assert len(wire.answers) == 1
    reactor.advance(IDLE - 0.1)
    assert not wire.disconnected
    reactor.advance(0.2)
    assert wire.disconnected


def test_what_is_no_question_ends_it() -> None:
    stream, wire = opened(server()[0])
    stream.dataReceived(b"\xff\xff")
    assert wire.disconnected


@pytest.mark.parametrize(("connections", "taken"), [(5, 5), (500, EACH)])
def test_there_are_only_so_many(connections: int, taken: int) -> None:
    names, _ = server(connections=connections)
    streams = [connected(names) for _ in range(taken + 3)]
    assert [one is not None for one in streams] == [True] * taken + [False] * 3
    assert (connected(names, "198.51.100.1") is None) is (connections == taken)
    for one in streams:
        if one is not None:
            one[0].connectionLost()
    assert connected(names) is not None


def test_an_answer_to_a_notice_is_no_question() -> None:
    names, _ = server()
    names.notices = Notices(SeededRandomness())
    names.notices.put(zone(), [HOST], 0.0)
    ((_, notice),) = names.notices.due(0.0)
    reply = dns.message.make_response(dns.message.from_wire(notice)).to_wire()
    assert names.heard(reply, HOST) == b""
    assert names.notices.wait(0.0) is None


class Socket:
    """Datagrams that came, and those that were sent. `faults`: raised instead, in turn."""

    def __init__(self, *came: bytes | OSError) -> None:
        self.came = list(came)
        self.sent: list[tuple[bytes, object]] = []

    def recvfrom(self, size: int) -> tuple[bytes, tuple[str, int]]:
        if not self.came:
            raise BlockingIOError
        one = self.came.pop(0)
        if isinstance(one, OSError):
            raise one
        return one, (HOST, 4000)

    def sendto(self, data: bytes, address: object) -> None:
        if data.startswith(b"full"):
            raise BlockingIOError
        self.sent.append((data, address))


def port(answering: Answering, *came: bytes | OSError) -> tuple[DatagramPort, Socket]:
    """A port with such a socket."""
    made = DatagramPort(0, "127.0.0.1", answering, Clock())
    made.socket = Socket(*came)
    return made, made.socket


def test_so_many_datagrams_are_read_before_others_have_a_turn() -> None:
    made, wire = port(lambda data, host: data + host.encode(), *[b"q"] * (SLICE + 5))
    made.doRead()
    assert wire.sent == [(b"q" + HOST.encode(), (HOST, 4000))] * SLICE
    made.doRead()
    assert len(wire.sent) == SLICE + 5


def test_no_datagram_ends_a_port() -> None:
    def answering(data: bytes, host: str) -> bytes:
        if data == b"bad":
            raise KeyError(data)
        return b"" if data == b"silent" else data

    refused = ConnectionRefusedError()
    made, wire = port(answering, b"bad", refused, b"silent", b"full", b"good")
    made.doRead()
    assert wire.sent == [(b"good", (HOST, 4000))]


def test_answers_are_remembered_until_zones_are_new() -> None:
    names, _ = server()
    first = names.heard(GOOD, HOST)
    again = names.heard(b"\1\2" + GOOD[2:], HOST)
    assert again == b"\1\2" + first[2:]
    names.talk.serve({}, ())
    assert dns.message.from_wire(names.heard(GOOD, HOST)).rcode() == 5


def test_what_is_remembered_has_an_end() -> None:
    kept = Remembered()
    for number in range(3 * MOST):
        kept.keep(b"%d" % number, b"", b"answer")
        assert kept.find(b"0") is not None
    assert kept.find(b"1") is None
    assert kept.find(b"%d" % (3 * MOST - 1)) is not None
    kept.keep(b"x" * (LONGEST + 1), b"", b"answer")
    assert kept.find(b"x" * (LONGEST + 1)) is None
