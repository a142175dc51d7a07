"""WildDuck's calls on deleted messages: the paths of its first years, and those of today."""

from __future__ import annotations

from mailhub.core.arranging import Arranging
from mailhub.core.listing import Extras, Listings
from mailhub.core.rights import Resource, reads, updates
from mailhub.core.viewing import Address, Views
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import message_answers as answers
from mailhub.http.wildduck import message_shapes as takes
from mailhub.http.wildduck import places, replies, shapes
from mailhub.http.wildduck.message_content import attachment_of, source_of, view_of
from mailhub.http.wildduck.messages import Boxes
from mailhub.model.errors import NotFound

OLD = "/users/<user>/archived"
NEW = f"{OLD}/messages"
LIST = About(takes=takes.MessagePage, answers={200: answers.ArchivedListing})
DETAIL = About(takes=takes.ArchivedDetail, answers={200: answers.ArchivedDetails})
SOURCE = About(takes=takes.ArchivedCall, answers={200: None}, media="message/rfc822")
RESTORE = About(takes=takes.Restoring, answers={200: answers.RestoredMessage})
READ, UPDATE = reads(Resource.ARCHIVE), updates(Resource.ARCHIVE)


class Archive:
    """Deleted messages."""

    def __init__(
        self, boxes: Boxes, listings: Listings, views: Views, arranging: Arranging
    ) -> None:
        self._boxes = boxes
        self._listings = listings
        self._views = views
        self._arranging = arranging

    @route("GET", OLD, about=LIST, right=READ)
    async def page(self, call: Call) -> Answer:
        """What can be had back, by when it was deleted."""
        wanted = shapes.read(takes.MessagePage, call)
        account = await self._boxes.account(wanted.user)
        how = places.walk(wanted)
        extras = Extras(metadata=wanted.meta_data)
        found = await self._listings.archived(account.number, how.stretch, extras)
        rows, frame = places.framed(wanted, how, found.page, found.listed)
        ids = await self._boxes.ids(account) if rows else {}
        results = [
            answers.archived_row(one, _mailbox(ids, one.row.mailbox), metadata=wanted.meta_data)
            for one in rows
        ]
        return replies.shown(answers.ArchivedListing.model_validate({**frame, "results": results}))

    @route("GET", NEW, about=LIST, right=READ)
    async def page_now(self, call: Call) -> Answer:
        """The same at today's path."""
        return await self.page(call)

    @route("GET", f"{OLD}/<message>", about=DETAIL, right=READ)
    async def show(self, call: Call) -> Answer:
        """One deleted message whole."""
        wanted = shapes.read(takes.ArchivedDetail, call)
        account = await self._boxes.account(wanted.user)
        at = await self._find(account.number, wanted.message)
        link = f"{call.path.rstrip('/')}/attachments" if wanted.replace_cid_links else ""
        view = await view_of(self._views, at, link)
        row = view.listed.row
        ids = await self._boxes.ids(account)
        fields = answers.details(view, account.id, _mailbox(ids, row.mailbox), ())
        archived = answers.moment(row.archived)
        return replies.shown(
            answers.ArchivedDetails(id=wanted.message, archived=archived, **fields)
        )

    @route("GET", f"{NEW}/<message>", about=DETAIL, right=READ)
    async def show_now(self, call: Call) -> Answer:
        """The same at today's path."""
        return await self.show(call)

    @route("GET", f"{OLD}/<message>/message.eml", about=SOURCE, right=READ)
    async def source(self, call: Call) -> Answer:
        """A deleted message byte for byte."""
        wanted = shapes.read(takes.ArchivedCall, call)
        account = await self._boxes.account(wanted.user)
        return await source_of(self._views, await self._find(account.number, wanted.message))

    @route(
        "GET",
        f"{OLD}/<message>/attachments/<attachment>",
        about=About(takes=takes.ArchivedAttachment, answers={200: None}, media="*/*"),
        right=READ,
    )
    async def attachment(self, call: Call) -> Answer:
        """A deleted message's attachment."""
        wanted = shapes.read(takes.ArchivedAttachment, call)
        account = await self._boxes.account(wanted.user)
        at = await self._find(account.number, wanted.message)
        return await attachment_of(self._views, at, wanted.attachment)

    @route("POST", f"{OLD}/<message>/restore", about=RESTORE, right=UPDATE)
    async def restore(self, call: Call) -> Answer:
        """Puts a deleted message back."""
        wanted = shapes.read(takes.Restoring, call)
        account = await self._boxes.account(wanted.user)
        box = await self._boxes.one(account, wanted.mailbox) if wanted.mailbox else None
        at = await self._find(account.number, wanted.message)
        actor = shapes.actor(call, wanted)
        try:
            back = await self._arranging.restore(account.number, at.number, box, actor)
        except NotFound:
            raise replies.message_not_found() from None
        ids = await self._boxes.ids(account)
        mailbox = _mailbox(ids, back.mailbox)
        return replies.shown(answers.RestoredMessage(mailbox=mailbox, uid=back.uid, id=back.uid))

    @route("POST", f"{NEW}/<message>/restore", about=RESTORE, right=UPDATE)
    async def restore_now(self, call: Call) -> Answer:
        """The same at today's path."""
        return await self.restore(call)

    @route(
        "POST",
        f"{OLD}/restore",
        about=About(takes=takes.RestoringAll, answers={200: answers.RestoredMessages}),
        right=UPDATE,
    )
    async def restore_all(self, call: Call) -> Answer:
        """Puts back what was deleted between two moments."""
        wanted = shapes.read(takes.RestoringAll, call)
        account = await self._boxes.account(wanted.user)
        actor = shapes.actor(call, wanted)
        count = await self._arranging.restore_all(account.number, wanted.start, wanted.end, actor)
        return replies.shown(answers.RestoredMessages(restored=count))

    async def _find(self, account: int, id: str) -> Address:
        """Where a deleted message stands; an id that was not given names none."""
        archived, number = answers.archived_number(id)
        try:
            if number >= 1 << 62:
                raise NotFound
            listed = await self._listings.one_archived(account, number)
        except NotFound:
            raise replies.message_not_found() from None
        if listed.row.archived & 0xFFFFFFFF != archived:
            raise replies.message_not_found()
        return Address(account, 0, number)


def _mailbox(ids: dict[int, str], number: int) -> str:
    """The mailbox's id; of one that is gone, what no mailbox has."""
    return ids.get(number) or f"{number:024x}"
