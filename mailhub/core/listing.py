"""Messages as lists show them, of a mailbox, of all that is flagged, of the archive.

All of it was rendered at delivery; what is read out of an ENVELOPE here is kept for a while, since
it never changes. How a row is spelled is the faces' affair.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailhub.core.memories import forgotten_when_missed
from mailhub.core.turns import Turns
from mailhub.model.change import JournalEntry
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.listing import MailboxPage, Page, Row, Showing, Stretch, ThreadSum
from mailhub.ports import Clock, Storage
from mailhub.wire import attachments, envelope
from mailhub.wire.attachments import Structure
from mailhub.wire.envelope import EnvelopeFields

KEPT = 4000
"""Messages whose facts are kept: some hundred pages."""
NARROW = 8 * 1024
"""Bytes of what was rendered up to which it is kept."""
INTRO = 128
"""Characters of an introduction."""
HIDDEN_USES = ("\\Junk", "\\Trash")
"""Mailboxes whose mail is not among what an account has flagged."""
_EMPTY = EnvelopeFields("", "", (), (), (), (), (), (), "", "")


@dataclass(frozen=True, slots=True)
class Facts:
    """What an ENVELOPE and a BODYSTRUCTURE say."""

    fields: EnvelopeFields
    structure: Structure


@dataclass(frozen=True, slots=True)
class Listed:
    """One row with its facts. `intro`: the beginning of its text. `thread`: what its whole thread
    is, where somebody asked."""

    row: Row
    facts: Facts
    intro: str
    thread: ThreadSum | None = None


@dataclass(frozen=True, slots=True)
class List:
    """A page of `listed` messages."""

    page: Page
    listed: Sequence[Listed]


@dataclass(frozen=True, slots=True)
class Extras:
    """What is shown beyond the usual. `threads`: how many messages the thread of each has.
    `collapsed`: each stands for its thread."""

    threads: bool = False
    metadata: bool = False
    collapsed: bool = False


class NoMailbox(NotFound):
    """The account is there, the mailbox is not."""


class Listings:
    """For the whole process."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._known: OrderedDict[int, Facts] = OrderedDict()
        forgotten_when_missed(storage, self._known)

    async def mailbox(
        self, account: str, mailbox: str, wanted: Stretch, showing: Showing
    ) -> tuple[MailboxPage, List]:
        """A mailbox's list, by INTERNALDATE, newest or oldest first; it is named by its id and its
        account's. Raises NotFound, NoMailbox, Unavailable."""
        found = await self._storage.listings.mailbox(account, mailbox, wanted, showing)
        if not found.account:
            raise NotFound("No such account")
        if found.page is None:
            raise NoMailbox("No such mailbox")
        return found, await self._shown_all(found.page)

    async def flagged(self, account: int, wanted: Stretch, extras: Extras) -> List:
        """What is flagged, but for what lies in Junk and Trash."""
        boxes = await self._storage.mailboxes.all(account)
        numbers = [box.number for box in boxes if box.special_use not in HIDDEN_USES]
        page = await self._storage.listings.flagged(
            account, numbers, wanted, metadata=extras.metadata
        )
        return await self._listed(account, page, extras)

    async def archived(self, account: int, wanted: Stretch, extras: Extras) -> List:
        """What was deleted, by when."""
        page = await self._storage.listings.archived(account, wanted, metadata=extras.metadata)
        return await self._listed(account, page, extras)

    async def some(
        self, account: int, places: Sequence[tuple[int, int]], extras: Extras
    ) -> Sequence[Listed]:
        """The messages at these (mailbox, UID), in this order, without those that went."""
        rows = await self._storage.listings.some(account, places, metadata=extras.metadata)
        page = Page(rows, (), (), False, len(rows))
        return (await self._listed(account, page, extras)).listed

    async def one(self, account: int, mailbox: int, uid: int) -> Listed:
        """One message, with all addresses. Raises NotFound."""
        row = await self._storage.listings.one(account, mailbox, uid)
        return self._shown(row)

    async def one_archived(self, account: int, number: int) -> Listed:
        """One deleted message. Raises NotFound."""
        return self._shown(await self._storage.listings.one_archived(account, number))

    async def events(self, row: Row) -> Sequence[JournalEntry]:
        """How the message came, and what left with it, by time."""
        return await self._storage.listings.timeline(row.account, row.content)

    def _shown(self, row: Row | None) -> Listed:
        if row is None:
            raise NotFound("This message does not exist")
        return Listed(row, facts(row), intro(row.preview))

    async def _listed(self, account: int, page: Page, extras: Extras) -> List:
        if page.rows and (extras.threads or extras.collapsed):
            threads = list({row.thread for row in page.rows})
            sums = await self._storage.listings.threads(account, threads, flags=extras.collapsed)
            page = replace(page, threads=sums)
        return await self._shown_all(page)

    async def _shown_all(self, page: Page) -> List:
        turns = Turns(self._clock)
        listed: list[Listed] = []
        for row in page.rows:
            found = self._facts(row)
            listed.append(Listed(row, found, intro(row.preview), page.threads.get(row.thread)))
            await turns.rest()
        return List(page, listed)

    def _facts(self, row: Row) -> Facts:
        known = self._known.get(row.content)
        if known is not None:
            self._known.move_to_end(row.content)
            return known
        found = facts(row)
        if len(row.envelope) + len(row.structure) <= NARROW:
            self._known[row.content] = found
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return found


def facts(row: Row) -> Facts:
    """What the row's ENVELOPE and BODYSTRUCTURE say."""
    try:
        fields = envelope.parse(row.envelope, cut=True)
    except Invalid:
        fields = _EMPTY
    return Facts(fields, attachments.structure(row.structure))


def intro(preview: str) -> str:
    """The beginning of a text: at most 128 characters, cut between words."""
    if len(preview) <= INTRO:
        return preview
    cut = preview[: INTRO + 1]
    if cut[-1].isspace():
        return cut.rstrip() + "…"
    *before, last = cut.rsplit(None, 1)
    if before and len(last) <= INTRO // 2:
        return before[0] + "…"
    return cut[:INTRO].rstrip() + "…"
