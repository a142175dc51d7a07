"""Connections to the administrator's own programs: scanners and filters, over TCP or a Unix socket.

Bytes in, bytes out, in bounded time and number; what they mean, `wire` says.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IDelayedCall, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from mailhub.model.errors import Unavailable
from mailhub.ports import Buffer

HELD = 1 << 20
"""Octets received and not asked for past which reading pauses."""
PIECE = 64 * 1024
"""Octets handed to the transport at once."""
CLOSING = 10.0
"""Seconds for what was sent last, where nothing else bounds it."""
LATE = "It took too long"


class SocketDialogue(Protocol):
    """`ports.Dialogue` on a transport. `release`: called once, when it is over."""

    def __init__(self, reactor: Any, release: Deferred[None]) -> None:
        self._reactor = reactor
        self._release: Deferred[None] | None = release
        self._received = bytearray()
        self._open = True
        self._late = False
        self._full = False
        self._paused = False
        self._waiting: Deferred[None] | None = None
        self._timer: IDelayedCall | None = None

    # -- the transport's side

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)  # type: ignore[union-attr]
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > HELD and not self._paused:
            self._paused = True
            self.transport.pauseProducing()  # type: ignore[union-attr]
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._open = False
        self._stop_timer()
        self._over()
        self._wake()

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._full = True

    def resumeProducing(self) -> None:
        """There is room in it again."""
        self._full = False
        self._wake()

    def stopProducing(self) -> None:
        """The transport takes no more; `connectionLost` follows."""

    # -- the caller's side

    async def send(self, data: Buffer) -> bool:
        """See `ports.Dialogue`."""
        for start in range(0, len(data), PIECE):
            while self._full and self._open:
                await self._change()
            self._check()
            if not self._open:
                return False
            self.transport.write(bytes(data[start : start + PIECE]))  # type: ignore[union-attr]
        return self._open

    async def receive(self) -> bytes:
        """See `ports.Dialogue`."""
        while not self._received and self._open:
            await self._change()
        self._check()
        data = bytes(self._received)
        self._received.clear()
        if self._paused and self._open:
            self._paused = False
            self.transport.resumeProducing()  # type: ignore[union-attr]
        return data

    def expire_in(self, seconds: float | None) -> None:
        """See `ports.Dialogue`."""
        self._stop_timer()
        if self._open and seconds is not None:
            self._timer = self._reactor.callLater(seconds, self._expire)

    def close(self, last: bytes = b"") -> None:
        """See `ports.Dialogue`. What was sent still leaves, within the time that is left."""
        if self._open:
            self.transport.write(last)  # type: ignore[union-attr]
            self.transport.unregisterProducer()  # type: ignore[union-attr]
            self.transport.loseConnection()  # type: ignore[union-attr]
            if self._timer is None:
                self.expire_in(CLOSING)
        self._over()

    def _expire(self) -> None:
        self._timer = None
        self._late = True
        self.transport.abortConnection()  # type: ignore[union-attr]
        self._wake()

    def _check(self) -> None:
        if self._late:
            raise Unavailable(LATE)

    async def _change(self) -> None:
        """Ends when something happened."""
        self._check()
        self._waiting = Deferred()
        await self._waiting

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _over(self) -> None:
        release, self._release = self._release, None
        if release is not None:
            release.callback(None)


class EndpointDial:
    """`ports.Dial` of an endpoint string, such as `tcp:127.0.0.1:783` or `unix:/run/x.sock`.

    `concurrency`: connections at a time.
    """

    def __init__(self, endpoint: str, concurrency: int, reactor: Any) -> None:
        self._endpoint = clientFromString(reactor, endpoint)  # type: ignore[no-untyped-call]
        self._places = DeferredSemaphore(concurrency)
        self._reactor = reactor

    async def open(self, seconds: float) -> SocketDialogue:
        """See `ports.Dial`."""
        end = self._reactor.seconds() + seconds
        place = self._places.acquire()
        place.addTimeout(seconds, self._reactor)
        try:
            await place
        except Exception:
            raise Unavailable("All its connections are taken") from None
        release: Deferred[None] = Deferred()
        release.addCallback(lambda _: self._places.release())
        made = SocketDialogue(self._reactor, release)
        left = end - self._reactor.seconds()
        try:
            connecting = self._endpoint.connect(Factory.forProtocol(lambda: made))
            connecting.addTimeout(max(left, 0.0), self._reactor)
            await connecting
        except Exception as error:
            release.callback(None)
            why = f"It cannot be reached ({type(error).__name__})"
            raise Unavailable(why) from None
        made.expire_in(end - self._reactor.seconds())
        return made
