"""The pages of an account's filters: all of them, one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailhub.core.filters import Filters
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.core.scripts import Scripts
from mailhub.http.call import Answer
from mailhub.http.panel import pages, rule_forms
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.errors import Invalid, MailhubError
from mailhub.model.filter import Actions
from mailhub.model.mailbox import Mailbox

PAGE = "/filters"
SHOWN = 100
"""Filters on a page."""


class Rules:
    """The pages; scripts have pages of their own, `ruling_scripts`."""

    def __init__(self, filters: Filters, mailboxes: Mailboxes, scripts: Scripts) -> None:
        self._filters = filters
        self._mailboxes = mailboxes
        self._scripts = scripts

    @kept("GET", PAGE, reads(Resource.FILTERS))
    async def all(self, visitor: Visitor) -> Answer:
        """In the order in which they run; `after`: from behind the one with that number on."""
        number, asked = visitor.account.number, visitor.call.fields().get("after", "")
        after = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 19 else 0
        found = await self._filters.of_account(number)
        rows = [one for one in found if one.number > after]
        boxes = await self._mailboxes.all(number)
        return shown(
            visitor,
            "filters.html",
            rows=rows[:SHOWN],
            more=rows[SHOWN - 1].number if len(rows) > SHOWN else 0,
            room=len(found) < self._filters.most(visitor.account),
            folders={box.number: box.name for box in boxes},
            most=self._filters.most(visitor.account),
            scripts=self._scripts.settings.scripts > 0,
            active=[one.name for one in await self._scripts.all(number) if one.active],
        )

    @kept("GET", f"{PAGE}/new", creates(Resource.FILTERS))
    async def ask(self, visitor: Visitor) -> Answer:
        """An empty form."""
        return await self._form(visitor, {}, f"{PAGE}/new")

    @kept("POST", f"{PAGE}/new", creates(Resource.FILTERS))
    async def add(self, visitor: Visitor) -> Answer:
        """A new filter, which runs behind the others."""
        given, where = visitor.fields, f"{PAGE}/new"
        try:
            wanted = rule_forms.conditions(given)
            does = await self._actions(visitor, Actions())
            await self._filters.create(
                visitor.account,
                given.get("name", "").strip(),
                wanted,
                does,
                visitor.caller.actor,
                disabled=bool(given.get("off")),
            )
        except MailhubError as error:
            return await self._form(visitor, given, where, problem=error.text)
        return pages.seen(PAGE)

    @kept("GET", f"{PAGE}/<filter>", reads(Resource.FILTERS))
    async def show(self, visitor: Visitor) -> Answer:
        """One of them, in the form."""
        one = await self._filters.get(visitor.account.number, visitor.call.arguments["filter"])
        boxes = await self._mailboxes.all(visitor.account.number)
        fields = rule_forms.fields(one, {box.number: box.id for box in boxes})
        uploads = one.actions.uploads
        return await self._form(visitor, fields, f"{PAGE}/{one.id}", boxes=boxes, uploads=uploads)

    @kept("POST", f"{PAGE}/<filter>", updates(Resource.FILTERS))
    async def change(self, visitor: Visitor) -> Answer:
        """Takes the form; its place in the order stays."""
        given = visitor.fields
        one = await self._filters.get(visitor.account.number, visitor.call.arguments["filter"])
        try:
            changed = replace(
                one,
                name=given.get("name", "").strip(),
                conditions=rule_forms.conditions(given),
                actions=await self._actions(visitor, one.actions),
                disabled=bool(given.get("off")),
            )
            await self._filters.update(changed, visitor.caller.actor)
        except MailhubError as error:
            where, uploads = f"{PAGE}/{one.id}", one.actions.uploads
            return await self._form(visitor, given, where, uploads=uploads, problem=error.text)
        return pages.seen(PAGE)

    @kept("POST", f"{PAGE}/<filter>/switch", updates(Resource.FILTERS))
    async def switch(self, visitor: Visitor) -> Answer:
        """On or off, as `on` says."""
        one = await self._filters.get(visitor.account.number, visitor.call.arguments["filter"])
        changed = replace(one, disabled=not visitor.fields.get("on"))
        if changed != one:
            await self._filters.update(changed, visitor.caller.actor)
        return pages.seen(PAGE)

    @kept("POST", f"{PAGE}/<filter>/remove", deletes(Resource.FILTERS))
    async def remove(self, visitor: Visitor) -> Answer:
        """Removes it."""
        id = visitor.call.arguments["filter"]
        await self._filters.remove(visitor.account.number, id, visitor.caller.actor)
        return pages.seen(PAGE)

    async def _actions(self, visitor: Visitor, before: Actions) -> Actions:
        """What the form says is to be done. Raises Invalid, NotFound (the mailbox)."""
        id, number = visitor.fields.get("mailbox", ""), 0
        if id:
            number = (await self._mailboxes.by_id(visitor.account.number, id)).number
        does = rule_forms.actions(visitor.fields, before, number)
        if does == Actions():
            raise Invalid("Say what is to be done with such mail")
        return does

    async def _form(
        self,
        visitor: Visitor,
        fields: Mapping[str, str],
        where: str,
        *,
        boxes: Sequence[Mailbox] = (),
        uploads: Sequence[str] = (),
        problem: str = "",
    ) -> Answer:
        return shown(
            visitor,
            "filter.html",
            400 if problem else 200,
            typed=fields,
            where=pages.PREFIX + where,
            new=where.endswith("/new"),
            boxes=boxes or await self._mailboxes.all(visitor.account.number),
            uploads=uploads,
            problem=problem,
        )
