"""One session's facts between two commands, and the mail transaction inside it.

Here is the only place that begins and ends a transaction, so that none outlives a reset, a hello,
an upgrade to TLS or a lost connection. No verb is known here, and no reply is chosen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from mailhub.core.addresses import Addresses
from mailhub.core.holding import Holding
from mailhub.core.intake import Intake
from mailhub.core.judging import Judging
from mailhub.core.login import Exchange, Login
from mailhub.core.plan import Recipient
from mailhub.core.relays import Relays
from mailhub.core.watch import Watch
from mailhub.model.account import Principal, Service
from mailhub.model.envelope import Envelope, ForwardPath, Peer, ReversePath
from mailhub.model.errors import MailhubError, Unavailable
from mailhub.model.settings import SMTPSettings, TarpitSettings
from mailhub.policy.step import Finding, Visit
from mailhub.ports import Hooks, Log, Spool
from mailhub.smtp.content import ChunkContent, Newlines
from mailhub.smtp.faults import Fault
from mailhub.smtp.machine import Machine, State
from mailhub.smtp.replies import FAULTS, LMTP_FAULTS, LOGIN_ENDED, Reply
from mailhub.wire.networks import Networks

SLOWEST = 30.0
"""Most seconds that an answer is held back: other servers wait for minutes, but not for hours."""


class Link(Protocol):
    """What a session may do to its connection."""

    def write(self, data: bytes) -> None: ...
    def close(self) -> None:
        """Sends what was written, then closes."""
        ...

    def start_tls(self) -> None:
        """Sends what was written in clear, then starts TLS."""
        ...

    def expire_in(self, seconds: float | None) -> None:
        """An absolute deadline for the session, or none."""
        ...

    def dismiss(self, reply: Reply) -> None:
        """Says that, which nobody asked for, and closes: behind the answer in progress."""
        ...

    def wait(self, seconds: float) -> Awaitable[None]: ...
    def peer(self) -> Peer: ...
    def report(self) -> None:
        """Logs the exception that is being handled: a defect, or a part that failed badly."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What all sessions of one listener share. `tls`: STARTTLS is offered. `service`: SMTP (from
    other servers), SUBMISSION (from users, who must log in) or LMTP."""

    service: Service
    hostname: str
    settings: SMTPSettings
    intake: Intake
    login: Login
    watch: Watch
    addresses: Addresses
    log: Log
    tls: bool
    relays: Relays
    """May relay without logging in."""
    hooks: Hooks
    judging: Judging
    """What is found about clients and their mail, and what that leads to."""
    proxies: Networks
    """Whose XCLIENT is believed (`smtp.xclient_from`)."""
    newlines: Newlines
    """What becomes of a bare CR or LF in a message (`smtp.bare_newlines`)."""
    over_quota: Reply
    """What a full mailbox answers (`smtp.over_quota`)."""
    holding: Holding
    """How long mail may be held back."""
    tarpit: TarpitSettings = field(default_factory=TarpitSettings)
    """Which refusals wait, and how long."""
    hellos: dict[object, bytes] = field(default_factory=dict)
    """The lines of EHLO's reply after the first, by what they depend on."""

    @property
    def lmtp(self) -> bool:
        return self.service is Service.LMTP

    @property
    def faults(self) -> Mapping[Fault, Reply]:
        return LMTP_FAULTS if self.lmtp else FAULTS


@dataclass(slots=True)
class Transaction:
    """One mail transaction (RFC 5321 section 3.3), from MAIL to whatever ends it."""

    reverse_path: ReversePath
    forward_paths: list[ForwardPath] = field(default_factory=list)
    recipients: list[Recipient] = field(default_factory=list)
    envelope: Envelope | None = None
    spool: Spool | None = None
    chunks: ChunkContent | None = None
    failure: MailhubError | None = None
    """Why content is dropped."""
    found: tuple[Finding, ...] = ()
    """All that steps found so far, of the connection too."""

    def abort(self) -> None:
        """Nothing of it stays."""
        spool, self.spool = self.spool, None
        if spool is not None:
            spool.abort()


class Session:
    """One connection. `id`: names it in the log."""

    __slots__ = (
        "_origin",
        "_unwatch",
        "arrived",
        "delay",
        "errors",
        "exchange",
        "extended",
        "found",
        "helo",
        "id",
        "link",
        "machine",
        "messages",
        "peer",
        "principal",
        "reception",
        "skipped",
        "transaction",
        "visit",
    )

    def __init__(self, reception: Reception, machine: Machine, link: Link, id: str) -> None:
        self.reception = reception
        self.machine = machine
        self.link = link
        self.id = id
        self.peer = link.peer()
        self._origin = self.peer.address
        self.helo = ""
        self.extended = False
        """Greeted with EHLO or LHLO."""
        self.principal: Principal | None = None
        self._unwatch: Callable[[], None] | None = None
        self.exchange: Exchange | None = None
        self.transaction: Transaction | None = None
        self.skipped: tuple[State, Reply] | None = None
        """A BDAT out of order: where to be after its bytes, and what to answer then."""
        self.messages = 0
        self.errors = 0
        self.visit = Visit(id)
        self.arrived: tuple[Finding, ...] = ()
        """Found when it connected."""
        self.found: tuple[Finding, ...] = ()
        """The same, and what its hello gave."""
        self.delay = 0.0
        """Seconds that each answer waits, as something found wants it."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that steps found so far."""
        return self.found if self.transaction is None else self.transaction.found

    def met_anew(self) -> None:
        """It is another client now (XCLIENT): nothing that was found is of it."""
        self.visit.close()
        self.visit = Visit(self.id)
        self.arrived = self.found = ()
        self.delay = 0.0

    def slow_down(self, seconds: float) -> None:
        """Answers wait from now on, however long the session lasts."""
        self.delay = max(self.delay, min(seconds, SLOWEST))

    @property
    def trusted(self) -> bool:
        """May relay without logging in."""
        return self.peer.address in self.reception.relays

    @property
    def known(self) -> bool:
        """A user, a trusted client, or an agent of our own (LMTP); no stranger."""
        return self.principal is not None or self.reception.lmtp or self.trusted

    @property
    def offers_holding(self) -> bool:
        """Users alone may have their mail held back (RFC 4865 section 3)."""
        return self.reception.service is Service.SUBMISSION and self.reception.holding.offered

    @property
    def secure(self) -> bool:
        """Passwords may be sent here."""
        return self.peer.tls is not None or self.reception.settings.plaintext_auth

    @property
    def offers_tls(self) -> bool:
        return self.reception.tls and self.peer.tls is None

    @property
    def offers_auth(self) -> bool:
        """AUTH belongs to this listener, whether TLS is still missing or not."""
        service = self.reception.service
        return service is Service.SUBMISSION or (
            service is Service.SMTP and self.reception.settings.auth_on_smtp
        )

    @property
    def may_xclient(self) -> bool:
        return self._origin in self.reception.proxies

    @property
    def protocol(self) -> str:
        """The `with` word of Received (RFC 3848, RFC 6531 section 4.3)."""
        word = "LMTP" if self.reception.lmtp else "SMTP"
        secured = "S" if self.peer.tls is not None else ""
        authenticated = "A" if self.principal is not None else ""
        if self.transaction is not None and self.transaction.reverse_path.utf8:
            return f"UTF8{word}{secured}{authenticated}"
        if self.reception.lmtp:
            return f"LMTP{secured}{authenticated}"
        return f"ESMTP{secured}{authenticated}" if self.extended else "SMTP"

    # -- moves

    def enter(self, state: State) -> None:
        """Moves on inside a transaction, or into an authentication exchange."""
        self.machine.enter(state)

    def greeted(self, helo: str, *, extended: bool) -> None:
        """A hello: also ends a transaction (RFC 5321 section 4.1.4)."""
        self.reset()
        self.machine.enter(State.READY)
        self.helo = helo
        self.extended = extended

    def begin(self, reverse_path: ReversePath, found: tuple[Finding, ...]) -> None:
        """MAIL was accepted."""
        self.machine.enter(State.MAIL)
        self.transaction = Transaction(reverse_path, found=found)
        self.messages += 1

    def reset(self) -> None:
        """Ends the transaction, if there is one; the session goes on where it stands."""
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.abort()
            self.link.expire_in(None)
            if self.machine.state is not State.READY:
                self.machine.enter(State.READY)

    def logged_in(self, principal: Principal) -> None:
        """From now on the session is the principal's, as long as the login holds. Raises
        AuthenticationFailed where it does not any more."""
        self._unwatch = self.reception.watch.login(principal, self._login_ended)
        self.principal = principal

    def _login_ended(self, reason: str) -> None:
        """A new password, or a disabled or removed account: what was not accepted is nowhere."""
        self.link.dismiss(LOGIN_ENDED)

    def _forget_login(self) -> None:
        unwatch, self._unwatch = self._unwatch, None
        self.principal = None
        if unwatch is not None:
            unwatch()

    def restart(self) -> None:
        """Forgets all that the client said: TLS began, or XCLIENT came (RFC 3207 section 4.2)."""
        self.reset()
        self.machine.enter(State.START)
        self.helo = ""
        self.extended = False
        self._forget_login()
        self.exchange = None
        self.found = self.arrived

    def open(self) -> Transaction:
        """The transaction with its envelope closed and its spool open for content."""
        transaction = self.transaction
        assert transaction is not None
        if transaction.spool is None:
            envelope = Envelope(
                transaction=self.reception.intake.transaction(),
                reverse_path=transaction.reverse_path,
                forward_paths=tuple(transaction.forward_paths),
                service=self.reception.service,
                peer=self.peer,
                helo=self.helo,
                principal=self.principal,
                trusted=self.trusted,
                protocol=self.protocol,
                session=self.id,
            )
            transaction.envelope = envelope
            transaction.spool = self.reception.intake.spool(envelope)
            self.link.expire_in(self.reception.settings.data_timeout)
        return transaction

    def skip(self, size: int, answer: Reply) -> None:
        """Reads `size` bytes for nothing, then answers (RFC 3030 section 2)."""
        self.reset()
        self.skipped = (self.machine.state, answer)
        content = ChunkContent(0, Newlines.KEEP)
        content.drop()
        self.machine.start_chunk(content, size, last=True)

    def keep(self, piece: bytes) -> None:
        """A piece of content. Where it cannot be kept the rest is dropped up to its end."""
        transaction = self.transaction
        assert transaction is not None
        assert transaction.spool is not None
        try:
            transaction.spool.write(piece)
        except MailhubError as error:
            transaction.failure = error
            self.machine.drop()
        except Exception:
            self.link.report()
            transaction.failure = Unavailable()
            self.machine.drop()

    def take(self) -> Transaction:
        """The transaction whose content ended; the session has none any more."""
        transaction, self.transaction = self.transaction, None
        assert transaction is not None
        self.machine.enter(State.READY)
        self.link.expire_in(None)
        return transaction

    def lost(self) -> None:
        """The connection is gone: what was not accepted is nowhere."""
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.abort()
        self._forget_login()
        self.visit.close()
        self.machine.enter(State.CLOSED)

    def look_again(self) -> None:
        """TLS facts are complete only after the handshake, so not before the first hello."""
        tls = self.peer.tls
        if tls is None or not tls.version:
            self.peer = replace(self.peer, tls=self.link.peer().tls)
