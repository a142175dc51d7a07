"""WildDuck's calls on one message: details, source, attachments, and what became of it."""

from __future__ import annotations

from dataclasses import replace

from mailhub.core.listing import Listings
from mailhub.core.messages import Messages as CoreMessages
from mailhub.core.rights import Resource, reads, updates
from mailhub.core.viewing import Address, NoAttachment, Stream, View, Views
from mailhub.http import downloads
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import message_answers as answers
from mailhub.http.wildduck import message_events as events
from mailhub.http.wildduck import message_shapes as takes
from mailhub.http.wildduck import replies, shapes
from mailhub.http.wildduck.messages import MESSAGE, Boxes
from mailhub.model.change import Actor
from mailhub.model.errors import NotFound
from mailhub.model.flags import SEEN, FlagMode, Flags
from mailhub.model.uids import UidSet


class MessageContent:
    """One message of a mailbox."""

    def __init__(
        self, boxes: Boxes, listings: Listings, views: Views, messages: CoreMessages
    ) -> None:
        self._boxes = boxes
        self._listings = listings
        self._views = views
        self._messages = messages

    @route(
        "GET",
        MESSAGE,
        about=About(takes=takes.MessageDetail, answers={200: answers.MessageDetails}),
        right=reads(Resource.MESSAGES),
    )
    async def show(self, call: Call) -> Answer:
        """One message whole. Marking it as seen needs the right to change messages."""
        wanted = shapes.read(takes.MessageDetail, call)
        if wanted.mark_as_seen:
            call.require(updates(Resource.MESSAGES))
        account, box = await self._boxes.of(wanted.user, wanted.mailbox)
        at = Address(account.number, box.number, wanted.message)
        link = f"{call.path.rstrip('/')}/attachments" if wanted.replace_cid_links else ""
        view = await view_of(self._views, at, link)
        passed_on = events.targets(await self._listings.events(view.listed.row))
        if wanted.mark_as_seen:
            view = await self._seen(view, shapes.actor(call, wanted))
        fields = answers.details(view, account.id, box.id, passed_on)
        return replies.shown(answers.MessageDetails(id=wanted.message, **fields))

    async def _seen(self, view: View, actor: Actor) -> View:
        listed, row = view.listed, view.listed.row
        seen = Flags(SEEN)
        if not row.flags.system & SEEN:
            one = UidSet(((row.number, row.number),))
            await self._messages.store_flags(
                row.account, row.mailbox, one, FlagMode.ADD, seen, actor
            )
        marked = replace(row, flags=row.flags.add(seen))
        return replace(view, listed=replace(listed, row=marked))

    @route(
        "GET",
        f"{MESSAGE}/events",
        about=About(takes=takes.MessageCall, answers={200: events.Events}),
        right=reads(Resource.MESSAGES),
    )
    async def events(self, call: Call) -> Answer:
        """How the message came, and what became of what was passed on."""
        wanted = shapes.read(takes.MessageCall, call)
        account, box = await self._boxes.of(wanted.user, wanted.mailbox)
        at = Address(account.number, box.number, wanted.message)
        try:
            listed = await self._listings.one(at.account, at.mailbox, at.number)
            trace = await self._views.trace(at)
        except NotFound:
            raise replies.message_not_found() from None
        rows = await self._listings.events(listed.row)
        id = answers.thread_id(account.number, listed.row.content)
        return replies.shown(events.Events(id=id, events=events.shown(rows, trace)))

    @route(
        "GET",
        f"{MESSAGE}/message.eml",
        about=About(takes=takes.MessageCall, answers={200: None}, media="message/rfc822"),
        right=reads(Resource.MESSAGES),
    )
    async def source(self, call: Call) -> Answer:
        """The message byte for byte."""
        wanted = shapes.read(takes.MessageCall, call)
        account, box = await self._boxes.of(wanted.user, wanted.mailbox)
        return await source_of(self._views, Address(account.number, box.number, wanted.message))

    @route(
        "GET",
        f"{MESSAGE}/attachments/<attachment>",
        about=About(takes=takes.AttachmentCall, answers={200: None}, media="*/*"),
        right=reads(Resource.MESSAGES),
    )
    async def attachment(self, call: Call) -> Answer:
        """An attachment's content."""
        wanted = shapes.read(takes.AttachmentCall, call)
        account, box = await self._boxes.of(wanted.user, wanted.mailbox)
        at = Address(account.number, box.number, wanted.message)
        return await attachment_of(self._views, at, wanted.attachment)


async def view_of(views: Views, at: Address, link: str) -> View:
    """A message whole. Raises Refusal (404 MessageNotFound)."""
    try:
        return await views.view(at, link)
    except NotFound:
        raise replies.message_not_found() from None


async def source_of(views: Views, at: Address) -> Answer:
    """A message as it is. Raises Refusal (404 MessageNotFound)."""
    try:
        found = await views.source(at)
    except NotFound:
        raise replies.message_not_found() from None
    return _streamed(found, "message/rfc822", ())


async def attachment_of(views: Views, at: Address, id: str) -> Answer:
    """An attachment. Raises Refusal (404 MessageNotFound, AttachmentNotFound)."""
    try:
        found = await views.attachment(at, id)
    except NoAttachment:
        text = "This attachment does not exist"
        raise replies.Refusal(404, "AttachmentNotFound", text) from None
    except NotFound:
        raise replies.message_not_found() from None
    assert found.attachment is not None
    one = found.attachment
    media = downloads.content_type(one.media, one.charset)
    return _streamed(found, media, (downloads.disposition(one.filename or one.id),))


def _streamed(found: Stream, type: str, headers: tuple[tuple[str, str], ...]) -> Answer:
    headers = (*headers, *downloads.HARMLESS)
    return Answer(200, type=type, headers=headers, stream=found.pieces, length=found.size)
