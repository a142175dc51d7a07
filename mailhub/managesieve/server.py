"""ManageSieve on a Twisted transport: greeting, timeouts, TLS. No grammar and no decisions here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IHandshakeListener, IReactorTime
from twisted.internet.protocol import Factory
from zope.interface import implementer

from mailhub.managesieve import replies
from mailhub.managesieve.machine import Machine
from mailhub.managesieve.talk import Services, Talk
from mailhub.model.envelope import Peer
from mailhub.net.peer import peer_of
from mailhub.net.stream import Stream


@implementer(IHandshakeListener)
class ManageSieveServer(Stream):
    """One connection."""

    machine: Machine
    talk: Talk

    def __init__(self, factory: ManageSieveFactory) -> None:
        super().__init__(factory.reactor, factory.services.settings.idle_timeout)
        self._factory = factory
        self.hostname = factory.hostname
        self._peer: Peer | None = None
        self._greeted = False
        self.machine = self._new_machine()
        self.talk = Talk(factory.services, self, factory.new_session())

    def _new_machine(self) -> Machine:
        return Machine(self._factory.services.scripts.settings.size)

    def connectionMade(self) -> None:
        super().connectionMade()
        self.expire_in(self._factory.services.settings.login_timeout)
        self.talk.connected()
        self._greet()

    def handshakeCompleted(self) -> None:
        """TLS stands: what it is bound to is known, and so what can be offered."""
        self._peer = None
        if not self._greeted:
            self._greet()

    def _greet(self) -> None:
        """The capabilities, once the mechanisms that need TLS are known: a client that does channel
        binding takes a list without -PLUS for tampered with (RFC 5802 section 6)."""
        tls = self.peer().tls
        self._greeted = tls is None or bool(tls.version)
        if self._greeted and not self.closing:
            self.talk.greet()
            self.flush()

    def peer(self) -> Peer:
        """The other end; asked again until the handshake has filled in its TLS facts."""
        peer = self._peer
        if peer is None or (peer.tls is not None and not peer.tls.version):
            peer = self._peer = self._factory.peer_of(self.transport)
        return peer

    @property
    def offers_tls(self) -> bool:
        return self._factory.tls is not None and self.peer().tls is None

    def begin_tls(self) -> None:
        """RFC 5804 section 2.2: what came in before the handshake is not read; it ends the
        session, because someone in between could have put it there. The capabilities follow once
        TLS protects them."""
        if self.machine.pending:
            self.close()
            return
        self.flush()
        self.machine = self._new_machine()
        self._peer = None
        self.transport.startTLS(self._factory.tls)  # type: ignore[union-attr]
        self._greet()

    def idled(self) -> None:
        self.write(replies.SILENT.encode())

    def retired(self) -> None:
        self.write(replies.GOING_DOWN.encode())

    def failed(self) -> None:
        """After an unexpected error."""
        if not self.closing:
            self.write(replies.FAILED.encode())


class ManageSieveFactory(Factory):
    """Makes the sessions of one listener.

    `tls`: what `startTLS` takes where STARTTLS is to be offered, else None (also with implicit
    TLS). `new_session`: makes the id that a session has in the log. `peer_of`: reads a transport's
    facts.
    """

    noisy = False

    def __init__(
        self,
        services: Services,
        *,
        hostname: str,
        reactor: IReactorTime,
        new_session: Callable[[], str],
        tls: Any = None,
        peer_of: Callable[[Any], Peer] = peer_of,
    ) -> None:
        self.services = services
        self.hostname = hostname
        self.reactor = reactor
        self.new_session = new_session
        self.tls = tls
        self.peer_of = peer_of

    def buildProtocol(self, addr: IAddress | None) -> ManageSieveServer:
        return ManageSieveServer(self)
