"""WildDuck's mailbox calls: decode, one core call, encode."""

from __future__ import annotations

from mailhub.core.mailboxes import INBOX
from mailhub.core.mailboxes import Mailboxes as CoreMailboxes
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import mailbox_shapes, replies, shapes, user_answers
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.errors import Invalid, NotFound, NotPermitted
from mailhub.model.mailbox import Mailbox


class Mailboxes:
    """The calls."""

    def __init__(self, subjects: Subjects, mailboxes: CoreMailboxes) -> None:
        self._subjects = subjects
        self._mailboxes = mailboxes

    @route(
        "GET",
        "/users/<user>/mailboxes",
        about=About(takes=mailbox_shapes.MailboxList, answers={200: mailbox_shapes.Mailboxes}),
        right=reads(Resource.MAILBOXES),
    )
    async def every(self, call: Call) -> Answer:
        """A user's mailboxes: INBOX and what is below it, then subscribed ones, by path."""
        wanted = shapes.read(mailbox_shapes.MailboxList, call)
        account = await self._subjects.of(wanted.user)
        boxes = await self._mailboxes.shown(account.number, hidden=wanted.show_hidden)
        rows = [
            mailbox_shapes.row(box, counters=wanted.counters, sizes=wanted.sizes)
            for box in boxes
            if box.special_use or not wanted.special_use
        ]
        return replies.shown(mailbox_shapes.Mailboxes(results=rows))

    @route(
        "GET",
        "/users/<user>/mailboxes/<mailbox>",
        about=About(takes=mailbox_shapes.MailboxLook, answers={200: mailbox_shapes.One}),
        right=reads(Resource.MAILBOXES),
    )
    async def show(self, call: Call) -> Answer:
        """One of them, by id or by path."""
        wanted = shapes.read(mailbox_shapes.MailboxLook, call)
        account = await self._subjects.of(wanted.user)
        if wanted.mailbox != mailbox_shapes.RESOLVE:
            box = await self._of(account.number, wanted.mailbox)
        else:
            try:
                box = await self._mailboxes.get(account.number, wanted.path)
            except NotFound:
                raise replies.no_such_mailbox() from None
        return replies.shown(mailbox_shapes.one(box))

    @route(
        "POST",
        "/users/<user>/mailboxes",
        about=About(takes=mailbox_shapes.NewMailbox, answers={200: user_answers.Made}),
        right=creates(Resource.MAILBOXES),
    )
    async def create(self, call: Call) -> Answer:
        """A new mailbox, with the parents that it lacks."""
        wanted = shapes.read(mailbox_shapes.NewMailbox, call)
        account = await self._subjects.of(wanted.user)
        try:
            made = await self._mailboxes.create(
                account.number,
                wanted.path,
                shapes.actor(call, wanted),
                retention=wanted.retention,
                hidden=wanted.hidden,
            )
        except Invalid as error:
            raise _about_path(error) from None
        return replies.shown(user_answers.Made(id=made.id))

    @route(
        "PUT",
        "/users/<user>/mailboxes/<mailbox>",
        about=About(takes=mailbox_shapes.OldMailbox, answers={200: shapes.Result}),
        right=updates(Resource.MAILBOXES),
    )
    async def update(self, call: Call) -> Answer:
        """Changes what is given; what is below a mailbox is renamed with it."""
        wanted = shapes.read(mailbox_shapes.OldMailbox, call)
        actor = shapes.actor(call, wanted)
        account = (await self._subjects.of(wanted.user)).number
        box = await self._of(account, wanted.mailbox)
        if not wanted.changes():
            raise replies.Refusal(400, "NoUpdates", "Nothing was changed")
        name = box.name
        if wanted.path is not None and wanted.path != box.name:
            if box.name == INBOX:
                raise _disallowed("INBOX cannot be renamed")
            try:
                await self._mailboxes.rename(account, box.name, wanted.path, actor)
            except Invalid as error:
                raise _about_path(error) from None
            name = wanted.path
        await self._mailboxes.set_options(
            account, box, actor, retention=wanted.retention, hidden=wanted.hidden
        )
        if wanted.subscribed is not None and wanted.subscribed != box.subscribed:
            await self._mailboxes.subscribe(account, name, wanted.subscribed, actor)
        return replies.shown(shapes.Result())

    @route(
        "DELETE",
        "/users/<user>/mailboxes/<mailbox>",
        about=About(takes=mailbox_shapes.MailboxCall, answers={200: shapes.Result}),
        right=deletes(Resource.MAILBOXES),
    )
    async def remove(self, call: Call) -> Answer:
        """Deletes a mailbox that the user made; its mail leaves with it."""
        wanted = shapes.read(mailbox_shapes.MailboxCall, call)
        account = (await self._subjects.of(wanted.user)).number
        box = await self._of(account, wanted.mailbox)
        actor = shapes.actor(call, wanted)
        try:
            await self._mailboxes.remove(account, box.name, actor, only_plain=True)
        except NotPermitted as error:
            raise _disallowed(error.text) from None
        return replies.shown(shapes.Result())

    async def _of(self, account: int, id: str) -> Mailbox:
        try:
            return await self._mailboxes.by_id(account, id)
        except NotFound:
            raise replies.no_such_mailbox() from None


def _disallowed(text: str) -> replies.Refusal:
    return replies.Refusal(400, "DisallowedMailboxMethod", text)


def _about_path(error: Invalid) -> Invalid:
    """Core calls it the name."""
    return Invalid(error.text, field="path" if error.field == "name" else error.field)
