"""SMTP, submission and LMTP on Twisted: pumps bytes, keeps time, starts TLS.

No grammar, no state of the protocol, no decision about mail: those are `machine` and `talk`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure

from mailhub.core.addresses import Addresses
from mailhub.core.background import spawn
from mailhub.core.holding import Holding
from mailhub.core.intake import Intake
from mailhub.core.judging import Judging
from mailhub.core.login import Login
from mailhub.core.relays import Relays
from mailhub.core.watch import Watch
from mailhub.model.account import Service
from mailhub.model.envelope import Peer
from mailhub.model.hook import HookStage
from mailhub.model.settings import SMTPSettings, TarpitSettings
from mailhub.net.peer import peer_of
from mailhub.net.stream import Stream
from mailhub.policy.step import Stage
from mailhub.ports import Hooks, Log
from mailhub.smtp.content import Newlines
from mailhub.smtp.machine import Machine
from mailhub.smtp.replies import (
    INTERNAL,
    OVER_QUOTA,
    OVER_QUOTA_LATER,
    SHUTDOWN,
    TIMEOUT,
    Reply,
)
from mailhub.smtp.session import Reception, Session
from mailhub.smtp.talk import Talk
from mailhub.wire.networks import Networks


class SMTPServer(Stream):
    """One connection."""

    machine: Machine
    talk: Talk

    def __init__(self, factory: SMTPFactory) -> None:
        super().__init__(factory.reactor, factory.reception.settings.idle_timeout)
        self._factory = factory
        self._id = factory.new_session()
        self._began = 0.0
        self._goodbye = SHUTDOWN
        self._line_began: float | None = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self._began = self._reactor.seconds()
        reception = self._factory.reception
        self.machine = Machine(reception.settings.line)
        self.talk = Talk(Session(reception, self.machine, self, self._id))
        reception.log.event(
            "connect",
            session=self._id,
            service=reception.service.value,
            peer=self.talk.session.peer.address,
        )
        if reception.hooks.has(HookStage.CONNECT) or reception.judging.has(Stage.CONNECT):
            # Nothing is read before the greeting, so nothing is answered without it.
            self.transport.pauseProducing()  # type: ignore[union-attr]
            spawn(self._ask(), reception.log, "connect")
        else:
            self._greet()

    async def _ask(self) -> None:
        refused = await self.talk.refused_at_once()
        if self.closing:
            return
        if refused is None:
            self._greet()
            self.transport.resumeProducing()  # type: ignore[union-attr]
        else:
            self.write(refused.wire)
            self.close()

    def _greet(self) -> None:
        self.talk.greet()
        self.flush()

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        if not self.machine.in_line or self._running is not None:
            self._line_began = None
        else:
            self._watch_line(data)

    def _watch_line(self, data: bytes) -> None:
        """A line that arrives byte by byte does not reset the clock with each."""
        now = self._reactor.seconds()
        if self._line_began is None or b"\n" in data:
            self._line_began = now
        elif now - self._line_began > self.idle_timeout and not self.closing:
            self.idled()
            self.close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        session = self.talk.session
        self._factory.reception.log.event(
            "disconnect",
            session=self._id,
            peer=session.peer.address,
            messages=session.messages,
            seconds=round(self._reactor.seconds() - self._began, 3),
        )

    # -- what a session may do (`session.Link`)

    def peer(self) -> Peer:
        """The facts of the transport, as they are now."""
        return self._factory.peer_of(self.transport)

    def start_tls(self) -> None:
        """What was written leaves in clear; everything after it is inside TLS."""
        self.flush()
        self.transport.startTLS(self._factory.tls)  # type: ignore[union-attr]

    def dismiss(self, reply: Reply) -> None:
        """The session ends as it does when the server stops, for a reason of its own."""
        self._goodbye = reply
        self.retire()

    def wait(self, seconds: float) -> Deferred[None]:
        """Lets time pass before the next answer."""
        over: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, over.callback, None)
        return over

    def report(self) -> None:
        """Logs the exception that is being handled."""
        self.log.failure("A command failed in session {id}", id=self._id)

    # -- ends that the client did not ask for

    def idled(self) -> None:
        """The client was silent, or its message took too long."""
        self.write(TIMEOUT.wire)

    def retired(self) -> None:
        """The server stops, or the login ended."""
        self.write(self._goodbye.wire)

    @property
    def engaged(self) -> bool:
        """A transaction goes to its end."""
        return not self.closing and self.talk.session.transaction is not None

    def failed(self) -> None:
        """A defect ended the pump: whatever was open is not accepted."""
        self.write(INTERNAL.wire)


class SMTPFactory(Factory):
    """Makes the sessions of one listener.

    `tls`: what `startTLS` takes where STARTTLS is to be offered, else None (also with implicit
    TLS). `new_session`: makes the id that a session has in the log. `peer_of`: reads a transport.
    """

    noisy = False

    def __init__(
        self,
        service: Service,
        *,
        hostname: str,
        settings: SMTPSettings,
        intake: Intake,
        login: Login,
        watch: Watch,
        addresses: Addresses,
        relays: Relays,
        hooks: Hooks,
        judging: Judging,
        holding: Holding,
        reactor: IReactorTime,
        log: Log,
        new_session: Callable[[], str],
        tls: Any = None,
        tarpit: TarpitSettings | None = None,
        peer_of: Callable[[Any], Peer] = peer_of,
    ) -> None:
        self.reactor = reactor
        self.tls = tls
        self.new_session = new_session
        self.peer_of = peer_of
        self.reception = Reception(
            service=service,
            hostname=hostname,
            settings=settings,
            intake=intake,
            login=login,
            watch=watch,
            addresses=addresses,
            log=log,
            tls=tls is not None,
            relays=relays,
            hooks=hooks,
            judging=judging,
            holding=holding,
            proxies=Networks(settings.xclient_from),
            newlines=Newlines(settings.bare_newlines),
            tarpit=tarpit or TarpitSettings(),
            over_quota=OVER_QUOTA if settings.over_quota == "permanent" else OVER_QUOTA_LATER,
        )

    def buildProtocol(self, addr: IAddress | None) -> SMTPServer:
        """A session."""
        return SMTPServer(self)
