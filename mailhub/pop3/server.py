"""POP3 on a Twisted transport: greeting, timeouts, TLS. No grammar and no decisions here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from mailhub.model.envelope import Peer
from mailhub.net.passing import PassingStream
from mailhub.net.peer import peer_of
from mailhub.pop3 import replies
from mailhub.pop3.machine import Machine, State
from mailhub.pop3.session import Services
from mailhub.pop3.talk import Talk
from mailhub.ports.passage import Crossing

LINGER = 5.0
"""Seconds of silence after which a session is taken for idle when the server wants to end it."""


class POP3Server(PassingStream):
    """One connection."""

    _line_ends = True
    """Whether another server that is passed on to has said whole lines."""

    machine: Machine
    talk: Talk

    def __init__(self, factory: POP3Factory) -> None:
        settings = factory.services.settings
        super().__init__(factory.reactor, settings.idle_timeout)
        self._factory = factory
        self.hostname = factory.hostname
        self._peer: Peer | None = None
        self.machine = Machine()
        self.talk = Talk(factory.services, self, factory.new_session())

    def connectionMade(self) -> None:
        super().connectionMade()
        self.expire_in(self._factory.services.settings.login_timeout)
        self.talk.connected()
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
        """RFC 2595 section 4: what came in before the handshake is not read; it ends the session,
        because someone in between could have put it there."""
        if self.machine.pending:
            self.close()
            return
        self.flush()
        self.machine = Machine()
        self._peer = None
        self.transport.startTLS(self._factory.tls)  # type: ignore[union-attr]

    def pass_on(self, crossing: Crossing) -> None:
        self.flush()
        self.pass_to(crossing, self.machine.rest())

    def followed(self, data: bytes) -> None:
        self._line_ends = data.endswith(b"\n")

    @property
    def between(self) -> bool:
        """A word of ours inside a long answer harms nobody: that is never whole without its end."""
        return self._line_ends

    @property
    def engaged(self) -> bool:
        """What was marked as deleted is deleted with QUIT (RFC 1939 section 6): a client that is
        busy gets to it."""
        busy = self._reactor.seconds() - self._last_activity < LINGER
        reading = self.is_passing or self.machine.state is State.TRANSACTION
        return not self.closing and reading and busy

    def retired(self) -> None:
        self.write(replies.GOING_DOWN.encode())

    def failed(self) -> None:
        """After an unexpected error; a message that was cut off closed the connection itself."""
        if not self.closing:
            self.write(replies.FAILED.encode())


class POP3Factory(Factory):
    """Makes the sessions of one listener.

    `tls`: what `startTLS` takes where STLS is to be offered, else None (also with implicit TLS).
    `new_session`: makes the id that a session has in the log. `peer_of`: reads a transport's facts.
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

    def buildProtocol(self, addr: IAddress | None) -> POP3Server:
        return POP3Server(self)
