"""Pages on which letters are written: begun, taken up again, looked at while they wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mailhub.core import preferences
from mailhub.core.desk import Desk
from mailhub.core.rights import Resource, creates, reads
from mailhub.core.turns import Turns, run
from mailhub.core.writings import Begun, Writing
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.webmail import letters
from mailhub.http.webmail.frame import PREFIX, Frame
from mailhub.http.webmail.letters import HOURS, Form, Problem
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.mailbox import Mailbox
from mailhub.ports import Clock
from mailhub.wire import flowed, typed
from mailhub.wire.composed import Person

READS, WRITES = reads(Resource.MESSAGES), creates(Resource.MESSAGES)
GIVEN = 32 * 1024
"""Characters that a link may put into a field."""
FOUND = 8
"""People that are offered."""
SIGNATURE = "\n\n-- \n"


class Compose:
    """The pages."""

    def __init__(self, frame: Frame, desk: Desk, clock: Clock) -> None:
        self._frame = frame
        self._desk = desk
        self._clock = clock

    @kept("GET", "/compose", READS)
    async def compose(self, visitor: Visitor) -> Answer:
        """A letter's form: a new one, an answer, or a draft."""
        asked = visitor.call.fields()
        if uid := letters.number(asked.get("draft", "")):
            try:
                form = letters.of(await self._desk.drafting.open(visitor.account, uid))
            except NotFound:
                raise NotFound("This draft was sent or deleted meanwhile") from None
            return await self.page(visitor, form, kept=asked.get("kept", ""))
        if "answer" in asked:
            return await self.page(visitor, letters.of(await self._begun(visitor, asked)))
        return await self.page(visitor, letters.of(Begun(self._given(visitor, asked))))

    @kept("GET", "/compose/people", READS)
    async def people(self, visitor: Visitor) -> Answer:
        """Whom they wrote to lately, for what was typed: lines to choose from."""
        query = visitor.call.fields().get("query", "").strip()[:100]
        found = []
        if query:
            rows = await self._desk.correspondents.find(visitor.account, query, FOUND)
            for row in rows:
                line = typed.shown(Person(f"{row.mailbox}@{row.host}", " ".join(row.name.split())))
                if typed.people(line)[0]:
                    found.append(line)
        return pages.page("mail/people.html", visitor.language, found=found)

    @kept("GET", "/compose/sent", READS)
    async def sent(self, visitor: Visitor) -> Answer:
        """What was sent, and for how long it can be taken back."""
        asked = visitor.call.fields()
        now, due = int(self._clock.now()), letters.number(asked.get("due", ""))
        return await self._frame.shown(
            visitor,
            "mail/sent.html",
            token=asked.get("token", "")[:64],
            due=due,
            left=max(0, due - now),
            full="full" in asked,
        )

    @kept("GET", "/compose/waiting", READS)
    async def waiting(self, visitor: Visitor) -> Answer:
        """Letters that leave later."""
        waiting = await self._desk.dispatching.waiting(visitor.account)
        return await self._frame.shown(visitor, "mail/waiting.html", waiting=waiting)

    @kept("POST", "/compose/back", WRITES)
    async def take_back(self, visitor: Visitor) -> Answer:
        """A letter that waits is a draft again."""
        token = visitor.fields.get("token", "")[:64]
        actor = visitor.call.actor
        try:
            if not token:
                raise NotFound
            done = await self._desk.dispatching.take_back(visitor.account, token, actor)
        except NotFound:
            return await self._frame.shown(visitor, "mail/late.html", 409, late=0)
        if done.late:
            return await self._frame.shown(visitor, "mail/late.html", 409, late=done.late)
        if done.held is None:
            return pages.seen_at(f"{PREFIX}/")
        return pages.seen_at(f"{PREFIX}/compose?draft={done.held.version}&kept=back")

    @kept("POST", "/compose/again", WRITES)
    async def again(self, visitor: Visitor) -> Answer:
        """A message as a new draft; it stays where it is."""
        box, uid = await self._place(visitor, visitor.fields.get("message", ""))
        drafting = self._desk.drafting
        held = await drafting.again(visitor.account, box, uid, visitor.call.actor)
        return pages.seen_at(f"{PREFIX}/compose?draft={held.version}")

    # -- begun

    def _given(self, visitor: Visitor, asked: Mapping[str, str]) -> Writing:
        """A new letter, with what a link says (RFC 6068)."""
        blank = self._desk.drafting.blank(visitor.account)
        given = {name: asked.get(name, "")[:GIVEN] for name in ("to", "cc", "bcc", "subject")}
        text = "\n".join(flowed.lines(asked.get("body", "")[:GIVEN]))
        return replace(blank, text=text + self._signature(visitor), **given)

    async def _begun(self, visitor: Visitor, asked: Mapping[str, str]) -> Begun:
        box, uid = await self._place(visitor, asked["answer"])
        relation, whole = letters.WAYS.get(asked.get("how", "reply"), letters.WAYS["reply"])
        begun = await self._desk.drafting.begin(visitor.account, box, uid, relation, whole=whole)
        text = self._signature(visitor)
        if not whole:
            values: dict[str, Any] = {
                "passed": not begun.writing.to and asked.get("how") == "forward",
                "at": begun.quoted_at,
                "who": typed.written(begun.quoted_from[:3]),
                "subject": begun.writing.subject,
            }
            line = pages.page("mail/attribution.html", visitor.language, **values)
            quoted = begun.quoted
            if not values["passed"]:
                quoted = await run(flowed.quoting(quoted), Turns(self._clock))
            text = f"{text}\n\n{line.body.decode().strip()}\n{quoted}\n"
        return replace(begun, writing=replace(begun.writing, text=text))

    def _signature(self, visitor: Visitor) -> str:
        own = preferences.of(visitor.account).signature
        return SIGNATURE + own if own else ""

    async def _place(self, visitor: Visitor, text: str) -> tuple[Mailbox, int]:
        found = letters.place(text)
        if found is None:
            raise Invalid("There is no such message")
        return await self._frame.box(visitor, found[0]), found[1]

    # -- shown

    async def page(
        self,
        visitor: Visitor,
        form: Form,
        status: int = 200,
        *,
        problem: Problem | None = None,
        kept: str = "",
    ) -> Answer:
        """The form."""
        authors = await self._desk.authors.of(visitor.account)
        if form.writing.author and form.writing.author not in authors:
            authors = [*authors, form.writing.author]
        return await self._frame.shown(
            visitor,
            "mail/compose.html",
            status,
            form=form,
            authors=authors,
            problem=problem,
            kept=kept,
            most=self._desk.most,
            hours=HOURS if self._desk.holds else (),
        )
