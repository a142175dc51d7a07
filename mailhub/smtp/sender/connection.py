"""One TCP connection of the SMTP client, on Twisted: `link.Link` with deadlines and TLS.

Pumps bytes and keeps time; knows no grammar, and decides nothing about mail.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any
from typing import Protocol as Shape

from OpenSSL import SSL
from twisted.internet import error as errors
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from mailhub.model.route import Hop, TLSLevel
from mailhub.model.tlsreport import TLSResult
from mailhub.net import prompt
from mailhub.smtp.sender import tls
from mailhub.smtp.sender.grammar import Broken, Reply
from mailhub.smtp.sender.link import Layer, Lost, TLSFailed
from mailhub.smtp.sender.machine import Machine, State

CLOSE_TIMEOUT = 10.0
"""Seconds that the other side has to take the last bytes and close."""
NEVER = float("inf")
_PROVEN = frozenset({TLSLevel.VERIFIED, TLSLevel.DANE})
_POLITE = frozenset({State.GREETING, State.HELLO, State.READY})
"""States in which a command may be said."""


class Life(Enum):
    """ALIVE → CLOSING (nothing more is said) → ENDED; CLOSING can be left out."""

    ALIVE = auto()
    CLOSING = auto()
    ENDED = auto()


class Keeper(Shape):
    """Who looks after connections: calls `expired` on those whose `deadline` passed."""

    trust: tls.Trust

    def seconds(self) -> float: ...
    def ended(self, connection: Connection) -> None: ...


@implementer(IHandshakeListener)
class Connection(Protocol):
    """See `link.Link`. `deadline`: when `expired` is to be called. `made` is told of the
    connection once it stands."""

    transport: Any

    def __init__(self, keeper: Keeper, address: str, made: Callable[[Connection], None]) -> None:
        self.machine = Machine()
        self.address = address
        self.source = ""
        self.until = NEVER
        self.deadline = NEVER
        self._late, self._allowed = "", 0.0
        self._keeper = keeper
        self._made = made
        self._life = Life.ALIVE
        self._why = Lost("4.4.2", "the connection was closed by the other side")
        self._waiting: Deferred[None] | None = None
        self._congested = False
        self._shaken = False
        self._gone: Callable[[], None] | None = None

    # -- what Twisted calls

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)
        # Of a connection that is gone Twisted cannot tell, and then reports still ask.
        self.source = str(getattr(self.transport.getHost(), "host", ""))
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._made(self)

    def dataReceived(self, data: bytes) -> None:
        if self._life is not Life.ALIVE:
            return
        self.machine.receive(data)
        if self._gone is not None:
            # Nobody asked: it says goodbye, or is out of step. Both end it.
            self.close()
        else:
            self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._life is Life.ALIVE and not isinstance(reason.value, errors.ConnectionDone):
            self._why = Lost("4.4.2", f"the connection was lost: {words(reason.value)}")
        self._life = Life.ENDED
        self._keeper.ended(self)
        self._tell_gone()
        self._wake()

    def handshakeCompleted(self) -> None:
        """See IHandshakeListener."""
        self._shaken = True
        self._wake()

    # -- back-pressure: the transport tells when its buffer is full

    def pauseProducing(self) -> None:
        self._congested = True

    def resumeProducing(self) -> None:
        self._congested = False
        self._wake()

    def stopProducing(self) -> None:
        """The transport takes no more; `connectionLost` follows."""

    # -- link.Link

    @property
    def alive(self) -> bool:
        """See Link."""
        return self._life is Life.ALIVE

    @property
    def congested(self) -> bool:
        """See Link."""
        return self._congested

    def write(self, data: bytes) -> None:
        """See Link."""
        if self._life is Life.ALIVE:
            rest = prompt.send(self.transport, data)
            if rest:
                self.transport.write(rest)

    async def drained(self, seconds: float) -> None:
        """See Link."""
        self._expire_in(seconds, "nothing was taken")
        while self._congested:
            await self._event()
        self.deadline = self.until

    async def reply(self, seconds: float) -> Reply:
        """See Link."""
        found = self.early()
        if found is not None:
            return found
        self._expire_in(seconds, "no answer")
        while found is None:
            await self._event()
            found = self.early()
        self.deadline = self.until
        return found

    def early(self) -> Reply | None:
        """See Link. What came before the end is still read."""
        try:
            found = self.machine.next_reply()
        except Broken as broken:
            self.abort()
            raise Lost("4.5.0", broken.text) from None
        if found is None and self._life is not Life.ALIVE:
            raise self._why
        return found

    async def start_tls(self, hop: Hop, seconds: float) -> Layer:
        """See Link."""
        try:
            self.machine.upgrade()
        except Broken as broken:
            self.abort()
            raise Lost("4.7.0", broken.text) from None
        proof = tls.proof_for(hop.security)
        connection = self._keeper.trust.connection(hop, proof)
        self.transport.startTLS(Creator(connection))
        self._expire_in(seconds, "the TLS handshake did not end")
        try:
            while not self._shaken:
                await self._event()
        except Lost as lost:
            text = lost.text if proof.error is None else proof.error[1]
            result = TLSResult.VALIDATION_FAILURE if proof.error is None else proof.result
            raise TLSFailed(result, text) from None
        self.deadline = self.until
        layer = tls.judge(hop, connection, proof)
        if layer.result is not TLSResult.SUCCESS and hop.security.level in _PROVEN:
            self.abort()
            raise TLSFailed(layer.result, layer.reason)
        return layer

    def rest(self, seconds: float, gone: Callable[[], None]) -> None:
        """See Link."""
        self._gone = gone
        self.until = NEVER
        self._expire_in(seconds, "")
        if self.machine.pending:
            self.close()

    def resume(self) -> None:
        """See Link."""
        self._gone = None
        self.deadline = self.until

    def close(self) -> None:
        """See Link. As others do, the answer to QUIT is not waited for: it says nothing."""
        if self._life is not Life.ALIVE:
            return
        if self.machine.state in _POLITE and not self._congested:
            self.write(b"QUIT\r\n")
        self._life = Life.CLOSING
        self.machine.enter(State.CLOSED)
        self._tell_gone()
        self.until = NEVER
        self._expire_in(CLOSE_TIMEOUT, "")
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def abort(self) -> None:
        """See Link."""
        if self._life is not Life.ENDED:
            self._life = Life.CLOSING
            self.machine.enter(State.CLOSED)
            self._tell_gone()
            self.transport.abortConnection()

    # -- time, and waiting

    def expired(self) -> None:
        """The deadline passed."""
        overall = self.deadline >= self.until
        self.deadline = NEVER
        if self._gone is not None:
            self.close()
            return
        if self._life is Life.ALIVE:
            late = f"{self._late} within {self._allowed:g} seconds"
            self._why = Lost("4.4.2", "the attempt took too long" if overall else late)
        self.abort()
        self._wake()

    def _expire_in(self, seconds: float, late: str) -> None:
        self.deadline = min(self._keeper.seconds() + seconds, self.until)
        self._late, self._allowed = late, seconds

    async def _event(self) -> None:
        """Something happened: bytes, room, a handshake. Raises Lost where nothing more can,
        unless there may be a reply left to read."""
        if self._life is not Life.ALIVE and self._waiting is None and not self.machine.pending:
            raise self._why
        self._waiting = Deferred(self._cancelled)
        await self._waiting
        if self._life is not Life.ALIVE and not self.machine.pending:
            raise self._why

    def _cancelled(self, waiting: Deferred[None]) -> None:
        """Who awaited the whole attempt gave up: it ends as if the connection had."""
        self._why = Lost("4.3.2", "the attempt was ended")
        self.abort()
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def _tell_gone(self) -> None:
        gone, self._gone = self._gone, None
        if gone is not None:
            gone()


def words(error: BaseException | None) -> str:
    """What went wrong, for people."""
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        return "; ".join(str(one[-1]) for one in error.args[0]) or "TLS failed"
    return str(error).rstrip(".")


@implementer(IOpenSSLClientConnectionCreator)
class Creator:
    """Hands Twisted a connection that is made already."""

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See IOpenSSLClientConnectionCreator."""
        return self._connection
