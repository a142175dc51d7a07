"""The page of folders: new ones, other names, which ones mail programs show, what is emptied."""

from __future__ import annotations

from mailhub.core.arranging import Arranging
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.webmail.frame import PREFIX, Frame
from mailhub.http.webmail.said import back_of, said
from mailhub.model.errors import MailhubError, NotPermitted
from mailhub.model.uids import MAX_UID, UidSet

ALL = UidSet(((1, MAX_UID),))
EMPTIED = ("\\Junk", "\\Trash")
LISTS, ALTERS = reads(Resource.MAILBOXES), updates(Resource.MAILBOXES)
HERE = f"{PREFIX}/folders"


class Shelves:
    """The page and its forms."""

    def __init__(self, frame: Frame, mailboxes: Mailboxes, arranging: Arranging) -> None:
        self._frame = frame
        self._mailboxes = mailboxes
        self._arranging = arranging

    @kept("GET", "/folders", LISTS)
    async def all(self, visitor: Visitor) -> Answer:
        """All of them."""
        return await self._shown(visitor)

    @kept("POST", "/folders", creates(Resource.MAILBOXES))
    async def create(self, visitor: Visitor) -> Answer:
        """A new one."""
        try:
            await self._mailboxes.create(
                visitor.account.number,
                visitor.fields.get("name", "").strip(),
                visitor.caller.actor,
            )
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen_at(HERE)

    @kept("POST", "/folders/<mailbox>/rename", ALTERS)
    async def rename(self, visitor: Visitor) -> Answer:
        """Another name, with what is below it."""
        box = await self._frame.box(visitor, visitor.call.arguments["mailbox"])
        name = visitor.fields.get("name", "").strip()
        try:
            if name != box.name:
                await self._mailboxes.rename(box.account, box.name, name, visitor.caller.actor)
        except MailhubError as error:
            return await self._shown(visitor, error.text, box.id)
        return pages.seen_at(HERE)

    @kept("POST", "/folders/<mailbox>/subscribe", ALTERS)
    async def subscribe(self, visitor: Visitor) -> Answer:
        """Whether mail programs show it."""
        box = await self._frame.box(visitor, visitor.call.arguments["mailbox"])
        wanted = visitor.fields.get("subscribed") == "1"
        await self._mailboxes.subscribe(box.account, box.name, wanted, visitor.caller.actor)
        return pages.seen_at(HERE)

    @kept("POST", "/folders/<mailbox>/remove", deletes(Resource.MAILBOXES))
    async def remove(self, visitor: Visitor) -> Answer:
        """It goes with its mail."""
        box = await self._frame.box(visitor, visitor.call.arguments["mailbox"])
        try:
            await self._mailboxes.remove(
                box.account, box.name, visitor.caller.actor, only_plain=True
            )
        except MailhubError as error:
            return await self._shown(visitor, error.text, box.id)
        return pages.seen_at(HERE)

    @kept("POST", "/folders/<mailbox>/empty", deletes(Resource.MESSAGES))
    async def empty(self, visitor: Visitor) -> Answer:
        """All that lies in Junk or Trash goes."""
        box = await self._frame.box(visitor, visitor.call.arguments["mailbox"])
        if box.special_use not in EMPTIED:
            raise NotPermitted("Only Junk and Trash are emptied at once")
        count = await self._arranging.delete(box, ALL, visitor.caller.actor)
        return pages.seen_at(said(back_of(visitor), done="empty", count=count))

    async def _shown(self, visitor: Visitor, problem: str = "", opened: str = "") -> Answer:
        return await self._frame.shown(
            visitor,
            "mail/folders.html",
            400 if problem else 200,
            problem=problem,
            opened=opened,
            typed=visitor.fields,
        )
