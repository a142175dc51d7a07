"""Carries one question to one server and its answer back: UDP from a socket of its own, TCP for
what does not fit.

The kernel gives each socket a random port and takes packets from the server it is connected to
alone; with the random id a forger has to guess about 32 bits (RFC 5452). Reads nothing of a packet
but whether it answers the question.
"""

from __future__ import annotations

import struct
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory, DatagramProtocol, Protocol, connectionDone
from twisted.python.failure import Failure

from mailhub.model.errors import Unavailable
from mailhub.net.resolver.codec import PAYLOAD, Question, answers, is_truncated
from mailhub.net.resolver.servers import Server

READ = PAYLOAD * 2
"""Octets read of one packet: more than was offered is cut, and cannot be read then."""


class Unanswered(Unavailable):
    """A server said nothing that answers the question."""


async def carry(reactor: Any, server: Server, question: Question, seconds: float) -> bytes:
    """A response to `question`, over TCP where it is too long for UDP. `seconds`: for each.

    Raises Unanswered.
    """
    data = await _udp(reactor, server, question, seconds)
    if is_truncated(data):
        data = await _tcp(reactor, server, question, seconds)
    return data


async def _udp(reactor: Any, server: Server, question: Question, seconds: float) -> bytes:
    answer: Deferred[bytes] = Deferred()
    protocol = _Datagram(server, question, answer)
    interface = "::" if ":" in server.address else ""
    try:
        port = reactor.listenUDP(0, protocol, interface=interface, maxPacketSize=READ)
    except OSError as error:
        raise Unanswered(f"No socket to ask {server} with ({error})") from None
    try:
        return await answer.addTimeout(seconds, reactor, _late(server))
    finally:
        port.stopListening()


async def _tcp(reactor: Any, server: Server, question: Question, seconds: float) -> bytes:
    answer: Deferred[bytes] = Deferred()
    connector = reactor.connectTCP(
        server.address, server.port, _Factory(server, question, answer), timeout=seconds
    )
    try:
        return await answer.addTimeout(seconds, reactor, _late(server))
    finally:
        connector.disconnect()


def _late(server: Server) -> Any:
    def late(result: Any, seconds: float) -> Any:
        # Only the time that ran out: a cancelled question stays a cancelled one.
        if isinstance(result, Failure):
            raise Unanswered(f"No answer from {server} in {seconds:g} s")
        return result

    return late


class _Datagram(DatagramProtocol):
    """One question over UDP. Packets that do not answer it are passed over: a forger's guess does
    not keep the true answer away."""

    def __init__(self, server: Server, question: Question, answer: Deferred[bytes]) -> None:
        self._server = server
        self._question = question
        self._answer = answer

    def startProtocol(self) -> None:
        """Asks."""
        transport: Any = self.transport
        try:
            transport.connect(self._server.address, self._server.port)
            transport.write(self._question.encode())
        except OSError as error:
            self._end(f"{self._server} cannot be reached ({error})")

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Takes the answer."""
        if not self._answer.called and answers(datagram, self._question):
            self._answer.callback(datagram)

    def connectionRefused(self) -> None:
        """Nobody listens there."""
        self._end(f"{self._server} refuses questions")

    def stopProtocol(self) -> None:
        """The socket is closed: epoll tells of nobody listening in this way."""
        self._end(f"{self._server} refuses questions")

    def _end(self, text: str) -> None:
        if not self._answer.called:
            self._answer.errback(Unanswered(text))


class _Stream(Protocol):
    """One question over TCP, both ways with the length in front (RFC 1035 4.2.2)."""

    def __init__(self, server: Server, question: Question, answer: Deferred[bytes]) -> None:
        self._server = server
        self._question = question
        self._answer = answer
        self._data = b""

    def connectionMade(self) -> None:
        """Asks."""
        packet = self._question.encode()
        transport: Any = self.transport
        transport.write(struct.pack("!H", len(packet)) + packet)

    def dataReceived(self, data: bytes) -> None:
        """Takes the answer: at most 64 KiB and what came along with it."""
        self._data += data
        if len(self._data) < 2 or self._answer.called:
            return
        end = 2 + int.from_bytes(self._data[:2], "big")
        if len(self._data) < end:
            return
        packet = self._data[2:end]
        if answers(packet, self._question):
            self._answer.callback(packet)
        else:
            self._answer.errback(Unanswered(f"{self._server} answers another question"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The server hung up."""
        if not self._answer.called:
            self._answer.errback(Unanswered(f"{self._server} hung up"))


class _Factory(ClientFactory):
    noisy = False

    def __init__(self, server: Server, question: Question, answer: Deferred[bytes]) -> None:
        self._parts = (server, question, answer)

    def buildProtocol(self, addr: Any) -> Protocol:
        return _Stream(*self._parts)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        server, _, answer = self._parts
        if not answer.called:
            words = type(reason.value).__name__
            answer.errback(Unanswered(f"{server} cannot be reached over TCP ({words})"))
