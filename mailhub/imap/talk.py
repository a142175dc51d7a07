"""Answers the machine's events: runs verbs one after the other and gives each its tagged reply.

The talk knows the shape of every command and the meaning of none. It takes uploaded messages
into spools, tells other sessions' changes where RFC 9051 allows it, and keeps the machine's state
in step with the session's.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from traceback import format_exception
from typing import Any

from mailhub.imap import replies, updates
from mailhub.imap.events import (
    Announced,
    Arrived,
    Chunk,
    Complete,
    Event,
    Fatal,
    Line,
    Proceed,
    Refused,
    Request,
)
from mailhub.imap.grammar.uploads import Append, AppendHead, Replace, ReplaceHead, Upload, Uploaded
from mailhub.imap.machine import Machine
from mailhub.imap.replies import Refusal, Reply, Status
from mailhub.imap.session import Session
from mailhub.imap.state import State
from mailhub.imap.verb import Updates, Verb
from mailhub.model.errors import Invalid, LimitReached, MailhubError, TooLarge, Unsupported
from mailhub.model.mailbox import Mailbox
from mailhub.ports import Spool

CONTINUE = b"+ Ready for literal data\r\n"
MAX_UPLOADS = 1000
"""Messages of one MULTIAPPEND."""
MAX_UPLOADED = 4
"""All of them together, as a multiple of the limit for one."""
MAX_ERRORS = 20
"""Bad commands in a row, or refusals before login in all, after which the server hangs up."""


class Uploads:
    """The messages of the command that is arriving; made for APPEND and gone after it."""

    __slots__ = ("done", "failure", "mailbox", "order", "size", "spool")

    def __init__(self) -> None:
        self.failure: MailhubError | None = None
        self.done: list[Uploaded] = []
        self.order: Upload | None = None
        self.spool: Spool | None = None
        self.mailbox: Mailbox | None = None
        self.size = 0

    def fail(self, error: MailhubError) -> None:
        """Nothing of it will be stored; what still comes is read and forgotten."""
        self.failure = error
        self.drop()

    def drop(self) -> None:
        """Lets go of every body. Safe to repeat."""
        spool, self.spool = self.spool, None
        if spool is not None:
            spool.abort()
        done, self.done = self.done, []
        for uploaded in done:
            uploaded.body.close()


class Talk:
    """One connection's conversation."""

    __slots__ = ("_answers", "_errors", "_tag", "_uploads", "_verb", "machine", "session")

    def __init__(self, session: Session, machine: Machine) -> None:
        self.session = session
        self.machine = machine
        self._tag = b""
        self._verb: Verb | None = None
        self._uploads: Uploads | None = None
        self._errors = 0

    async def answer(self, event: Event) -> None:
        """Answers one event; afterwards the machine may be asked for the next."""
        await ANSWERS[type(event)](self, event)

    def lost(self) -> None:
        """The connection is gone."""
        self._drop_uploads()
        self.session.lost()

    def resumed(self) -> None:
        """The peer reads again."""
        dialogue = self.session.dialogue
        if dialogue is not None:
            dialogue.news(self.session)

    # -- commands

    async def _request(self, event: Request) -> None:
        self._tag = self.session.tag = event.tag
        self._verb = event.verb
        await self._finish(await self._result(event.verb.run(self.session, event.value)))

    async def _line(self, event: Line) -> None:
        dialogue = self.session.dialogue
        assert dialogue is not None
        reply = await self._result(dialogue.line(self.session, event.data))
        if reply is not None:
            self.session.end_dialogue()
            self.machine.converse(False)
        await self._finish(reply)

    async def _refused(self, event: Refused) -> None:
        self._drop_uploads()
        reply = _refusal(event.error)
        self.session.output.write(reply.line(event.tag))
        self._count(reply)

    async def _fatal(self, event: Fatal) -> None:
        self._drop_uploads()
        self.session.bye(event.error.text)

    async def _proceed(self, event: Proceed) -> None:
        self.session.output.write(CONTINUE)

    async def _result(self, running: Coroutine[Any, Any, Reply | None]) -> Reply | None:
        """What a verb answers, errors included. A fault of ours costs one command, no session."""
        try:
            return await running
        except Refusal as refusal:
            return refusal.reply
        except MailhubError as error:
            return replies.of_error(error)
        except Exception as error:
            name = self._verb.name.decode("ascii") if self._verb is not None else ""
            trace = "".join(format_exception(error))
            self.session.site.log.event("imap-command-failed", command=name, trace=trace)
            return replies.INTERNAL

    async def _finish(self, reply: Reply | None) -> None:
        """News, the tagged line, and the machine in step again."""
        session, verb, machine = self.session, self._verb, self.machine
        if session.output.closing:
            return
        if reply is None:
            machine.converse(True)
            return
        assert verb is not None
        view = session.selected
        if view is not None and verb.updates is not Updates.NONE and view.behind:
            if not view.gone:
                await updates.tell(session, removals=verb.updates is Updates.ALL)
            elif verb.name == b"DELETE":
                updates.close_deleted(session)
        session.output.write(reply.line(self._tag))
        if session.selected is not None and session.selected.gone:
            session.bye(updates.GONE)
            return
        machine.state = session.state
        machine.utf8 = session.utf8
        self._count(reply)

    def _count(self, reply: Reply) -> None:
        """Hangs up on a peer that only makes mistakes. After login a good command makes good
        again; before it a refusal counts like a mistake, and nothing makes good."""
        session = self.session
        if session.state is State.LOGOUT:
            session.output.close()
        elif reply.status is Status.OK:
            if session.state is not State.NOT_AUTHENTICATED:
                self._errors = 0
        elif reply.status is Status.BAD or session.state is State.NOT_AUTHENTICATED:
            self._errors += 1
            if self._errors >= MAX_ERRORS:
                session.bye("Too many errors")

    # -- messages that come in

    async def _announced(self, event: Announced) -> None:
        if self._uploads is None:
            self._uploads = Uploads()
        try:
            await self._admit(event, self._uploads)
        except (MailhubError, Refusal) as error:
            refused = self.machine.refuse(error)
            if refused is not None:
                await self._refused(refused)
            return
        self.machine.accept()
        if event.waits:
            self.session.output.write(CONTINUE)

    async def _admit(self, event: Announced, uploads: Uploads) -> None:
        site, upload = self.session.site, event.upload
        limit = site.settings.append_limit
        if upload.size > limit:
            raise TooLarge("The message is too large", limit)
        if not upload.size:
            # RFC 3502 section 6.3.11: this is how a client calls a MULTIAPPEND off.
            raise Unsupported("An empty message is not stored")
        uploads.size += upload.size
        if len(uploads.done) >= MAX_UPLOADS or uploads.size > MAX_UPLOADED * limit:
            raise LimitReached("Too many messages in one command")
        if event.verb.admit is not None and uploads.failure is None:
            uploads.mailbox = await event.verb.admit(self.session, event.head, upload)
        uploads.order = upload
        if uploads.failure is None:
            uploads.spool = site.storage.spools.open()

    async def _chunk(self, event: Chunk) -> None:
        uploads = self._uploads
        if uploads is not None and uploads.spool is not None:
            try:
                uploads.spool.write(event.data)
            except MailhubError as error:
                uploads.fail(error)

    async def _arrived(self, event: Arrived) -> None:
        uploads = self._uploads
        if uploads is not None and uploads.spool is not None and uploads.order is not None:
            spool, uploads.spool = uploads.spool, None
            try:
                uploads.done.append(Uploaded(uploads.order, spool.finish()))
            except MailhubError as error:
                uploads.fail(error)

    async def _complete(self, event: Complete) -> None:
        self._tag = self.session.tag = event.tag
        self._verb = event.verb
        uploads, self._uploads = self._uploads, None
        assert uploads is not None
        try:
            if uploads.failure is not None:
                await self._finish(replies.of_error(uploads.failure))
                return
            assert uploads.mailbox is not None
            value = _value(event.head, uploads.mailbox, uploads.done)
            await self._finish(await self._result(event.verb.run(self.session, value)))
        finally:
            uploads.drop()

    def _drop_uploads(self) -> None:
        uploads, self._uploads = self._uploads, None
        if uploads is not None:
            uploads.drop()


def _value(
    head: AppendHead | ReplaceHead, mailbox: Mailbox, messages: list[Uploaded]
) -> Append | Replace:
    if isinstance(head, AppendHead):
        return Append(mailbox, tuple(messages))
    return Replace(head.uid, head.message, mailbox, messages[0])


def _refusal(error: MailhubError | Refusal) -> Reply:
    """Syntax is the client's fault (BAD), a limit or a rule is not (NO)."""
    if isinstance(error, Refusal):
        return error.reply
    if isinstance(error, Invalid):
        return replies.bad(error.text)
    return replies.of_error(error)


Answer = Callable[[Talk, Any], Coroutine[Any, Any, None]]

ANSWERS: Mapping[type[Event], Answer] = {
    Request: Talk._request,
    Refused: Talk._refused,
    Proceed: Talk._proceed,
    Announced: Talk._announced,
    Chunk: Talk._chunk,
    Arrived: Talk._arrived,
    Complete: Talk._complete,
    Line: Talk._line,
    Fatal: Talk._fatal,
}
