"""IMAP on Twisted: one protocol object per connection, and their factory.

Only bytes, time and layers (TLS, DEFLATE) are handled here; no command is known. Connections are
many and mostly idle: what they need only sometimes is made only then.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHandshakeListener,
    IReactorTime,
)
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mailhub.imap import capabilities
from mailhub.imap.deflate import Deflate
from mailhub.imap.foreign import Answers
from mailhub.imap.machine import Machine
from mailhub.imap.session import Session, Site
from mailhub.imap.table import VERBS
from mailhub.imap.talk import Talk
from mailhub.model.envelope import Peer
from mailhub.model.errors import Invalid
from mailhub.net.passing import PassingStream
from mailhub.net.peer import peer_of, tls_facts
from mailhub.net.stream import INPUT_LIMIT
from mailhub.ports.passage import Crossing

INFLATED = 64 * 1024
"""Octets that one step of decompression may yield; between steps other sessions have a turn."""


@implementer(IHandshakeListener)
class IMAPStream(PassingStream):
    """One IMAP connection: the `Output` of its session."""

    machine: Machine
    talk: Talk

    def __init__(self, factory: IMAPFactory) -> None:
        super().__init__(factory.reactor, factory.site.settings.idle_timeout)
        self._factory = factory
        self._id = factory.new_session()
        self._began = 0.0
        self._has_tls = False
        self._greeted = False
        self._deflate: Deflate | None = None
        self._inflating: IDelayedCall | None = None
        self._holds_input = False
        self._next_layer: Callable[[], None] | None = None
        self._foreign: Answers | None = None

    # -- events

    def connectionMade(self) -> None:
        """Greets; how many seconds the client has to log in is absolute."""
        site = self._factory.site
        settings = site.settings
        self._began = self._reactor.seconds()
        self._has_tls = tls_facts(self.transport) is not None
        self.machine = Machine(VERBS, line=settings.line, message=settings.append_limit)
        session = Session(site, self)
        self.talk = Talk(session, self.machine)
        super().connectionMade()
        self.expire_in(settings.login_timeout)
        # Mailers sleep with their machine; the kernel finds out which of them never came back.
        keep_alive = getattr(self.transport, "setTcpKeepAlive", None)
        if keep_alive is not None:
            keep_alive(True)
        site.log.event("connect", session=self._id, service="imap", peer=session.peer.address)
        self._greet()

    def handshakeCompleted(self) -> None:
        """TLS from the first octet stands."""
        if not self._greeted:
            self._greet()

    def _greet(self) -> None:
        """With TLS once it stands: the capabilities tell which mechanisms it can be bound to, and
        who does that takes a list without them for tampered with (RFC 5802 section 6)."""
        session = self.talk.session
        tls = session.peer.tls
        self._greeted = tls is None or bool(tls.version)
        if self._greeted and not self.closing:
            name = session.site.hostname.encode("ascii", "replace")
            self.write(b"* OK [%b] %b ready\r\n" % (capabilities.code(session), name))
            self.flush()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        principal = self.talk.session.principal
        super().connectionLost(reason)
        self._factory.site.log.event(
            "disconnect",
            session=self._id,
            service="imap",
            account=principal.username if principal is not None else None,
            seconds=round(self._reactor.seconds() - self._began, 3),
        )

    def dataReceived(self, data: bytes) -> None:
        if self._deflate is None:
            super().dataReceived(data)
        elif not self.closing:
            self._deflate.receive(data)
            if self._inflating is None:
                self._inflate()

    def resumeProducing(self) -> None:
        super().resumeProducing()
        self.talk.resumed()

    def idled(self) -> None:
        self.write(b"* BYE Autologout, the session was silent for too long\r\n")

    def deserted(self) -> None:
        if self._foreign is not None and not self._foreign.said_bye:
            self.write(b"* BYE [UNAVAILABLE] The server of this mailbox hung up\r\n")

    def followed(self, data: bytes) -> None:
        if self._foreign is not None:
            self._foreign.receive(data)

    @property
    def between(self) -> bool:
        return self._foreign is None or self._foreign.between

    def retired(self) -> None:
        self.write(b"* BYE The server is shutting down\r\n")

    @property
    def engaged(self) -> bool:
        if self.is_passing:
            return not self.between or self.is_busy
        return not self.closing and self.machine.amid

    def failed(self) -> None:
        self.write(b"* BYE [SERVERBUG] Internal error\r\n")

    # -- layers

    def flush(self) -> None:
        if self._out and self._deflate is not None:
            self._out[:] = [self._deflate.pack(b"".join(self._out))]
        super().flush()
        begin, self._next_layer = self._next_layer, None
        if begin is not None and not self.closing:
            begin()

    def start_tls(self) -> None:
        self._next_layer = self._begin_tls

    def _begin_tls(self) -> None:
        self._has_tls = True
        self.machine.restart()
        self.talk.session.restart()
        self.transport.startTLS(self._factory.tls)  # type: ignore[union-attr]

    def pass_on(self, crossing: Crossing) -> None:
        if self.closing:
            crossing.close()
            return
        self.machine.pass_on()
        self._next_layer = partial(self._pass_on, crossing)

    def _pass_on(self, crossing: Crossing) -> None:
        self._foreign = Answers()
        self.pass_to(crossing, self.machine.rest())

    def start_compression(self) -> None:
        self._next_layer = self._begin_compression

    def _begin_compression(self) -> None:
        self._deflate = Deflate()

    def _inflate(self) -> None:
        """One bounded step of decompression. While packed octets wait, no more are read, and the
        next step comes a reactor turn later, or when the commands so far are answered."""
        self._inflating = None
        deflate = self._deflate
        if deflate is None or self.closing or self.machine.pending > INPUT_LIMIT:
            return
        try:
            data = deflate.unpacked(INFLATED)
        except Invalid as error:
            self.talk.session.bye(error.text)
            return
        if data:
            super().dataReceived(data)
        self._hold_input(bool(deflate.waiting) or len(data) == INFLATED)

    def _hold_input(self, more: bool) -> None:
        """Whether `more` is left to unpack before anything else is read."""
        if self.closing:
            return
        if more:
            self._inflate_later()
        if more is not self._holds_input:
            self._holds_input = more
            if more:
                self.transport.pauseProducing()  # type: ignore[union-attr]
            elif not self._input_paused:
                self.transport.resumeProducing()  # type: ignore[union-attr]

    def _inflate_later(self) -> None:
        if self._inflating is None and not self.closing:
            self._inflating = self._reactor.callLater(0, self._inflate)

    def _after_step(self, waiting: Deferred[object] | None) -> None:
        super()._after_step(waiting)
        if waiting is None and self._deflate is not None and self._deflate.waiting:
            self._inflate_later()

    # -- what a session asks of its connection

    def peer(self) -> Peer:
        return self._factory.peer_of(self.transport)

    def logged_in(self) -> None:
        self.expire_in(None)
        session = self.talk.session
        self._factory.site.log.event(
            "session",
            session=self._id,
            service="imap",
            account=session.principal.username if session.principal is not None else None,
            peer=session.peer.address,
            tls=self._has_tls,
        )

    @property
    def can_start_tls(self) -> bool:
        return self._factory.tls is not None and not self._has_tls

    @property
    def has_tls(self) -> bool:
        return self._has_tls

    @property
    def is_compressed(self) -> bool:
        return self._deflate is not None

    @property
    def pending(self) -> int:
        return self.machine.pending


class IMAPFactory(Factory):
    """Makes the sessions of one listener.

    `tls`: what `startTLS` takes where STARTTLS is to be offered, else None (also with implicit
    TLS). `new_session`: makes the id that a session has in the log. `peer_of`: reads a transport.
    """

    noisy = False

    def __init__(
        self,
        site: Site,
        *,
        reactor: IReactorTime,
        new_session: Callable[[], str],
        tls: Any = None,
        peer_of: Callable[[Any], Peer] = peer_of,
    ) -> None:
        self.site = site
        self.reactor = reactor
        self.new_session = new_session
        self.tls = tls
        self.peer_of = peer_of

    def buildProtocol(self, addr: IAddress | None) -> IMAPStream:
        """A new connection."""
        return IMAPStream(self)
