"""The way to other servers for accounts whose mail still lives there: connects, has TLS verified,
lets `wire`'s entries log in, and carries octets from then on, which it does not look at.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from OpenSSL import SSL
from service_identity.exceptions import VerificationError
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure

from mailhub.model.elsewhere import Door, Layer
from mailhub.model.envelope import Peer
from mailhub.model.errors import MailhubError, Unavailable, Untrusted
from mailhub.model.settings_elsewhere import ElsewhereSettings
from mailhub.net.once import connected
from mailhub.net.outward import authorities, trust
from mailhub.ports.passage import Receiver
from mailhub.wire import imapentry, popentry
from mailhub.wire.entry import Claim, Entry, Inside, Say, Secure

UNCLAIMED = 10.0
"""Seconds for which a session waits to be joined."""
CLOSING = 10.0
"""Seconds that the other server has for what was sent last."""
ENTRIES = {"imap": imapentry.entry, "pop3": popentry.entry}
GONE = "The server of this mailbox cannot be reached"


class Passages:
    """`ports.Passage`."""

    def __init__(self, settings: ElsewhereSettings, reactor: Any) -> None:
        self._reactor = reactor
        self._timeout = settings.timeout
        self._trust = trust(authorities(settings.trusted, "elsewhere.trusted"))
        self._places = DeferredSemaphore(settings.opening)

    async def open(self, door: Door, name: str, password: str, peer: Peer) -> ServerCrossing:
        """See `ports.Passage`."""
        claim = Claim(name, password, door.layer, peer.address, peer.port)
        made = ServerCrossing(self._reactor, ENTRIES[door.protocol](claim), self._options(door))
        work = Deferred.fromCoroutine(self._entered(door, made))
        work.addTimeout(self._timeout, self._reactor)
        try:
            await work
        except MailhubError:
            made.close()
            raise
        except Exception as error:  # what connecting may raise is an open list: DNS, TLS, sockets
            made.close()
            raise _failed(error) from None
        return made

    def _options(self, door: Door) -> Any:
        if door.layer is Layer.NONE:
            return None
        return optionsForClientTLS(door.host, trustRoot=self._trust)

    async def _entered(self, door: Door, made: ServerCrossing) -> None:
        await self._places.acquire()
        try:
            endpoint: Any = HostnameEndpoint(self._reactor, door.host, door.port)
            if door.layer is Layer.IMPLICIT:
                endpoint = wrapClientTLS(made.options, endpoint)
            await connected(endpoint, made)
            await made.inside
        finally:
            self._places.release()


def _failed(error: Exception) -> MailhubError:
    if isinstance(error, VerificationError):
        return Untrusted("The certificate of the mailbox's server is for another name")
    if isinstance(error, SSL.Error) and "certificate verify failed" in str(error):
        return Untrusted("The certificate of the mailbox's server does not verify")
    return Unavailable(GONE)


class Phase(Enum):
    """ENTERING → INSIDE (nothing is read) → JOINED → CLOSED; CLOSED from each of them."""

    ENTERING = "entering"
    INSIDE = "inside"
    JOINED = "joined"
    CLOSED = "closed"


class ServerCrossing(Protocol):
    """`ports.passage.Crossing` on a transport. `options`: for TLS, None without. `inside`: fires
    when it is logged in, or fails."""

    def __init__(self, reactor: Any, entry: Entry, options: Any) -> None:
        self._reactor = reactor
        self._entry = entry
        self.options = options
        self.inside: Deferred[None] = Deferred()
        self.greeting = b""
        self._phase = Phase.ENTERING
        self._rest = b""
        self._receiver: Receiver | None = None
        self._timer: Any = None

    # -- the transport's side

    def connectionMade(self) -> None:
        if self._phase is Phase.CLOSED:  # too late: nobody waits any more
            self.transport.abortConnection()  # type: ignore[union-attr]
        elif ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(True)

    def dataReceived(self, data: bytes) -> None:
        if self._phase is Phase.JOINED:
            assert self._receiver is not None
            self._receiver.passed(data)
        elif self._phase is Phase.INSIDE:  # what was under way when reading paused
            self._rest += data
        elif self._phase is Phase.ENTERING:
            try:
                self._enter(data)
            except MailhubError as error:
                self._fail(error)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stop_timer()
        phase, self._phase = self._phase, Phase.CLOSED
        if phase is Phase.ENTERING:
            self._tell(_failed(reason.value))  # type: ignore[arg-type]
        receiver, self._receiver = self._receiver, None
        if phase is Phase.JOINED and receiver is not None:
            receiver.parted()

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        if self._receiver is not None:
            self._receiver.hold_back()

    def resumeProducing(self) -> None:
        """There is room in it again."""
        if self._receiver is not None:
            self._receiver.go_on()

    def stopProducing(self) -> None:
        """The transport takes no more; `connectionLost` follows."""

    # -- getting in

    def _enter(self, data: bytes) -> None:
        transport: Any = self.transport
        for act in self._entry.receive(data):
            if isinstance(act, Say):
                transport.write(act.data)
            elif isinstance(act, Secure):
                transport.startTLS(self.options)
            else:
                self._is_inside(act)

    def _is_inside(self, act: Inside) -> None:
        self._phase = Phase.INSIDE
        self.greeting, self._rest = act.greeting, act.rest
        self.transport.pauseProducing()  # type: ignore[union-attr]
        self._timer = self._reactor.callLater(UNCLAIMED, self.close)
        self._tell(None)

    def _fail(self, error: MailhubError) -> None:
        self._tell(error)
        self.close()

    def _tell(self, error: MailhubError | None) -> None:
        if self.inside.called:
            return
        if error is None:
            self.inside.callback(None)
        else:
            self.inside.errback(error)

    # -- the face's side

    def join(self, receiver: Receiver) -> None:
        """See `ports.passage.Crossing`."""
        self._stop_timer()
        if self._phase is not Phase.INSIDE:
            receiver.parted()
            return
        self._phase, self._receiver = Phase.JOINED, receiver
        transport: Any = self.transport
        transport.registerProducer(self, True)
        rest, self._rest = self._rest, b""
        if rest:
            receiver.passed(rest)
        if self._phase is Phase.JOINED:
            transport.resumeProducing()

    def send(self, data: bytes) -> None:
        """See `ports.passage.Crossing`."""
        if self._phase is Phase.JOINED:
            self.transport.write(data)  # type: ignore[union-attr]

    def pause(self) -> None:
        """See `ports.passage.Crossing`."""
        if self._phase is Phase.JOINED:
            self.transport.pauseProducing()  # type: ignore[union-attr]

    def resume(self) -> None:
        """See `ports.passage.Crossing`."""
        if self._phase is Phase.JOINED:
            self.transport.resumeProducing()  # type: ignore[union-attr]

    def close(self) -> None:
        """See `ports.passage.Crossing`."""
        self._stop_timer()
        phase, self._phase = self._phase, Phase.CLOSED
        self._receiver = None
        transport: Any = self.transport
        if phase is Phase.CLOSED or transport is None:
            return
        if phase is Phase.JOINED:
            transport.unregisterProducer()
        transport.resumeProducing()  # the end of a connection that is not read is not heard
        transport.loseConnection()
        self._timer = self._reactor.callLater(CLOSING, transport.abortConnection)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
