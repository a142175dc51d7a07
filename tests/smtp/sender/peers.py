"""A network in memory for the SMTP client: servers that follow a script, line by line.

`C:` lines must come from the client, exactly; `S:` lines are said when everything before them
happened. `*` alone takes lines up to the next one in the script. `LOST` cuts the connection,
`SILENCE` lets a minute pass for each mention, `STUCK` and `FREE` stop and start taking bytes.
`TLS word` is a real handshake with that certificate of `papers`; what follows goes in the clear
here, as nobody but the client's own OpenSSL could tell. `TLS garbage` is none at all.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mailhub.model.outbound import Sent
from mailhub.model.queue import QueueEntry, QueueSender
from mailhub.model.route import Hop, Security, TLSLevel
from mailhub.model.settings import SenderSettings
from mailhub.net.clock import ReactorClock
from mailhub.smtp.sender import Sender
from tests.fakes import ListLog
from tests.smtp.sender.papers import papers

T = TypeVar("T")
MINUTE = 60.0
MOST_TURNS = 2000
"""What client and servers may do without time passing; a spin ends as a failed test."""
HELLO = """
S: 220 mx.test ESMTP
C: EHLO me.test
"""
PLAIN = HELLO + "S: 250 mx.test\n"


def offering(*words: str) -> str:
    """The beginning of a session with a server of these capabilities."""
    lines = ["mx.test", *words]
    said = [f"S: 250{'-' if at < len(lines) - 1 else ' '}{line}" for at, line in enumerate(lines)]
    return HELLO + "\n".join(said) + "\n"


class Server:
    """One connection's far end; also the transport that the client writes to."""

    def __init__(self, net: Net, script: str, address: str) -> None:
        self.net = net
        self.address = address
        self.steps = [line.strip() for line in script.strip().splitlines() if line.strip()]
        self.heard: list[bytes] = []
        """Lines that came, without their ends."""
        self.writes: list[bytes] = []
        self.open = True
        self.closed_by_client = ""
        self._buffer = b""
        self._protocol: Any = None
        self._producer: Any = None
        self._stuck = False
        self._silent_until = 0.0
        self._shaking: SSL.Connection | None = None
        self.server_name: bytes | None = None
        """What the client asked for (SNI)."""

    def __repr__(self) -> str:
        return f"<{self.address} next {self.steps[:2]} heard {self.heard[-3:]}>"

    def connect(self, protocol: Any) -> None:
        self._protocol = protocol
        protocol.makeConnection(self)

    # -- what the client's connection calls

    def write(self, data: bytes) -> None:
        assert self.open, "written after the end"
        self.writes.append(bytes(data))
        self._buffer += data
        if self._stuck and self._producer is not None:
            self._producer.pauseProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._producer = producer

    def unregisterProducer(self) -> None:
        self._producer = None

    def getHost(self) -> IPv4Address:
        if not self.open:
            raise AttributeError("socket")  # Twisted's transports have none any more
        return IPv4Address("TCP", "192.0.2.9", 40000)

    def loseConnection(self) -> None:
        self.closed_by_client = "closed"

    def abortConnection(self) -> None:
        self.closed_by_client = "aborted"
        self._buffer = b""

    def startTLS(self, creator: Any) -> None:
        assert not self._buffer, "said before TLS and not read"
        self._shaking = creator.clientConnectionForTLS(None)

    # -- the script

    def turn(self) -> bool:
        """Does what can be done now; whether anything was."""
        if not self.open or self._protocol is None:
            return False
        moved = self._read_lines()
        while self.steps and self._step():
            moved = True
        if self._shaking is not None and self.steps and self.steps[0].startswith("TLS "):
            self._shake_hands(self.steps.pop(0)[4:])
            moved = True
        if self.closed_by_client and self.open:
            self._read_lines()
            self._lose(error.ConnectionDone())
            return True
        return moved

    def _shake_hands(self, paper: str) -> None:
        client, self._shaking = self._shaking, None
        assert client is not None
        try:
            if paper == "garbage":
                client.set_connect_state()
                client.bio_write(b"220 what is this\r\n")
                client.do_handshake()
            self.server_name = handshake(client, papers()[paper].context())
        except SSL.Error as error:
            self._lose(error)
        else:
            self._protocol.handshakeCompleted()

    def _read_lines(self) -> bool:
        if self._stuck or b"\r\n" not in self._buffer:
            return False
        *lines, self._buffer = self._buffer.split(b"\r\n")
        for line in lines:
            self.heard.append(line)
            self._expect(line)
        return True

    def _expect(self, line: bytes) -> None:
        text = line.decode("utf-8", "surrogateescape")
        while self.steps and self._step():
            pass
        if self.steps and self.steps[0] == "*":
            if len(self.steps) > 1 and self.steps[1] == f"C: {text}".rstrip():
                del self.steps[:2]
            return
        wanted = self.steps.pop(0) if self.steps else "nothing more"
        if wanted != f"C: {text}".rstrip():
            raise AssertionError(f"the client said {text!r}, not {wanted!r}")

    def _step(self) -> bool:
        if self.net.seconds() < self._silent_until:
            return False
        step = self.steps[0]
        if step.startswith("S: "):
            self._say(step[3:].encode("utf-8", "surrogateescape") + b"\r\n")
        elif step.startswith("RAW: "):
            self._say(step[5:].encode().decode("unicode_escape").encode("latin-1"))
        elif step == "LOST":
            self.steps.pop(0)
            self._lose(error.ConnectionLost())
            return False
        elif step == "SILENCE":
            self.steps.pop(0)
            self.net.sleeps += 1
            self._silent_until = self.net.seconds() + MINUTE
            return False
        elif step == "STUCK":
            self.steps.pop(0)
            self._stuck = True
        elif step == "FREE":
            self.steps.pop(0)
            self._stuck = False
            if self._producer is not None:
                self._producer.resumeProducing()
        else:
            return False
        return True

    def _say(self, data: bytes) -> None:
        self.steps.pop(0)
        if not self.closed_by_client:
            self._protocol.dataReceived(data)

    def _lose(self, reason: Exception) -> None:
        self.open = False
        self._protocol.connectionLost(Failure(reason))


def handshake(client: SSL.Connection, context: SSL.Context) -> bytes | None:
    """Both halves of one, in memory; the server name that was asked for. Raises SSL.Error."""
    server = SSL.Connection(context, None)
    server.set_accept_state()
    client.set_connect_state()
    for _ in range(6):
        for here, there in ((client, server), (server, client)):
            with suppress(SSL.WantReadError):
                here.do_handshake()
            with suppress(SSL.WantReadError):
                there.bio_write(here.bio_read(65536))
    return server.get_servername()


class Net(Clock):
    """A reactor whose servers are scripts: by address, in the order of connections. A script may
    be `refused`, `unanswered` or `unbound` instead."""

    def __init__(self, **scripts: Sequence[str]) -> None:
        super().__init__()
        self.scripts: dict[str, list[str]] = {name: list(one) for name, one in scripts.items()}
        self.servers: list[Server] = []
        self.connections: list[tuple[str, int, str]] = []
        """(address, port, source) of every attempt."""
        self.sleeps = 0

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> Any:
        self.connections.append((host, port, bindAddress[0] if bindAddress else ""))
        script = self.scripts[host].pop(0)
        if script == "unanswered":
            self.callLater(timeout, self._fail, factory, error.TimeoutError())
        elif script == "refused":
            self.callLater(0, self._fail, factory, error.ConnectionRefusedError())
        elif script == "unbound":
            self.callLater(0, self._fail, factory, error.ConnectBindError())
        else:
            server = Server(self, script, host)
            self.servers.append(server)
            self.callLater(0, lambda: server.connect(factory.buildProtocol(None)))
        return self

    def disconnect(self) -> None:
        """Nothing: a connection in memory stands at once."""

    @staticmethod
    def _fail(factory: Any, reason: Exception) -> None:
        factory.clientConnectionFailed(None, Failure(reason))

    def settle(self) -> None:
        """Lets everything happen that needs no time. Fails where that has no end."""
        moved = True
        turns = 0
        while moved:
            turns += 1
            assert turns < MOST_TURNS, f"no end of turns: {self.servers}"
            self.advance(0)
            moved = any(list(map(Server.turn, tuple(self.servers))))
            if not moved and self.sleeps:
                self.sleeps -= 1
                for _ in range(int(MINUTE / 0.25)):
                    self.advance(0.25)
                    list(map(Server.turn, tuple(self.servers)))
                moved = True

    def run(self, awaitable: Awaitable[T], seconds: float = 3600) -> T:
        """The result; time passes where nothing else does."""
        return self.finish(ensureDeferred(awaitable), seconds)  # type: ignore[arg-type]

    def finish(self, waiting: Deferred[T], seconds: float = 3600) -> T:
        """The result of what is under way."""
        results: list[Any] = []
        waiting.addBoth(results.append)
        end = self.seconds() + seconds
        self.settle()
        while not results and self.seconds() < end:
            self.advance(0.25)
            self.settle()
        assert results, f"no end: {self.servers}"
        if isinstance(results[0], Failure):
            results[0].raiseException()
        result: T = results[0]
        return result

    def done(self) -> None:
        """Every script came to its end, and every server was asked."""
        left = [server for server in self.servers if server.steps not in ([], ["*"])]
        assert not left, left
        assert not any(self.scripts.values()), self.scripts


class Text:
    """`ports.Message` of bytes."""

    def __init__(self, data: bytes, plain: bool = False) -> None:
        self.plain = plain
        self.data = data
        self.size = len(data)
        self.most = 0
        """Most octets read at once."""

    async def read(self, start: int, stop: int) -> bytes:
        self.most = max(self.most, stop - start)
        return self.data[start:stop]


MESSAGE = b"Subject: hi\r\n\r\nbody\r\n"
SENT = "C: Subject: hi\nC:\nC: body\n"
"""The lines of MESSAGE in a script."""


NONCE = "rOprNGfwEbeRWgbNEkqO"
"""The client's in the example of RFC 7677 section 3."""


class ExampleRandomness:
    """`ports.Randomness` that gives NONCE."""

    def token(self, size: int) -> bytes:
        return base64.b64decode(NONCE)


class World:
    """A client on a network, and short words for what it is told."""

    def __init__(self, net: Net, **settings: Any) -> None:
        self.net = net
        self.log = ListLog()
        self.settings = SenderSettings(**settings)
        clock = ReactorClock(net, lambda: 1_800_000_000.0)  # type: ignore[arg-type]
        self.client = Sender(self.settings, "me.test", net, clock, ExampleRandomness(), self.log)

    def send(
        self,
        *recipients: str | QueueEntry,
        hops: Sequence[Hop] = (),
        sender: QueueSender | None = None,
        message: Any = None,
        holds: Callable[[], bool] = lambda: True,
    ) -> Sent:
        """Sends and checks that all scripts ended."""
        sent = self.net.finish(
            self.start(*recipients, hops=hops, sender=sender, message=message, holds=holds)
        )
        self.net.settle()
        self.net.done()
        return sent

    def start(
        self,
        *recipients: str | QueueEntry,
        hops: Sequence[Hop] = (),
        sender: QueueSender | None = None,
        message: Any = None,
        holds: Callable[[], bool] = lambda: True,
    ) -> Deferred[Sent]:
        """Begins to send."""
        sender = sender or QueueSender("from@me.test")
        entries = [
            entry(one, sender) if isinstance(one, str) else one
            for one in recipients or ("to@mx.test",)
        ]
        return ensureDeferred(
            self.client.send(hops or [hop()], sender, entries, message or Text(MESSAGE), holds)
        )


def world(*scripts: str, **settings: Any) -> World:
    """A client that knows one server, which follows the scripts one connection after the other."""
    return World(Net(mx=scripts), **settings)


def hop(*addresses: str, level: TLSLevel = TLSLevel.OPPORTUNISTIC, **fields: Any) -> Hop:
    """The server called `mx.test`."""
    fields.setdefault("security", Security(level))
    return Hop("mx.test", addresses or ("mx",), **fields)


def entry(recipient: str, sender: QueueSender, **fields: Any) -> QueueEntry:
    """A queue entry."""
    values: dict[str, Any] = {
        "number": 1,
        "message": 1,
        "sender": sender,
        "recipient": recipient,
        "notify": (),
        "orcpt": "",
        "size": 0,
        "created": 0,
        "due": 0,
        "attempts": 0,
    }
    return QueueEntry(**(values | fields))
