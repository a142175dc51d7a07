"""The answering half of a session: each event to its command, each outcome to its reply.

Here and nowhere else are refusals counted and replies written. What a verb does is in `commands`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from mailhub.model.errors import HookRefused, MailhubError, PolicyRefused, Unavailable
from mailhub.model.hook import HookStage
from mailhub.smtp import hooking, judging
from mailhub.smtp.commands import (
    auth,
    bdat,
    data,
    ending,
    expn,
    hello,
    help,
    mail,
    noop,
    quit,
    rcpt,
    rset,
    starttls,
    vrfy,
    xclient,
)
from mailhub.smtp.faults import Fault, Refusal
from mailhub.smtp.machine import Command, End, Event, Refused, Response, State
from mailhub.smtp.replies import (
    INTERNAL,
    NOT_NOW,
    TOO_MANY_ERRORS,
    Reply,
    Stage,
    greeting,
    of_error,
    refused_by_hook,
    refused_by_policy,
)
from mailhub.smtp.session import Session

Run = Callable[[Session, str], Awaitable[Reply | None]]
RUN: Mapping[str, Run] = {
    "HELO": hello.helo,
    "EHLO": hello.ehlo,
    "LHLO": hello.lhlo,
    "MAIL": mail.run,
    "RCPT": rcpt.run,
    "DATA": data.run,
    "BDAT": bdat.run,
    "RSET": rset.run,
    "NOOP": noop.run,
    "QUIT": quit.run,
    "HELP": help.run,
    "VRFY": vrfy.run,
    "EXPN": expn.run,
    "AUTH": auth.run,
    "STARTTLS": starttls.run,
    "XCLIENT": xclient.run,
}
STAGES: Mapping[str, Stage] = {
    "HELO": Stage.HELLO,
    "EHLO": Stage.HELLO,
    "LHLO": Stage.HELLO,
    "MAIL": Stage.SENDER,
    "RCPT": Stage.RECIPIENT,
    "VRFY": Stage.RECIPIENT,
    "AUTH": Stage.AUTH,
    "XCLIENT": Stage.AUTH,
}


class Talk:
    """Answers one session."""

    __slots__ = ("session",)

    def __init__(self, session: Session) -> None:
        self.session = session

    def greet(self) -> None:
        """The first words are the server's."""
        reception = self.session.reception
        banner = reception.settings.banner
        self._say(greeting(reception.hostname, banner, lmtp=reception.lmtp))

    async def refused_at_once(self) -> Reply | None:
        """What stands in place of the greeting where the client is not wanted; RFC 5321 3.1 has
        554 for that."""
        try:
            await judging.connect(self.session)
            await hooking.ask(self.session, HookStage.CONNECT)
        except HookRefused as error:
            reply = refused_by_hook(error, 554 if error.permanent else 421)
        except PolicyRefused as error:
            reply = refused_by_policy(error, 554 if error.permanent else 421)
        except Unavailable:
            reply = NOT_NOW
        else:
            return None
        self._note("", reply, "refused at once")
        return reply

    async def answer(self, event: Event) -> None:
        """Carries one event out and writes what is to be said."""
        if type(event) is bytes:
            self.session.keep(event)
            return
        excused = False
        if type(event) is Command:
            answer = await self._run(event)
            if answer is None:
                return
            reply = answer
            # Dead addresses on a list are no sign of ill will in who may send to lists.
            excused = event.verb == "RCPT" and self.session.known
        elif type(event) is End:
            *others, reply = await ending.run(self.session, event)
            for other in others:
                self._say(other)
        elif type(event) is Response:
            reply = await self._respond(event)
        else:
            assert type(event) is Refused
            reply = self._refused(event)
        if self.session.delay:
            await self.session.link.wait(self.session.delay)
        if reply.code < 500 or excused:
            self._say(reply)
        else:
            await self._refuse(reply)

    def lost(self) -> None:
        """The connection is gone."""
        self.session.lost()

    async def _run(self, command: Command) -> Reply | None:
        session = self.session
        try:
            return await RUN[command.verb](session, command.argument)
        except Refusal as refusal:
            return self._fault(refusal.fault, command.verb)
        except MailhubError as error:
            stage = STAGES.get(command.verb, Stage.CONTENT)
            reply = of_error(error, stage, session.reception.over_quota)
            self._note(command.verb, reply, type(error).__name__)
            return reply
        except Exception:
            session.link.report()
            return INTERNAL

    async def _respond(self, response: Response) -> Reply:
        try:
            return await auth.respond(self.session, response.line)
        except Exception:
            self.session.link.report()
            return INTERNAL

    def _refused(self, refused: Refused) -> Reply:
        session = self.session
        if session.machine.state is State.AUTH:
            session.exchange = None
            session.enter(State.READY)
        return self._fault(refused.fault, refused.verb)

    def _fault(self, fault: Fault, verb: str) -> Reply:
        reply = self.session.reception.faults[fault]
        self._note(verb, reply, fault.name)
        return reply

    async def _refuse(self, reply: Reply) -> None:
        """Refuses. Who is refused again and again waits for each, and then has to go."""
        session = self.session
        session.errors += 1
        limit = session.reception.settings.errors
        tarpit = session.reception.tarpit
        if tarpit.delay and session.errors > (tarpit.errors or limit // 2):
            await session.link.wait(tarpit.delay)
        self._say(reply)
        if session.errors >= limit and not reply.closes:
            self._note("", TOO_MANY_ERRORS, "too many errors")
            self._say(TOO_MANY_ERRORS)

    def _say(self, reply: Reply) -> None:
        link = self.session.link
        link.write(reply.wire)
        if reply.closes:
            link.close()

    def _note(self, verb: str, reply: Reply, outcome: str) -> None:
        session = self.session
        session.reception.log.event(
            "refused",
            session=session.id,
            peer=session.peer.address,
            command=verb,
            code=reply.code,
            outcome=outcome,
        )
