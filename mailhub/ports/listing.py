"""What the store knows of messages for those who list them, and of deleted ones."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

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


class Listings(Protocol):
    """Messages by date, without their bodies; `metadata`: whether rows have theirs."""

    def mailbox(
        self, account: str, mailbox: str, wanted: Stretch, showing: Showing
    ) -> Awaitable[MailboxPage]:
        """By INTERNALDATE, then UID; both are named by their ids, so that one look is enough."""
        ...

    def flagged(
        self, account: int, mailboxes: Sequence[int], wanted: Stretch, *, metadata: bool
    ) -> Awaitable[Page]:
        """What is flagged in these mailboxes, by INTERNALDATE."""
        ...

    def archived(self, account: int, wanted: Stretch, *, metadata: bool) -> Awaitable[Page]:
        """Deleted messages, by when they were deleted."""
        ...

    def one(self, account: int, mailbox: int, uid: int) -> Awaitable[Row | None]:
        """With all of its ENVELOPE and BODYSTRUCTURE, and its metadata."""
        ...

    def one_archived(self, account: int, number: int) -> Awaitable[Row | None]: ...
    def some(
        self, account: int, places: Sequence[tuple[int, int]], *, metadata: bool
    ) -> Awaitable[Sequence[Row]]:
        """Messages by (mailbox, UID), those that exist, in the order of `places`."""
        ...

    def uids(
        self, account: int, mailbox: int, wanted: UidSet, limit: int
    ) -> Awaitable[Sequence[int]]:
        """The first UIDs of `wanted` that exist, in order."""
        ...

    def threads(
        self, account: int, wanted: Sequence[int], *, flags: bool = False
    ) -> Awaitable[dict[int, ThreadSum]]:
        """How many messages each of these threads has. `flags`: and what they are."""
        ...

    def timeline(self, account: int, content: int) -> Awaitable[Sequence[JournalEntry]]:
        """What the journal knows of how the message with this content came, and of what left with
        it, in order."""
        ...


class Archive(Protocol):
    """Deleted messages, and what goes with messages."""

    def content(self, account: int, number: int) -> Awaitable[Content | None]:
        """Where the bytes of a deleted message are; its `uid` is the number."""
        ...

    def numbers(
        self, account: int, start: int, end: int, after: int, limit: int
    ) -> Awaitable[Sequence[int]]:
        """Numbers > `after` of messages deleted from `start` to `end` (epoch seconds), in order."""
        ...

    def restore(
        self, account: int, numbers: Sequence[int], mailbox: int | None, actor: Actor
    ) -> Awaitable[Sequence[Restored]]:
        """Those that exist, with new UIDs: into `mailbox`, or where each was, or into the INBOX
        where that is gone. Raises OverQuota, NotFound (mailbox): nothing is restored."""
        ...

    def purge(self, before: int) -> Awaitable[bool]:
        """Lets some go that were deleted before; whether there may be more."""
        ...

    def arrange(
        self, account: int, mailbox: int, uids: UidSet, wanted: Arrangement, actor: Actor
    ) -> Awaitable[Copied | None]:
        """Does all of `wanted` with the messages, in one commit. Where they went, if they were
        moved. Raises NotFound (mailbox)."""
        ...
