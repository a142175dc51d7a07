"""One mail transaction: MAIL, RCPT, the message, and what each recipient got.

Commands leave in one write where the server takes them so (RFC 2920), a small message with them
where it takes chunks (RFC 3030). Knows one session and one batch of recipients; which server, and
what a failure means for the next, is `delivery`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mailhub.model.errors import MailhubError
from mailhub.model.outbound import Answer, Stage
from mailhub.model.queue import QueueEntry, QueueSender
from mailhub.model.settings import SenderSettings
from mailhub.smtp.sender import grammar
from mailhub.smtp.sender.content import Content, Dots, Lines, Plain, Raw
from mailhub.smtp.sender.grammar import Capabilities, Reply
from mailhub.smtp.sender.link import Closing, Lost, Session
from mailhub.smtp.sender.machine import State

CHUNKS_AHEAD = 4
"""BDATs that may be unanswered where the server takes pipelined commands."""
FRESH = 1.0
"""Seconds of rest after which a message is not sent before MAIL was answered: a connection that
died meanwhile would leave open what became of it."""
LEASE_LOST = Answer(0, "4.3.0", "lease lost", Stage.DATA)
TOO_MANY = frozenset({452, 552})
"""Too many recipients, if others were taken (RFC 5321 4.5.3.1.10: 552 is treated as 452)."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a message goes to one server. `path`: the sender; `body`: value of BODY, or empty."""

    sender: QueueSender
    path: str
    content: Content
    body: str = ""
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class Recipient:
    """`number`: place among the attempt's recipients; `path`: as it goes on the wire."""

    number: int
    entry: QueueEntry
    path: str


@dataclass(slots=True)
class Outcome:
    """What came of it. `answers`: by recipient number. `again`: those who were too many, for
    another transaction. `ended`: how the session ended before MAIL was answered: nobody was asked
    for anybody then; None else."""

    answers: dict[int, Answer] = field(default_factory=dict)
    again: list[Recipient] = field(default_factory=list)
    ended: Answer | None = None


class _LeaseLost(Exception):
    """The message may not be sent any more."""


class Transaction:
    """Hands one message to some recipients over a session that is ready."""

    def __init__(
        self,
        session: Session,
        form: Form,
        recipients: Sequence[Recipient],
        holds: Callable[[], bool],
        settings: SenderSettings,
    ) -> None:
        self._session = session
        self._link = session.link
        self._form = form
        self._recipients = recipients
        self._holds = holds
        self._settings = settings
        self._offered: Capabilities = session.link.machine.capabilities
        self._stage = Stage.MAIL
        self._answered = False
        """Whether MAIL was."""
        self._refused = False
        """Whether it was refused: then the server holds no transaction open."""
        self._complete = False
        """Whether the whole message was sent."""
        self._accepted: list[Recipient] = []
        self.outcome = Outcome()

    async def run(self) -> Outcome:
        """The outcome. The session is ready for another transaction, or its link is gone."""
        try:
            await self._hand_over()
        except Lost as lost:
            self._end(Answer(0, lost.status, lost.text, self._stage, unknown=self._complete))
        except Closing as closing:
            # With MAIL unanswered nothing was taken, whatever was sent behind it.
            self._link.abort()
            self._complete = self._complete and self._answered
            self._end(_answer(closing.reply, self._stage))
        except _LeaseLost:
            self._link.abort()
            self._end(LEASE_LOST)
        except MailhubError as error:
            # The message cannot be read now.
            self._link.abort()
            self._end(Answer(0, "4.3.0", error.text, self._stage))
        except BaseException:
            self._link.abort()
            raise
        return self.outcome

    def _end(self, answer: Answer) -> None:
        """The session ended; all who have no answer yet get this one."""
        if not self._answered and not self._complete and answer is not LEASE_LOST:
            self.outcome.ended = answer
        self._answer_rest(answer)

    def _answer_rest(self, answer: Answer) -> None:
        answers = self.outcome.answers
        waiting = {recipient.number for recipient in self.outcome.again}
        for recipient in self._recipients:
            if recipient.number not in waiting:
                answers.setdefault(recipient.number, answer)

    async def _reply(self, stage: Stage, seconds: float) -> Reply:
        self._stage = stage
        reply = await self._link.reply(seconds)
        if reply.closing:
            raise Closing(reply)
        if not reply.positive and reply.code < 400 and stage is not Stage.DATA:
            self._link.abort()
            raise Lost("4.5.0", f"{reply.code} in the wrong place: {reply.text}")
        return reply

    # -- the envelope

    async def _hand_over(self) -> None:
        machine = self._link.machine
        machine.enter(State.MAIL)
        self._session.messages += 1
        if self._offered.pipelining:
            await self._at_once()
        else:
            await self._one_by_one()
        if machine.state is State.CONTENT or self._refused:
            machine.enter(State.READY)
        elif machine.state is State.MAIL:
            await self._reset()

    def _mail(self) -> bytes:
        form = self._form
        command = grammar.mail(
            form.sender,
            form.path,
            self._offered,
            size=form.content.size,
            body=form.body,
            utf8=form.utf8,
        )
        if self._session.authenticated and self._offered.mechanisms:
            command = command[:-2] + grammar.submitted_by(form.sender, form.path) + b"\r\n"
        return command

    def _rcpt(self, recipient: Recipient) -> bytes:
        return grammar.rcpt(recipient.entry, recipient.path, self._offered, utf8=self._form.utf8)

    async def _at_once(self) -> None:
        """Everything up to the first answer that is needed in one write."""
        batch = [self._mail(), *map(self._rcpt, self._recipients)]
        in_chunks = self._in_chunks
        # An attempt that never was leaves no trace: read before the server hears of it.
        await self._form.content.piece(0)
        first = await self._whole_chunk() if self._may_run_ahead else b""
        if first:
            self._last_octet(State.CONTENT)
            batch.append(first)
        elif not in_chunks:
            batch.append(b"DATA\r\n")
        self._link.write(b"".join(batch))
        taken = self._mail_answered(await self._reply(Stage.MAIL, self._settings.mail_timeout))
        for recipient in self._recipients:
            reply = await self._reply(Stage.RCPT, self._settings.rcpt_timeout)
            if taken:
                self._rcpt_answered(recipient, reply)
        if first:
            await self._chunks_end()
        elif not in_chunks:
            await self._after_data(await self._reply(Stage.DATA, self._settings.data_timeout))
        elif self._accepted:
            await self._send_chunks()

    async def _one_by_one(self) -> None:
        await self._form.content.piece(0)
        self._link.write(self._mail())
        if not self._mail_answered(await self._reply(Stage.MAIL, self._settings.mail_timeout)):
            return
        for recipient in self._recipients:
            self._link.write(self._rcpt(recipient))
            reply = await self._reply(Stage.RCPT, self._settings.rcpt_timeout)
            self._rcpt_answered(recipient, reply)
        if not self._accepted:
            return
        if self._in_chunks:
            await self._send_chunks()
        else:
            self._link.write(b"DATA\r\n")
            await self._after_data(await self._reply(Stage.DATA, self._settings.data_timeout))

    def _mail_answered(self, reply: Reply) -> bool:
        self._answered = True
        if reply.positive:
            return True
        self._refused = True
        self._answer_rest(_answer(reply, Stage.MAIL))
        return False

    def _rcpt_answered(self, recipient: Recipient, reply: Reply) -> None:
        if reply.positive:
            self._accepted.append(recipient)
        elif self._accepted and _too_many(reply):
            self.outcome.again.append(recipient)
        else:
            self.outcome.answers[recipient.number] = _answer(reply, Stage.RCPT)

    async def _reset(self) -> None:
        """Ends what the server may hold open, so that the next MAIL is not refused."""
        self._link.write(b"RSET\r\n")
        reply = await self._reply(Stage.RCPT, self._settings.hello_timeout)
        if reply.positive:
            self._link.machine.enter(State.READY)
        else:
            self._link.abort()

    # -- DATA

    async def _after_data(self, reply: Reply) -> None:
        machine = self._link.machine
        if reply.code != 354:
            if reply.code < 400:
                self._link.abort()
                raise Lost("4.5.0", f"{reply.code} in the wrong place: {reply.text}")
            self._answer_rest(_answer(reply, Stage.DATA))
            return
        machine.enter(State.CONTENT)
        if not self._accepted:
            # RFC 2920 3.1: taken though nobody was; a lone dot ends it, and means nothing.
            self._link.write(b".\r\n")
            await self._reply(Stage.DATA, self._settings.dot_timeout)
            return
        await self._send_dotted()

    async def _send_dotted(self) -> None:
        self._stage = Stage.DATA
        link = self._link
        content = self._form.content
        dots = Plain() if content.message.plain else Dots()
        start = 0
        while True:
            piece = await content.piece(start)
            start += len(piece)
            data = dots.feed(piece)
            if start >= content.size:
                break
            link.write(data)
            await self._keep_pace()
        self._last_octet()
        link.write(data + dots.end())
        await self._final()

    async def _keep_pace(self) -> None:
        """Waits while the server takes nothing; a server that answers before the end of the
        message will not take it."""
        if self._link.congested:
            await self._link.drained(self._settings.block_timeout)
        reply = self._link.early()
        if reply is not None:
            self._link.abort()
            if reply.code < 400:
                raise Lost("4.5.0", f"{reply.code} in the middle of the message: {reply.text}")
            raise Closing(reply)

    def _last_octet(self, state: State | None = None) -> None:
        """The end of the message is about to leave: the last moment to think better of it."""
        if not self._holds():
            raise _LeaseLost
        if state is not None:
            self._link.machine.enter(state)
        self._complete = True
        self._stage = Stage.DOT

    async def _final(self) -> bool:
        """What the server says to the whole message, with LMTP to each recipient (RFC 2033);
        whether it took it."""
        answers = self.outcome.answers
        taken = False
        if not self._session.hop.lmtp:
            reply = await self._reply(Stage.DOT, self._settings.dot_timeout)
            answer = _answer(reply, Stage.DOT)
            for recipient in self._accepted:
                answers[recipient.number] = answer
            return reply.positive
        for recipient in self._accepted:
            reply = await self._reply(Stage.DOT, self._settings.dot_timeout)
            answers[recipient.number] = _answer(reply, Stage.DOT)
            taken = taken or reply.positive
        return taken

    # -- BDAT

    @property
    def _in_chunks(self) -> bool:
        """LMTP servers differ in how many answers the last chunk gets where it fails: there only
        what cannot go otherwise is sent so."""
        if self._form.body == "BINARYMIME":
            return True
        return self._offered.chunking and not self._session.hop.lmtp

    @property
    def _may_run_ahead(self) -> bool:
        """Whether the message may leave together with its envelope."""
        if not self._in_chunks or self._session.hop.lmtp:
            return False
        return self._form.content.small and self._session.rested < FRESH

    def _lines(self) -> Lines:
        return Raw() if self._form.body == "BINARYMIME" else Lines()

    async def _whole_chunk(self) -> bytes:
        lines = self._lines()
        data = lines.feed(await self._form.content.piece(0)) + lines.end()
        return grammar.bdat(len(data), last=True) + data

    async def _send_chunks(self) -> None:
        self._stage = Stage.DATA
        link = self._link
        content = self._form.content
        lines = self._lines()
        ahead = CHUNKS_AHEAD if self._offered.pipelining else 1
        start = unanswered = 0
        link.machine.enter(State.CONTENT)
        while True:
            piece = await content.piece(start)
            start += len(piece)
            data = lines.feed(piece)
            if start >= content.size:
                break
            link.write(grammar.bdat(len(data), last=False) + data)
            unanswered += 1
            if link.congested:
                await link.drained(self._settings.block_timeout)
            while unanswered >= ahead:
                unanswered -= 1
                if not await self._chunk_taken(unanswered):
                    return
        while unanswered:
            unanswered -= 1
            if not await self._chunk_taken(unanswered):
                return
        data += lines.end()
        self._last_octet()
        link.write(grammar.bdat(len(data), last=True) + data)
        await self._chunks_end()

    async def _chunks_end(self) -> None:
        """After a refused BDAT a transaction may still be open (RFC 3030 section 2), unlike after
        a refused message of DATA."""
        if not await self._final() and not self._refused:
            await self._reset()

    async def _chunk_taken(self, others: int) -> bool:
        """Reads the answer to one chunk. Behind a refused one nothing follows (RFC 3030 section
        2): `others` that left already are answered, too, then RSET ends it."""
        reply = await self._reply(Stage.DATA, self._settings.dot_timeout)
        if reply.positive:
            return True
        if reply.code < 400:
            self._link.abort()
            raise Lost("4.5.0", f"{reply.code} in the wrong place: {reply.text}")
        self._answer_rest(_answer(reply, Stage.DATA))
        for _ in range(others):
            await self._reply(Stage.DATA, self._settings.dot_timeout)
        await self._reset()
        return False


def _answer(reply: Reply, stage: Stage) -> Answer:
    return Answer(reply.code, reply.status, reply.text, stage)


def _too_many(reply: Reply) -> bool:
    """Whether a recipient is refused for the number of recipients, and not for itself."""
    return reply.code in TOO_MANY and reply.status[1:] in (".5.3", ".0.0")
