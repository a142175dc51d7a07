"""What the store keeps of mail: messages in mailboxes, and the journal of every change."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailhub.model.change import Actor, JournalEntry
from mailhub.model.decision import Once
from mailhub.model.flags import FlagMode, Flags
from mailhub.model.message import (
    Arrival,
    Content,
    Copied,
    Copy,
    Index,
    Note,
    Rendered,
    Stored,
)
from mailhub.model.queue import (
    Onward,
    QueueSender,
)
from mailhub.model.uids import UidSet
from mailhub.ports.bodies import Body


@dataclass(frozen=True, slots=True)
class Companion:
    """A further message of one commit: an answer to the first, or the same with another header.
    `once`: where `account` did that already, what leaves of it is left out. The caller closes
    `body`."""

    body: Body
    rendered: Rendered
    copies: Sequence[Copy] = ()
    sender: QueueSender | None = None
    onward: Sequence[Onward] = ()
    account: int = 0
    once: Once | None = None


@dataclass(frozen=True, slots=True)
class Besides:
    """What one commit holds beside a message. `marks`: what accounts did with it."""

    messages: Sequence[Companion] = ()
    marks: Sequence[tuple[int, Once]] = ()
    notes: Sequence[Note] = ()


class Messages(Protocol):
    """Messages in mailboxes: one method, one transaction, and the sync came before the answer."""

    def deliver(
        self,
        transaction: str,
        body: Body,
        rendered: Rendered,
        copies: Sequence[Copy],
        sender: QueueSender | None,
        onward: Sequence[Onward],
        actor: Actor,
        besides: Besides | None = None,
        *,
        again: bool = True,
    ) -> Awaitable[Sequence[Arrival]]:
        """The body once, every copy, every queue entry, the journal: together or not at all.

        One Arrival per copy, in order, those of `besides` last. A `transaction` seen before changes
        nothing and returns what it returned then; `again`: whether it may be one that was, or will
        be. `rendered.header_length` counts the blob alone; the store adds the prefix. Raises
        OverQuota (no copy is made), NotFound (account or mailbox gone), StorageFull, Unavailable
        (too much pending, or the store failed).
        """
        ...

    def append(
        self,
        account: int,
        mailbox: int,
        messages: Sequence[tuple[Body, Rendered, Flags, int]],
        actor: Actor,
        *,
        replaces: tuple[int, int] | None = None,
    ) -> Awaitable[Sequence[Arrival]]:
        """All or none (RFC 3502). Each: body, rendered, flags, internaldate. `replaces`: (mailbox,
        uid) expunged in the same commit (RFC 8508). Raises as `deliver`."""
        ...

    def index(self, account: int, mailbox: int) -> Awaitable[Index]:
        """The whole mailbox's arrays. Raises NotFound."""
        ...

    def envelopes(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, bytes]]]:
        """(uid, ENVELOPE) of those that exist, in UID order; so with the next ones."""
        ...

    def bodystructures(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, bytes]]]: ...
    def contents(self, account: int, mailbox: int, uids: UidSet) -> Awaitable[Sequence[Content]]:
        """Where the bytes are, for `Blobs.read`."""
        ...

    def rendered(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, Rendered]]]: ...
    def marks(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, str, str, int, str]]]:
        """(uid, EMAILID, THREADID, SAVEDATE epoch seconds, PREVIEW)."""
        ...

    def store_flags(
        self,
        account: int,
        mailbox: int,
        uids: UidSet,
        mode: FlagMode,
        flags: Flags,
        actor: Actor,
        *,
        unchanged_since: int | None = None,
    ) -> Awaitable[Stored]: ...
    def copy(
        self, account: int, mailbox: int, uids: UidSet, destination: int, actor: Actor
    ) -> Awaitable[Copied]:
        """Raises OverQuota, NotFound (destination)."""
        ...

    def move(
        self, account: int, mailbox: int, uids: UidSet, destination: int, actor: Actor
    ) -> Awaitable[Copied]:
        """One transaction: no instant shows a message twice or not at all."""
        ...

    def expunge(
        self,
        account: int,
        mailbox: int,
        uids: UidSet,
        actor: Actor,
        *,
        only_deleted: bool = True,
        keep: bool = False,
    ) -> Awaitable[tuple[UidSet, int]]:
        """What went, and the MODSEQ (0 when nothing did). `keep`: in the archive."""
        ...

    def vanished(
        self, account: int, mailbox: int, since: int, uids: UidSet | None = None
    ) -> Awaitable[UidSet]:
        """UIDs expunged after MODSEQ `since`; may name more than that (RFC 7162 3.2.5)."""
        ...

    def changed_flags(
        self, account: int, mailbox: int, since: int
    ) -> Awaitable[Sequence[tuple[int, int, int]]]:
        """(uid, flag code, modseq) of messages with MODSEQ > since, by UID."""
        ...


class Journal(Protocol):
    """The numbered record of every change."""

    def since(
        self, number: int, *, account: int | None = None, limit: int = 1000
    ) -> Awaitable[Sequence[JournalEntry]]: ...
    def note(self, account: int | None, kind: str, detail: str, actor: Actor) -> Awaitable[int]:
        """Writes an entry that changes nothing else (a login, an admin act)."""
        ...
