"""The ports of lists and of the archive over a runner (see `services`)."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from mailhub.model.change import Actor, JournalEntry
from mailhub.model.listing import (
    Arrangement,
    MailboxPage,
    Page,
    Restored,
    Row,
    Showing,
    Stretch,
    ThreadSum,
)
from mailhub.model.message import Content, Copied
from mailhub.model.uids import UidSet
from mailhub.store import archive, arranging, listing, listing_rows, timeline
from mailhub.store.services import Runner


class ListingService:
    """`ports.Listings`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def mailbox(
        self, account: str, mailbox: str, wanted: Stretch, showing: Showing
    ) -> Awaitable[MailboxPage]:
        return self._runner.read(listing.mailbox, account, mailbox, wanted, showing)

    def flagged(
        self, account: int, mailboxes: Sequence[int], wanted: Stretch, *, metadata: bool
    ) -> Awaitable[Page]:
        return self._runner.read(listing.flagged, account, mailboxes, wanted, metadata)

    def archived(self, account: int, wanted: Stretch, *, metadata: bool) -> Awaitable[Page]:
        return self._runner.read(listing.archived, account, wanted, metadata)

    def one(self, account: int, mailbox: int, uid: int) -> Awaitable[Row | None]:
        return self._runner.read(listing_rows.one, account, mailbox, uid)

    def one_archived(self, account: int, number: int) -> Awaitable[Row | None]:
        return self._runner.read(listing_rows.one_archived, account, number)

    def some(
        self, account: int, places: Sequence[tuple[int, int]], *, metadata: bool
    ) -> Awaitable[Sequence[Row]]:
        return self._runner.read(listing_rows.some, account, places, metadata)

    def uids(
        self, account: int, mailbox: int, wanted: UidSet, limit: int
    ) -> Awaitable[Sequence[int]]:
        return self._runner.read(listing.uids, account, mailbox, wanted, limit)

    def threads(
        self, account: int, wanted: Sequence[int], *, flags: bool = False
    ) -> Awaitable[dict[int, ThreadSum]]:
        return self._runner.read(listing_rows.threads, account, wanted, flags=flags)

    def timeline(self, account: int, content: int) -> Awaitable[Sequence[JournalEntry]]:
        return self._runner.read(timeline.timeline, account, content)


class ArchiveService:
    """`ports.Archive`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def content(self, account: int, number: int) -> Awaitable[Content | None]:
        return self._runner.read(archive.content, account, number)

    def numbers(
        self, account: int, start: int, end: int, after: int, limit: int
    ) -> Awaitable[Sequence[int]]:
        return self._runner.read(archive.numbers, account, start, end, after, limit)

    def restore(
        self, account: int, numbers: Sequence[int], mailbox: int | None, actor: Actor
    ) -> Awaitable[Sequence[Restored]]:
        return self._runner.write(archive.restore, account, numbers, mailbox, actor)

    def purge(self, before: int) -> Awaitable[bool]:
        return self._runner.write(archive.purge, before)

    def arrange(
        self, account: int, mailbox: int, uids: UidSet, wanted: Arrangement, actor: Actor
    ) -> Awaitable[Copied | None]:
        return self._runner.write(arranging.arrange, account, mailbox, uids, wanted, actor)
