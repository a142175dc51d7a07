"""WildDuck's calls on lists of messages, and what changes them: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.arranging import Arranging
from mailhub.core.listing import Extras, Listed, Listings, NoMailbox
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.rights import Resource, deletes, reads, updates
from mailhub.core.viewing import Views
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import message_answers as answers
from mailhub.http.wildduck import message_shapes as takes
from mailhub.http.wildduck import places, replies, shapes
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.account import Account
from mailhub.model.errors import NotFound
from mailhub.model.flags import DELETED, DRAFT, FLAGGED, SEEN, Flags
from mailhub.model.listing import Arrangement
from mailhub.model.mailbox import Mailbox
from mailhub.model.uids import MAX_UID, UidSet

ALL = UidSet(((1, MAX_UID),))
BITS = {"seen": SEEN, "flagged": FLAGGED, "draft": DRAFT, "deleted": DELETED}
MAILBOX = "/users/<user>/mailboxes/<mailbox>/messages"
MESSAGE = f"{MAILBOX}/<message>"


class Boxes:
    """Finds the mailboxes that paths name."""

    def __init__(self, subjects: Subjects, mailboxes: Mailboxes) -> None:
        self._subjects = subjects
        self._mailboxes = mailboxes

    async def of(self, user: str, mailbox: str) -> tuple[Account, Mailbox]:
        """Raises Refusal (404 UserNotFound, NoSuchMailbox)."""
        account, box = await self._mailboxes.named(user, mailbox)
        if account is None:
            raise replies.user_not_found()
        if box is None:
            raise replies.no_such_mailbox()
        return account, box

    async def account(self, user: str) -> Account:
        """Raises Refusal (404 UserNotFound)."""
        return await self._subjects.of(user)

    async def one(self, account: Account, mailbox: str) -> Mailbox:
        """Raises Refusal (404 NoSuchMailbox)."""
        try:
            return await self._mailboxes.by_id(account.number, mailbox)
        except NotFound:
            raise replies.no_such_mailbox() from None

    async def special(self, account: Account, is_draft: bool) -> Mailbox:
        """The mailbox for drafts, or that for sent mail. Raises Refusal (404 NoSuchMailbox)."""
        use = "\\Drafts" if is_draft else "\\Sent"
        found = await self._mailboxes.by_special_use(account.number, use)
        if found is None:
            raise replies.no_such_mailbox()
        return found

    async def ids(self, account: Account) -> dict[int, str]:
        """The ids of all mailboxes, by number."""
        return {box.number: box.id for box in await self._mailboxes.all(account.number)}


class Messages:
    """Lists, and changes of what is in them."""

    def __init__(
        self, boxes: Boxes, listings: Listings, views: Views, arranging: Arranging
    ) -> None:
        self._boxes = boxes
        self._listings = listings
        self._views = views
        self._arranging = arranging

    @route(
        "GET",
        MAILBOX,
        about=About(takes=takes.MessageList, answers={200: answers.MailboxListing}),
        right=reads(Resource.MESSAGES),
    )
    async def page(self, call: Call) -> Answer:
        """A mailbox's messages, by date."""
        wanted = shapes.read(takes.MessageList, call)
        how = places.walk(wanted)
        try:
            box, found = await self._listings.mailbox(
                wanted.user, wanted.mailbox, how.stretch, wanted.showing
            )
        except NoMailbox:
            raise replies.no_such_mailbox() from None
        except NotFound:
            raise replies.user_not_found() from None
        rows, frame = places.framed(wanted, how, found.page, found.listed)
        headers = await self._headers(box.account, rows, wanted.include_headers)
        results = [
            answers.listed_message(
                one,
                wanted.mailbox,
                metadata=wanted.meta_data,
                threads=wanted.thread_counters,
                collapsed=wanted.collapse_threads,
                headers=headers.get((box.mailbox, one.row.number)),
            )
            for one in rows
        ]
        return replies.shown(
            answers.MailboxListing.model_validate(
                {**frame, "special_use": box.special_use or None, "results": results}
            )
        )

    @route(
        "GET",
        "/users/<user>/flagged",
        about=About(takes=takes.MessagePage, answers={200: answers.FlaggedListing}),
        right=reads(Resource.MESSAGES),
    )
    async def flagged(self, call: Call) -> Answer:
        """What is flagged in all mailboxes but Junk and Trash."""
        wanted = shapes.read(takes.MessagePage, call)
        account = await self._boxes.account(wanted.user)
        how = places.walk(wanted)
        extras = Extras(wanted.thread_counters, wanted.meta_data)
        found = await self._listings.flagged(account.number, how.stretch, extras)
        rows, frame = places.framed(wanted, how, found.page, found.listed)
        ids = await self._boxes.ids(account) if rows else {}
        headers = await self._headers(account.number, rows, wanted.include_headers)
        results = [
            answers.listed_message(
                one,
                ids.get(one.row.mailbox, ""),
                metadata=wanted.meta_data,
                threads=wanted.thread_counters,
                headers=headers.get((one.row.mailbox, one.row.number)),
            )
            for one in rows
        ]
        return replies.shown(answers.FlaggedListing.model_validate({**frame, "results": results}))

    async def _headers(
        self, account: int, rows: Sequence[Listed], names: Sequence[str]
    ) -> dict[tuple[int, int], dict[str, list[str]]]:
        """Header fields by (mailbox, UID), where any are asked for."""
        boxes: dict[int, list[int]] = {}
        for one in rows if names else ():
            boxes.setdefault(one.row.mailbox, []).append(one.row.number)
        found: dict[tuple[int, int], dict[str, list[str]]] = {}
        for box, uids in boxes.items():
            read = await self._views.headers(account, box, uids, names)
            found |= {(box, uid): read.get(uid, {}) for uid in uids}
        return found

    @route(
        "PUT",
        MESSAGE,
        about=About(takes=takes.MessageUpdate, answers={200: answers.Updated}),
        right=updates(Resource.MESSAGES),
    )
    async def update(self, call: Call) -> Answer:
        """Marks, moves, gives an end to one message or a range of them."""
        wanted = shapes.read(takes.MessageUpdate, call)
        account, box = await self._boxes.of(wanted.user, wanted.mailbox)
        if not wanted.changes:
            raise replies.Refusal(400, replies.INPUT, "Nothing was changed")
        target = await self._boxes.one(account, wanted.move_to) if wanted.move_to else None
        flags = {name: getattr(wanted, name) for name in BITS}
        arrangement = Arrangement(
            add=Flags(sum(BITS[name] for name, on in flags.items() if on is True)),
            remove=Flags(sum(BITS[name] for name, on in flags.items() if on is False)),
            expires=wanted.expires,
            metadata=wanted.meta_data,
            destination=target.number if target is not None else None,
        )
        done = await self._arranging.arrange(
            box, takes.uids(wanted.message), arrangement, shapes.actor(call, wanted)
        )
        if not done.count:
            raise replies.message_not_found()
        if target is None:
            return replies.shown(answers.Updated(updated=done.count))
        return replies.shown(answers.Updated(mailbox=target.id, id=list(done.moved)))

    @route(
        "PUT",
        MAILBOX,
        about=About(takes=takes.MessageUpdate, answers={200: answers.Updated}),
        right=updates(Resource.MESSAGES),
    )
    async def update_range(self, call: Call) -> Answer:
        """The same, with the messages in the body."""
        return await self.update(call)

    @route(
        "DELETE",
        MESSAGE,
        about=About(takes=takes.MessageRemoval, answers={200: shapes.Result}),
        right=deletes(Resource.MESSAGES),
    )
    async def remove(self, call: Call) -> Answer:
        """Deletes one message, or a range; all but drafts go to the archive."""
        wanted = shapes.read(takes.MessageRemoval, call)
        _, box = await self._boxes.of(wanted.user, wanted.mailbox)
        actor = shapes.actor(call, wanted)
        if not await self._arranging.delete(box, takes.uids(wanted.message), actor):
            raise replies.message_not_found()
        return replies.shown(shapes.Result())

    @route(
        "DELETE",
        MAILBOX,
        about=About(takes=takes.AllRemoval, answers={200: answers.Removed}),
        right=deletes(Resource.MESSAGES),
    )
    async def remove_all(self, call: Call) -> Answer:
        """Deletes all messages of a mailbox."""
        wanted = shapes.read(takes.AllRemoval, call)
        _, box = await self._boxes.of(wanted.user, wanted.mailbox)
        keep = not wanted.skip_archive
        actor = shapes.actor(call, wanted)
        count = await self._arranging.delete(box, ALL, actor, keep=keep)
        return replies.shown(answers.Removed(deleted=count))
