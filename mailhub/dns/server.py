"""The name server's sockets: datagrams and streams on the same addresses, and notices to
secondaries.

What is said is `talk`'s, what is served `keeping`'s; nothing of the DNS is known here but that a
packet of a response may answer a notice.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mailhub.dns.datagrams import DatagramPort
from mailhub.dns.framing import Framing, framed
from mailhub.dns.keeping import Keeping, News
from mailhub.dns.notices import Notices
from mailhub.dns.talk import Talk
from mailhub.model.errors import MailhubError, TooLarge
from mailhub.model.settings_dns import DNSSettings
from mailhub.net.sharedports import SharingReactor
from mailhub.net.stirred import Stirred
from mailhub.ports import Clock, Log
from mailhub.wire.dnsname import server_address
from mailhub.wire.networks import plain

IDLE = 10.0
"""Seconds without a question or an answer that gets through (RFC 7766 6.2.3)."""
EACH = 20
"""Connections of one address at a time."""
TURN = 100
"""Answers in one stream before others have a turn."""
AGAIN = 3600.0
"""Seconds after which zones are looked at though nothing changed: signatures are renewed,
secondaries move."""
PORT = 53


@dataclass(slots=True)
class _Door:
    """One address: its port for streams and its port for datagrams."""

    host: str
    port: int
    datagrams: Any
    streams: Any


class NameServer:
    """Answers at `settings.listen`. Bound early (`open`), perhaps as root; it answers from `start`
    on. `shared`: other processes of this machine answer there, too."""

    def __init__(
        self,
        settings: DNSSettings,
        talk: Talk,
        reactor: Any,
        clock: Clock,
        log: Log,
        shared: bool = False,
    ) -> None:
        self.talk = talk
        self.settings = settings
        self.reactor = reactor
        self.clock = clock
        self.log = log
        self.connections: Counter[str] = Counter()
        self.notices: Notices | None = None
        self._doors: list[_Door] = []
        self._keeping: Keeping | None = None
        self._telling: Any = None
        self._shared = shared
        self._answers = False
        self._stopped = False
        self.stirred = Stirred(self._refresh, AGAIN, reactor, log, "name server")

    # -- opening and closing

    async def open(self) -> None:
        """Binds every address; nothing is read yet. Raises MailhubError."""
        for text in self.settings.listen:
            host, port = server_address(text)
            datagrams: Any = DatagramPort(port, host, self.heard, self.reactor, self._shared)
            tcp = SharingReactor(self.reactor) if self._shared else self.reactor
            try:
                streams = tcp.listenTCP(port, Streams(self), interface=host)
                datagrams.startListening()
            except CannotListenError as error:
                reason = getattr(error.socketError, "strerror", None) or str(error.socketError)
                raise MailhubError(f"Cannot answer for the DNS at {text}: {reason}") from None
            for one in (streams, datagrams):
                one.stopReading()
            self._doors.append(_Door(host, port, datagrams, streams))

    def describe(self) -> Sequence[dict[str, object]]:
        """What `var/run/mailhub.json` says of it."""
        return [
            {"service": "dns", "tls": "none", "address": door.host, "port": door.port}
            for door in self._doors
        ]

    def start(self, keeping: Keeping, notices: Notices) -> None:
        """Begins to read every zone; answers as soon as it has them. Signing a thousand takes some
        seconds, and mail need not wait for them."""
        self._keeping = keeping
        self.notices = notices
        self.stirred.start()

    async def stop(self) -> None:
        """Answers no more."""
        self._stopped = True
        self.stirred.stop()
        if self._telling is not None and self._telling.active():
            self._telling.cancel()
        for door in self._doors:
            await _ended(door.streams)
            await _ended(door.datagrams)
        self._doors.clear()

    async def _refresh(self) -> None:
        keeping = self._keeping
        assert keeping is not None
        await keeping.serve()
        if not self._answers and not self._stopped:
            self._answers = True
            for door in self._doors:
                if self._shared:
                    door.streams.begin()
                door.streams.startReading()
                door.datagrams.startReading()
        await keeping.tell()

    def heard(self, data: bytes, host: str) -> bytes:
        """What is sent for a datagram."""
        if len(data) > 2 and data[2] & 0x80:
            if self.notices is not None:
                self.notices.heard(data, host)
            return b""
        return self.talk.over_udp(data, host, self.clock.seconds())

    # -- secondaries

    def tell(self, news: News) -> None:
        """Begins to tell secondaries of new zones."""
        if self.notices is None:
            return
        for zone in news.zones:
            self.notices.put(zone, news.told, self.clock.seconds())
        self._tell()

    def _tell(self) -> None:
        if self._stopped or self.notices is None:
            return
        if self._telling is not None and self._telling.active():
            self._telling.cancel()
        now = self.clock.seconds()
        for address, packet in self.notices.due(now):
            for door in self._doors:
                if (":" in door.host) == (":" in address):
                    door.datagrams.deliver(packet, (address, PORT))
                    break
        wait = self.notices.wait(now)
        if wait is not None:
            self._telling = self.reactor.callLater(wait, self._tell)


async def _ended(port: Any) -> None:
    waited = port.stopListening()
    if waited is not None:
        await waited


class Streams(Factory):
    """Connections for questions."""

    noisy = False

    def __init__(self, server: NameServer) -> None:
        self._server = server

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        server = self._server
        host = plain(str(getattr(addr, "host", "")))
        if (
            server.connections.total() >= server.settings.connections
            or server.connections[host] >= EACH
        ):
            return None
        return Stream(server, host)


@implementer(IPushProducer)
class Stream(Protocol):
    """One connection. Who does not read what it asked for is not read either."""

    def __init__(self, server: NameServer, host: str) -> None:
        self._server = server
        self._host = host
        self._framing = Framing()
        self._asked: deque[bytes] = deque()
        self._answers: Iterator[bytes] = iter(())
        self._full = False
        self._resting = False
        self._timer: Any = None

    def connectionMade(self) -> None:
        self._server.connections[self._host] += 1
        transport: Any = self.transport
        transport.registerProducer(self, True)
        self._timer = self._server.reactor.callLater(IDLE, transport.abortConnection)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        connections = self._server.connections
        connections[self._host] -= 1
        if not connections[self._host]:
            del connections[self._host]
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._full = True

    def dataReceived(self, data: bytes) -> None:
        transport: Any = self.transport
        try:
            packets = self._framing.receive(data)
        except TooLarge:
            transport.abortConnection()
            return
        if packets:
            self._asked += packets
            if not self._resting:
                self._pump()

    def pauseProducing(self) -> None:
        """See IPushProducer: the peer does not read."""
        self._full = True
        transport: Any = self.transport
        transport.pauseProducing()

    def resumeProducing(self) -> None:
        """See IPushProducer."""
        self._full = False
        if not self._resting:
            transport: Any = self.transport
            transport.resumeProducing()
            self._pump()

    def stopProducing(self) -> None:
        """See IPushProducer."""
        self._full = True

    def _pump(self) -> None:
        """Answers what was asked, one after the other, as far as it is taken, and with a rest
        after many."""
        transport: Any = self.transport
        if not self._timer.active():
            return
        self._timer.reset(IDLE)
        for _ in range(TURN):
            if self._full:
                return
            packet = next(self._answers, None)
            if packet is not None:
                transport.write(framed(packet))
            elif self._asked:
                said = self._server.talk.over_tcp(
                    self._asked.popleft(), self._host, self._server.clock.seconds()
                )
                self._answers = iter(said)
            else:
                return
        self._resting = True
        transport.pauseProducing()
        self._server.reactor.callLater(0, self._go_on)

    def _go_on(self) -> None:
        self._resting = False
        if not self._full:
            self.resumeProducing()
