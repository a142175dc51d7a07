"""How somebody likes to read and write mail here: a page of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mailhub.core import preferences
from mailhub.core.accounts import Accounts
from mailhub.core.desk import Desk
from mailhub.core.preferences import PER_PAGE, SIGNATURE, UNDO, Preferences
from mailhub.core.rights import Resource, reads, updates
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.webmail import letters
from mailhub.http.webmail.frame import PREFIX, Frame
from mailhub.model.errors import Invalid
from mailhub.wire import address as grammar
from mailhub.wire import flowed, typed

ALSO = 8000
"""Characters of all further addresses."""
NAME = 256
"""Characters of a name."""


class Settings:
    """The page, and its form."""

    def __init__(self, frame: Frame, accounts: Accounts, desk: Desk) -> None:
        self._frame = frame
        self._accounts = accounts
        self._desk = desk

    @kept("GET", "/settings", reads(Resource.USERS))
    async def show(self, visitor: Visitor) -> Answer:
        """How it is."""
        wanted = preferences.of(visitor.account)
        also = ", ".join(map(grammar.readable, wanted.also))
        done = "done" in visitor.call.fields()
        return await self._page(visitor, wanted, visitor.account.name, also, kept=done)

    @kept("POST", "/settings", updates(Resource.USERS))
    async def change(self, visitor: Visitor) -> Answer:
        """How it shall be."""
        fields = visitor.fields
        name = " ".join(fields.get("name", "").split())
        also = fields.get("also", "")
        wanted = Preferences(
            signature="\n".join(flowed.lines(fields.get("signature", ""))).rstrip(),
            fixed_width="fixed_width" in fields,
            remote_images="remote_images" in fields,
            per_page=letters.number(fields.get("per_page", "")),
            undo=letters.number(fields.get("undo", "")),
        )
        account = visitor.account
        try:
            wanted = replace(wanted, also=await self._allowed(visitor, also))
            if len(name) > NAME or not name.isprintable():
                raise Invalid("The name is too long, or has characters that cannot be shown")
            changed = preferences.kept(replace(account, name=name), wanted)
            await self._accounts.update(changed, visitor.call.actor)
        except Invalid as error:
            return await self._page(visitor, wanted, name, also, 400, problem=error.text)
        return pages.seen_at(f"{PREFIX}/settings?done=1")

    async def _allowed(self, visitor: Visitor, text: str) -> tuple[str, ...]:
        """The addresses that are written, all of which they may use. Raises Invalid."""
        if len(text) > ALSO:
            raise Invalid(f"There are at most {preferences.ALSO} further addresses")
        people, wrong = typed.people(text)
        if wrong:
            raise Invalid(f"This is no address: {wrong[0][:100]}")
        if len(people) > preferences.ALSO:
            raise Invalid(f"There are at most {preferences.ALSO} further addresses")
        for one in people:
            if not await self._desk.authors.may_use(visitor.account, one.address):
                raise Invalid(f"You may not write as {grammar.readable(one.address)}")
        return tuple(one.address for one in people)

    async def _page(
        self,
        visitor: Visitor,
        wanted: Preferences,
        name: str,
        also: str,
        status: int = 200,
        **more: Any,
    ) -> Answer:
        values: dict[str, Any] = {"kept": False, "problem": ""} | more
        return await self._frame.shown(
            visitor,
            "mail/settings.html",
            status,
            wanted=wanted,
            name=name,
            also=also,
            pages=PER_PAGE,
            undos=UNDO if self._desk.holds else (),
            signature=SIGNATURE,
            **values,
        )
