"""The letter's form when it comes: kept, changed, sent. Whatever is wrong, nothing typed is lost.

It has a door of its own: who is signed out meanwhile gets back what was typed, to send it again
once signed in.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from mailhub.core import preferences
from mailhub.core.desk import Desk
from mailhub.core.mailing import Sending
from mailhub.core.rights import Resource, creates
from mailhub.core.writings import Change, Held
from mailhub.http.call import Answer, Call, Leash, pairs
from mailhub.http.panel import pages
from mailhub.http.panel.door import Door, Visitor, language, sent
from mailhub.http.panel.keeping import STATUSES, failed
from mailhub.http.routing import Route, route, routes_of
from mailhub.http.webmail import letters
from mailhub.http.webmail.compose import Compose
from mailhub.http.webmail.forms import TYPED, Posted, posted
from mailhub.http.webmail.frame import PREFIX
from mailhub.http.webmail.letters import HOURS, Form, Problem
from mailhub.model import errors
from mailhub.model.errors import (
    AuthenticationFailed,
    Invalid,
    MailhubError,
    NotFound,
    NotPermitted,
)
from mailhub.ports import Clock

PROBLEMS: dict[type[MailhubError], str] = {
    errors.OverQuota: "quota",
    errors.TooLarge: "large",
    errors.AllowanceUsed: "allowance",
    errors.NotPermitted: "sender",
    errors.StorageFull: "busy",
    errors.Unavailable: "busy",
}
"""Which words the page has; for others those of the error."""
SENDS, WRITES = creates(Resource.SUBMISSION), creates(Resource.MESSAGES)


@dataclass(frozen=True, slots=True)
class _Come:
    """A form that came from one of our pages. `does`: the button."""

    visitor: Visitor
    form: Form
    posted: Posted
    does: str


class Posting:
    """The forms."""

    def __init__(self, door: Door, compose: Compose, desk: Desk, clock: Clock) -> None:
        self._door = door
        self._compose = compose
        self._desk = desk
        self._clock = clock

    def routes(self) -> Iterator[Route]:
        """Both; the large one takes no large body from who is not signed in."""
        for one in routes_of(self):
            yield replace(one, admit=self._admit) if one.large else one

    async def _admit(self, call: Call) -> Leash | None:
        length = call.header("content-length")
        if length.isdigit() and int(length) <= TYPED:
            return None
        await self._visitor(call)
        return None

    async def _visitor(self, call: Call) -> Visitor:
        """Who is signed in, whatever the form says. Raises AuthenticationFailed, NotFound."""
        return await self._door.visitor(replace(call, method="GET"))

    @route("POST", "/compose", large=True)
    async def post(self, call: Call) -> Answer:
        """The whole form, with files."""
        try:
            brought = await posted(call, self._clock)
            come = await self._come(brought)
        except _Shown as shown:
            return shown.answer
        except MailhubError as error:
            return failed(error, language(call), f"{PREFIX}/")
        drafting = self._desk.drafting
        async with drafting.turn(come.visitor.account, come.form.writing.key):
            return _lasting(come.visitor, await self._done(come))

    @route("POST", "/compose/keep")
    async def keep(self, call: Call) -> Answer:
        """What is typed, kept while somebody writes; a line that says so."""
        try:
            come = await self._come(Posted(call))
        except _Shown:
            return _line(call, 403, problem="session")
        except MailhubError as error:
            return _line(call, 400, problem="other", text=error.text)
        spoken, form = come.visitor.language, come.form
        try:
            drafting = self._desk.drafting
            async with drafting.turn(come.visitor.account, form.writing.key):
                if len(form.writing.text) > letters.TEXT:
                    return _line(call, 400, spoken, problem="long")
                if form.fixed or await self._was_sent(come):
                    return _line(call, 409, spoken, problem="gone")
                held = await self._kept(come, Change(taken=_taken(form)))
        except MailhubError as error:
            kind = _kind(error)
            return _line(call, _status(error), spoken, problem=kind, text=error.text)
        at = int(self._clock.now())
        line = _line(call, 200, spoken, held=held, at=at, clash=held.clash)
        return _lasting(come.visitor, line)

    # -- who, and what

    async def _come(self, brought: Posted) -> _Come:
        """Raises _Shown where nothing is to be done: with a page that has all that was typed."""
        call = brought.call
        try:
            visitor = await self._visitor(call)
            visitor.require(WRITES)
        except (AuthenticationFailed, NotFound, NotPermitted):
            raise _Shown(_signed_out(brought)) from None
        fields, form = _read(call)
        come = _Come(replace(visitor, fields=fields), form, brought, fields.get("do", "save"))
        proof = fields.get("csrf", "").encode()
        if not hmac.compare_digest(proof, visitor.csrf.encode()):
            raise _Shown(await self._again(come, None, 403, Problem("session")))
        return come

    # -- done

    async def _done(self, come: _Come) -> Answer:
        does, _, which = come.does.partition(" ")
        if len(come.form.writing.text) > letters.TEXT and does != "discard":
            return await self._again(come, None, 400, Problem("long"))
        change = Change(come.posted.files, {which} if does == "remove" else (), _taken(come.form))
        held = None
        try:
            if does == "discard":
                return await self._discarded(come)
            if come.form.fixed and come.posted.files:
                raise Invalid("Nothing can be attached to it here")
            if does == "send" and await self._was_sent(come):
                return pages.seen_at(f"{PREFIX}/compose/sent")
            held = await self._kept(come, change)
            if does == "send":
                return await self._sent(come, held)
            if does == "plain":
                return await self._plain(come, held)
        except MailhubError as error:
            return await self._refused(come, held, error)
        kept = held.clash.value if held.clash else does if does in ("send", "remove") else "saved"
        return pages.seen_at(f"{PREFIX}/compose?draft={held.version}&kept={kept}")

    async def _was_sent(self, come: _Come) -> bool:
        return await self._desk.dispatching.was_sent(come.visitor.account, come.form.writing)

    async def _kept(self, come: _Come, change: Change) -> Held:
        visitor, form = come.visitor, come.form
        return await self._desk.drafting.keep(
            visitor.account,
            form.writing,
            form.version,
            change,
            visitor.call.actor,
            source=form.source,
        )

    async def _sent(self, come: _Come, held: Held) -> Answer:
        visitor, form = come.visitor, come.form
        visitor.require(SENDS)
        if held.clash is not None:
            kept = f"unsent-{held.clash.value}"
            return pages.seen_at(f"{PREFIX}/compose?draft={held.version}&kept={kept}")
        if held.wrong:
            problem = Problem("addresses", names=held.wrong[:10])
            return await self._again(come, held, 400, problem)
        if not (form.writing.to + form.writing.cc + form.writing.bcc).strip(" ,;\r\n"):
            return await self._again(come, held, 400, Problem("nobody"))
        due = self._due(visitor, form)
        sending = Sending(visitor.call.peer, due)
        done = await self._desk.dispatching.send(
            visitor.account, held.version, held.writing.key, sending, visitor.call.actor
        )
        full = "&full=1" if done.full else ""
        where = f"{PREFIX}/compose/sent?token={done.queued}&due={due}{full}"
        return pages.seen_at(where)

    def _due(self, visitor: Visitor, form: Form) -> int:
        """When it leaves, epoch seconds; 0: at once."""
        if not self._desk.holds:
            return 0
        seconds = preferences.of(visitor.account).undo
        if form.later in HOURS:
            seconds = form.later * 3600
        return int(self._clock.now()) + seconds if seconds else 0

    async def _plain(self, come: _Come, held: Held) -> Answer:
        visitor = come.visitor
        plain = await self._desk.drafting.plain(visitor.account, held.version, visitor.call.actor)
        return pages.seen_at(f"{PREFIX}/compose?draft={plain.version}&kept=plain")

    async def _discarded(self, come: _Come) -> Answer:
        if come.form.version:
            await self._desk.drafting.drop(
                come.visitor.account, come.form.version, come.visitor.call.actor
            )
        return pages.seen_at(f"{PREFIX}/")

    # -- what is wrong

    async def _refused(self, come: _Come, held: Held | None, error: MailhubError) -> Answer:
        problem = Problem(_kind(error), error.text)
        return await self._again(come, held, _status(error), problem)

    async def _again(self, come: _Come, held: Held | None, status: int, problem: Problem) -> Answer:
        """The form with all that was typed, and what is wrong with it."""
        form, account = come.form, come.visitor.account
        version = held.version if held is not None else form.version
        drafting = self._desk.drafting
        if version:
            form = replace(form, version=version)
            with suppress(NotFound):
                opened = letters.of(await drafting.open(account, version))
                form = replace(form, fixed=opened.fixed, attached=opened.attached)
        elif form.source is not None and not form.whole:
            with suppress(NotFound):
                form = replace(form, offered=await drafting.offered(account, form.source))
        return await self._compose.page(come.visitor, form, status, problem=problem)


class _Shown(Exception):
    """The answer is known."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def _read(call: Call) -> tuple[dict[str, str], Form]:
    """Raises Invalid, NotPermitted (another site made it)."""
    fields = sent(call)
    taken = [value for name, value in pairs(call.body.decode("ascii")) if name == "take"]
    return fields, replace(letters.read(fields, taken), fixed="fixed" in fields)


def _signed_out(brought: Posted) -> Answer:
    """Who is not signed in gets back what they typed, and nobody else anything."""
    call = brought.call
    try:
        _, form = _read(call)
    except MailhubError:
        return pages.seen("/sign-in")
    values: dict[str, Any] = {"form": form, "files": len(brought.files)}
    return pages.page("mail/signed-out.html", language(call), 403, **values)


def _line(call: Call, status: int, spoken: str = "", **values: object) -> Answer:
    """What a page says below its letter while that is written."""
    told = {"held": None, "at": 0, "clash": None, "problem": "", "text": ""} | values
    return pages.page("mail/kept.html", spoken or language(call), status, **told)


def _lasting(visitor: Visitor, answer: Answer) -> Answer:
    """The answer tells the browser how long it is signed in."""
    return replace(answer, headers=(*answer.headers, *visitor.cookies))


def _taken(form: Form) -> Sequence[str] | None:
    return None if form.whole else form.taken


def _kind(error: MailhubError) -> str:
    found = (PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
    return next(found, "other")


def _status(error: MailhubError) -> int:
    found = (STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    return next(found, 409)
