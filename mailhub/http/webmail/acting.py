"""What is done with messages: one, or all that were chosen in a list.

A form leads `back` to a list, or lets who only marks a message `stay` on its page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mailhub.core import languages
from mailhub.core.arranging import Arranging
from mailhub.core.finding import Finds
from mailhub.core.listing import Extras, Listings
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.messages import Messages
from mailhub.core.rights import Resource, updates
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.webmail.document import uid_of
from mailhub.http.webmail.frame import Frame
from mailhub.http.webmail.said import back_of, said
from mailhub.model.errors import AlreadyExists, Invalid
from mailhub.model.flags import FLAGGED, SEEN, Flags
from mailhub.model.indexed import Span
from mailhub.model.listing import Arrangement
from mailhub.model.mailbox import Mailbox
from mailhub.model.search import And, InMailboxes, ThreadIdIs
from mailhub.model.uids import UidSet

UPDATES = updates(Resource.MESSAGES)
MOST = 100
"""Messages that one form names."""
THREAD = 1000
"""Messages of a thread that go with the one that stands for it."""
UNDONE = 100
"""Messages whose move can be taken back."""
_CHOSEN = re.compile(r"([0-9a-f]{24})\.(\d{1,10})", re.ASCII)
_RANGES = re.compile(r"\d{1,10}(?:-\d{1,10})?(?:,\d{1,10}(?:-\d{1,10})?){0,99}", re.ASCII)
_JUNK, _CLEAN = Flags.of(("$Junk",)), Flags.of(("$NotJunk",))
MARKS: Mapping[str, Arrangement] = {
    "read": Arrangement(add=Flags(SEEN)),
    "unread": Arrangement(remove=Flags(SEEN)),
    "flag": Arrangement(add=Flags(FLAGGED)),
    "unflag": Arrangement(remove=Flags(FLAGGED)),
}
MOVES: Mapping[str, tuple[str, Flags, Flags]] = {
    "archive": ("\\Archive", Flags(), Flags()),
    "junk": ("\\Junk", _JUNK, _CLEAN),
    "notjunk": ("", _CLEAN, _JUNK),
    "delete": ("\\Trash", Flags(), Flags()),
}
"""To which special use (empty: the INBOX), with which keywords more and fewer."""
NAMES: Mapping[str, str] = {"\\Archive": "Archive"}
"""Of folders that no account's language names."""


class Acting:
    """The forms."""

    def __init__(
        self,
        frame: Frame,
        mailboxes: Mailboxes,
        listings: Listings,
        finds: Finds,
        arranging: Arranging,
        messages: Messages,
    ) -> None:
        self._frame = frame
        self._mailboxes = mailboxes
        self._listings = listings
        self._finds = finds
        self._arranging = arranging
        self._messages = messages

    @kept("POST", "/messages", UPDATES)
    async def act(self, visitor: Visitor) -> Answer:
        """One action on all that were chosen."""
        action, back = visitor.fields.get("action", ""), back_of(visitor)
        chosen = await self._chosen(visitor)
        if not chosen:
            return pages.seen_at(back)
        if action in MARKS:
            count = await self._arrange(visitor, chosen, MARKS[action])
            if action != "unread" and "stay" in visitor.fields:
                back = back_of(visitor, "stay")
            return pages.seen_at(said(back, done=action, count=count))
        if action == "copy":
            return await self._copy(visitor, chosen, back)
        if action == "move":
            target = await self._target(visitor)
            return await self._move(visitor, chosen, target, Arrangement(), "move")
        if action in MOVES:
            use, add, remove = MOVES[action]
            target = await self._special(visitor, use)
            return await self._move(
                visitor, chosen, target, Arrangement(add=add, remove=remove), action
            )
        raise Invalid("There is no such action")

    @kept("POST", "/messages/undo", UPDATES)
    async def undo(self, visitor: Visitor) -> Answer:
        """Moves back what was moved."""
        where, _, rest = visitor.fields.get("undo", "").partition(".")
        ranges, _, origin = rest.partition(".")
        if not _RANGES.fullmatch(ranges):
            raise Invalid("This cannot be undone")
        box = await self._frame.box(visitor, where)
        target = await self._frame.box(visitor, origin)
        uids = UidSet.of(_range(one) for one in ranges.split(","))
        known = Arrangement(remove=Flags.of(("$Junk", "$NotJunk")), destination=target.number)
        done = await self._arranging.arrange(box, uids, known, visitor.caller.actor)
        return pages.seen_at(said(back_of(visitor), done="undo", count=done.count))

    # -- how

    async def _arrange(
        self, visitor: Visitor, chosen: Mapping[Mailbox, UidSet], wanted: Arrangement
    ) -> int:
        count = 0
        for box, uids in chosen.items():
            done = await self._arranging.arrange(box, uids, wanted, visitor.caller.actor)
            count += done.count
        return count

    async def _copy(self, visitor: Visitor, chosen: Mapping[Mailbox, UidSet], back: str) -> Answer:
        target, count = await self._target(visitor), 0
        for box, uids in chosen.items():
            copied = await self._messages.copy(
                box.account, box.number, uids, target, visitor.caller.actor
            )
            count += len(copied.source)
        return pages.seen_at(said(back, done="copy", count=count))

    async def _move(
        self,
        visitor: Visitor,
        chosen: Mapping[Mailbox, UidSet],
        target: Mailbox,
        wanted: Arrangement,
        action: str,
    ) -> Answer:
        count, undo, actor = 0, "", visitor.caller.actor
        for box, uids in chosen.items():
            if box.number == target.number:
                if action == "delete":
                    count += await self._arranging.delete(box, uids, actor)
                    action = "forever"
                continue
            there = Arrangement(add=wanted.add, remove=wanted.remove, destination=target.number)
            done = await self._arranging.arrange(box, uids, there, actor)
            count += done.count
            moved = UidSet.from_any(new for _, new in done.moved)
            if len(chosen) == 1 and 0 < len(done.moved) <= UNDONE:
                undo = f"{target.id}.{_written(moved)}.{box.id}"
        return pages.seen_at(said(back_of(visitor), done=action, count=count, undo=undo))

    # -- what

    async def _chosen(self, visitor: Visitor) -> Mapping[Mailbox, UidSet]:
        """The messages by their mailbox. Raises NotFound, Invalid."""
        named: dict[str, list[int]] = {}
        values = visitor.several("message")
        if len(values) > MOST:
            raise Invalid("These are too many messages at once")
        for value in values:
            found = _CHOSEN.fullmatch(value)
            if found is None:
                raise Invalid("There is no such message")
            named.setdefault(found[1], []).append(uid_of(found[2]))
        chosen: dict[Mailbox, UidSet] = {}
        for id, uids in named.items():
            box = await self._frame.box(visitor, id)
            if visitor.fields.get("by") == "thread":
                uids = await self._with_threads(box, uids)
            chosen[box] = UidSet.from_any(uids)
        return chosen

    async def _with_threads(self, box: Mailbox, uids: Sequence[int]) -> list[int]:
        """With all messages of their threads that stand in the same folder."""
        places = [(box.number, uid) for uid in uids]
        rows = await self._listings.some(box.account, places, Extras(threads=True))
        whole = set(uids)
        for thread in {
            one.row.thread for one in rows if one.thread is not None and one.thread.messages > 1
        }:
            key = And(
                (
                    InMailboxes(frozenset({box.number})),
                    ThreadIdIs(f"{box.account:08x}{thread:016x}"),
                )
            )
            found = await self._finds.page(box.account, key, Span(THREAD), everywhere=True)
            whole |= {place.uid for place in found.places if place.mailbox == box.number}
        return sorted(whole)

    async def _target(self, visitor: Visitor) -> Mailbox:
        """The folder that a form names."""
        wanted = visitor.fields.get("to", "")
        if not wanted:
            raise Invalid("Choose a folder first")
        return await self._frame.box(visitor, wanted)

    async def _special(self, visitor: Visitor, use: str) -> Mailbox:
        """The folder for something; made where the account has none."""
        account, actor = visitor.account, visitor.caller.actor
        if not use:
            return await self._mailboxes.get(account.number, "INBOX")
        found = await self._mailboxes.by_special_use(account.number, use)
        if found is not None:
            return found
        name = {**NAMES, **languages.names(account.language)}[use]
        try:
            return await self._mailboxes.create(account.number, name, actor, special_use=use)
        except AlreadyExists:
            await self._mailboxes.set_special_use(account.number, name, use, actor)
            return await self._mailboxes.get(account.number, name)


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return uid_of(first), uid_of(last or first)


def _written(uids: UidSet) -> str:
    return ",".join(f"{low}-{high}" if high > low else str(low) for low, high in uids.ranges)
