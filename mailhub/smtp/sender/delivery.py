"""One attempt: from server to server until every recipient has an answer.

Says which failure leads to the next address or server, in which form a server can be given the
message, and what recipients get when no server is left. The steps themselves are `talk`'s and
`transaction`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailhub.model.errors import Invalid, MailhubError, Unsupported
from mailhub.model.outbound import Answer, Sent, Stage
from mailhub.model.queue import QueueEntry, QueueSender
from mailhub.model.route import Hop
from mailhub.model.settings import SenderSettings
from mailhub.model.tlsreport import TLSReport
from mailhub.ports import Clock, Log, Message, Randomness
from mailhub.smtp.sender import grammar
from mailhub.smtp.sender.content import Content
from mailhub.smtp.sender.conversion import converted
from mailhub.smtp.sender.grammar import Capabilities
from mailhub.smtp.sender.link import Dialer, HopFailed, Lost, Session, TLSFailed
from mailhub.smtp.sender.pool import Pool, spent
from mailhub.smtp.sender.talk import Introduction
from mailhub.smtp.sender.transaction import Form, Outcome, Recipient, Transaction
from mailhub.wire.address import join, split

NO_HOPS = Answer(0, "4.4.4", "no server to send to", Stage.RESOLVE)
TOO_LONG = Answer(0, "4.4.2", "the attempt took too long", Stage.CONNECT)
BAD_ADDRESS = Answer(0, "5.1.3", "the address cannot be said in SMTP", Stage.RCPT)
NEEDS_UTF8 = Answer(0, "5.6.7", "the server does not offer SMTPUTF8", Stage.MAIL)
NEEDS_TLS = Answer(0, "5.7.30", "the server does not offer REQUIRETLS", Stage.MAIL)


@dataclass(frozen=True, slots=True)
class Client:
    """What all attempts share. `name`: what we call ourselves."""

    name: str
    settings: SenderSettings
    dialer: Dialer
    pool: Pool
    clock: Clock
    randomness: Randomness
    log: Log


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be sent, as `ports.Outbound.send` is told."""

    hops: Sequence[Hop]
    sender: QueueSender
    recipients: Sequence[QueueEntry]
    message: Message
    holds: Callable[[], bool]


class Delivery:
    """Carries out one order."""

    def __init__(self, client: Client, order: Order) -> None:
        self._client = client
        self._order = order
        self._content = Content(order.message)
        self._seven_bit: Content | None = None
        self._path = wire_path(order.sender.address)
        self._answers: dict[int, Answer] = {}
        self._failures: list[Answer] = []
        self._over = False
        """Whether no further server may be tried."""
        self._until = client.clock.seconds() + client.settings.session_timeout
        self._waiting: list[Recipient] = []
        self._seen: Session | None = None
        self._reports: list[TLSReport] = []

    async def run(self) -> Sent:
        """An answer for every recipient."""
        self._begin()
        for hop in self._order.hops:
            if not self._goes_on:
                break
            await self._try(hop)
        return self.sent(self._verdict())

    def sent(self, rest: Answer) -> Sent:
        """What came of it so far; `rest`: the answer of those who have none."""
        numbers = range(len(self._order.recipients))
        answers = tuple(self._answers.get(number, rest) for number in numbers)
        seen = self._seen
        if seen is None:
            return Sent(answers, reports=tuple(self._reports))
        return Sent(
            answers,
            host=seen.hop.host,
            address=seen.link.address,
            source=seen.link.source,
            tls=seen.tls,
            dsn=seen.link.machine.capabilities.dsn,
            reports=tuple(self._reports),
        )

    def _begin(self) -> None:
        """Nobody waits whose address would break a command."""
        spoken = grammar.speakable(self._path)
        for number, entry in enumerate(self._order.recipients):
            path = wire_path(entry.recipient)
            if spoken and path and grammar.speakable(path):
                self._waiting.append(Recipient(number, entry, path))
            else:
                self._answers[number] = BAD_ADDRESS

    @property
    def _goes_on(self) -> bool:
        return bool(self._waiting) and not self._over

    def _verdict(self) -> Answer:
        """What recipients get who reached no server: for now, if any server failed for now."""
        failures = self._failures or [NO_HOPS]
        for answer in reversed(failures):
            if not answer.permanent:
                return answer
        return failures[-1]

    # -- servers

    async def _try(self, hop: Hop) -> None:
        """One server. Where it has no room for another connection, those that stand already are
        waited for: many servers take only a few from one client."""
        pool = self._client.pool
        if pool.crowded(hop):
            await pool.turn(hop)
        while await self._try_once(hop) and await pool.turn(hop):
            continue

    async def _try_once(self, hop: Hop) -> bool:
        """Idle sessions with it first, then its addresses, in order. Whether it may only be full:
        no address took a connection, for now."""
        full = False
        try:
            while self._goes_on and (session := self._client.pool.take(hop)) is not None:
                await self._use(session)
        except HopFailed as failed:
            self._note(hop, "", failed)
            return False
        for address in hop.addresses:
            try:
                while self._goes_on:
                    await self._use(await self._open(hop, address))
            except HopFailed as failed:
                self._note(hop, address, failed)
                if failed.host:
                    return False
                full = full or _may_be_full(failed.answer)
        return full and self._goes_on

    def _note(self, hop: Hop, address: str, failed: HopFailed) -> None:
        answer = failed.answer
        self._failures.append(answer)
        self._over = self._over or not failed.onward
        self._client.log.event(
            "outbound",
            outcome="failed",
            host=hop.host,
            address=address,
            stage=answer.stage.value,
            status=answer.status,
            reason=answer.text,
        )

    async def _open(self, hop: Hop, address: str) -> Session:
        """A new session. Raises HopFailed."""
        pool = self._client.pool
        pool.begin(hop)
        try:
            return await self._introduced(hop, address)
        except BaseException:
            pool.fail(hop)
            raise

    async def _introduced(self, hop: Hop, address: str) -> Session:
        """Where TLS is nice to have and fails, once more without (RFC 7435 section 3)."""
        client = self._client
        clear = False
        while True:
            if client.clock.seconds() >= self._until:
                raise HopFailed(TOO_LONG, onward=False)
            try:
                link = await client.dialer.connect(hop, address, self._until)
            except Lost as lost:
                raise HopFailed(Answer(0, lost.status, lost.text, Stage.CONNECT)) from None
            start = Introduction(
                link, hop, client.name, client.settings, client.randomness, clear=clear
            )
            try:
                session = await start.run(client.clock.seconds())
            except TLSFailed as failed:
                clear = True
                client.log.event(
                    "outbound", outcome="clear", host=hop.host, address=address, reason=failed.text
                )
                continue
            finally:
                self._reports += start.reports
            client.log.event(
                "outbound", outcome="open", host=hop.host, address=address, tls=session.tls
            )
            return session

    # -- sessions

    async def _use(self, session: Session) -> None:
        """Transactions until nobody waits, or the session takes no more. Raises HopFailed. A
        session that waited in the pool may have died there: nobody was asked then, and nothing
        changes."""
        fresh = not session.messages
        self._seen = session
        try:
            form = await self._form(session)
            while form is not None and self._goes_on:
                outcome = await self._transact(session, form)
                if outcome.ended is not None:
                    if fresh:
                        raise HopFailed(outcome.ended)
                    return
                fresh = True
                self._take(outcome)
                if spent(session) or not session.link.alive:
                    return
        finally:
            self._client.pool.give(session)

    async def _transact(self, session: Session, form: Form) -> Outcome:
        batch = self._batch(session.link.machine.capabilities)
        settings = self._client.settings
        return await Transaction(session, form, batch, self._order.holds, settings).run()

    def _batch(self, offered: Capabilities) -> Sequence[Recipient]:
        """As many as the server takes in one transaction (RFC 9422)."""
        batch = self._waiting
        if offered.recipients:
            batch = batch[: offered.recipients]
        if offered.domains:
            domains: set[str] = set()
            kept: list[Recipient] = []
            for recipient in batch:
                domain = recipient.path.rpartition("@")[2].lower()
                if domain in domains or len(domains) < offered.domains:
                    domains.add(domain)
                    kept.append(recipient)
            batch = kept
        return batch

    def _take(self, outcome: Outcome) -> None:
        answers = outcome.answers
        self._answers |= answers
        self._waiting = [one for one in self._waiting if one.number not in answers]

    # -- the message, as this server takes it

    async def _form(self, session: Session) -> Form | None:
        """None: nobody waits any more. Raises HopFailed."""
        offered = session.link.machine.capabilities
        sender = self._order.sender
        # A notification is not dropped for a server that does not know the option (RFC 8689 5).
        promised = offered.require_tls or not sender.address
        if sender.require_tls and not (session.tls and promised):
            raise HopFailed(NEEDS_TLS, host=True)
        try:
            utf8 = await self._needs_utf8(offered)
            content, body = await self._content_for(offered, utf8=utf8)
        except Unsupported as error:
            raise HopFailed(Answer(0, "5.6.3", error.text, Stage.MAIL), host=True) from None
        except MailhubError as error:
            self._answers |= {
                one.number: Answer(0, "4.3.0", error.text, Stage.MAIL) for one in self._waiting
            }
            self._waiting = []
            return None
        if offered.size and content.size > offered.size:
            text = f"the message has {content.size} octets, the server takes {offered.size}"
            raise HopFailed(Answer(0, "5.3.4", text, Stage.MAIL), host=True)
        return Form(sender, self._path, content, body, utf8)

    async def _needs_utf8(self, offered: Capabilities) -> bool:
        """Whether anything in the envelope or header needs SMTPUTF8 (RFC 6531 3.6). Recipients
        who alone need it fail alone."""
        all_need = not self._path.isascii() or (
            self._order.sender.utf8 and await self._content.eight_bit_header()
        )
        needing = [one for one in self._waiting if not one.path.isascii()]
        if offered.utf8:
            return all_need or bool(needing)
        if all_need or len(needing) == len(self._waiting):
            raise HopFailed(NEEDS_UTF8, host=True)
        self._take(Outcome({one.number: NEEDS_UTF8 for one in needing}))
        return False

    async def _content_for(self, offered: Capabilities, *, utf8: bool) -> tuple[Content, str]:
        """The message, converted where the server cannot take it as it is, and its BODY.

        A server that offers SMTPUTF8 must take 8-bit messages (RFC 6531 3.1 item 8), whether it
        says so or not.
        """
        declared = self._order.sender.body
        if declared == "BINARYMIME":
            if offered.binary:
                return self._content, declared
        elif offered.eight_bit or (utf8 and offered.utf8):
            # What was declared as 8-bit is not read for it again.
            eight_bit = declared == "8BITMIME" and not self._content.small
            if eight_bit or await self._content.eight_bit():
                return self._content, "8BITMIME"
            return self._content, ""
        elif not await self._content.eight_bit():
            return self._content, ""
        if self._seven_bit is None:
            copy = await converted(self._order.message, self._client.clock)
            self._seven_bit = Content(copy)
        return self._seven_bit, ""


def _may_be_full(answer: Answer) -> bool:
    """Whether another connection might have been taken later."""
    if answer.stage is Stage.CONNECT:
        return answer.status == "4.4.1"
    return answer.stage in (Stage.GREETING, Stage.HELLO) and not answer.permanent


def wire_path(address: str) -> str:
    """An address as it goes on the wire: its domain in ASCII, its local part as it is."""
    if address.isascii():
        return address
    try:
        return join(*split(address))
    except Invalid:
        return address
