"""Lists of messages: of a folder, by message or by thread."""

from __future__ import annotations

from dataclasses import replace

from mailhub.core import preferences
from mailhub.core.listing import Listings
from mailhub.core.mailboxes import INBOX, Mailboxes
from mailhub.core.rights import Resource, reads
from mailhub.http.call import Answer
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.webmail import walking
from mailhub.http.webmail.frame import PREFIX, Frame, folder
from mailhub.http.webmail.lines import line
from mailhub.model.listing import Heads, Showing
from mailhub.model.mailbox import Mailbox

READS = reads(Resource.MESSAGES)
OUTGOING = ("\\Sent", "\\Drafts")


class Lists:
    """The pages."""

    def __init__(self, frame: Frame, mailboxes: Mailboxes, listings: Listings) -> None:
        self._frame = frame
        self._mailboxes = mailboxes
        self._listings = listings

    @kept("GET", "/", READS)
    async def inbox(self, visitor: Visitor) -> Answer:
        """The INBOX."""
        return await self._shown(visitor, await self._mailboxes.get(visitor.account.number, INBOX))

    @kept("GET", "/folders/<mailbox>", READS)
    async def folder(self, visitor: Visitor) -> Answer:
        """Any folder."""
        return await self._shown(
            visitor, await self._frame.box(visitor, visitor.call.arguments["mailbox"])
        )

    @kept("GET", "/help", READS)
    async def help(self, visitor: Visitor) -> Answer:
        """What keys do, and what a search can say."""
        return await self._frame.shown(visitor, "mail/help.html")

    async def _shown(self, visitor: Visitor, box: Mailbox) -> Answer:
        asked = visitor.call.fields()
        how = walking.walk(asked)
        unread, threads = asked.get("show") == "unread", asked.get("by") != "message"
        outgoing = box.special_use in OUTGOING
        heads = Heads.NEWEST if threads and not outgoing else Heads.ALL
        showing = Showing(unseen=unread, heads=heads, counts=heads is not Heads.ALL)
        stretch = replace(how.stretch, limit=preferences.of(visitor.account).per_page)
        _, found = await self._listings.mailbox(visitor.account.id, box.id, stretch, showing)
        rows, ends = walking.framed(how, found.page, found.listed)
        lines = [line(one, box.id, outgoing=outgoing, threads=showing.counts) for one in rows]
        if box.special_use == "\\Drafts":
            paths = (f"{PREFIX}/compose?draft={one.row.number}" for one in rows)
            lines = [replace(one, path=path) for one, path in zip(lines, paths, strict=True)]
        return await self._frame.shown(
            visitor,
            "mail/list.html",
            here=box.id,
            folder=folder(box),
            lines=lines,
            ends=ends,
            total=found.page.total,
            unread=unread,
            threads=threads,
            outgoing=outgoing,
        )
