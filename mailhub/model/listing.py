"""Messages as lists show them, and pages of lists that stay right while mail arrives and leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from mailhub.model.flags import Flags

Boundary = tuple[int, ...]
"""A place between two messages of a list, whatever the list goes by. What arrives or leaves does
not move it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which part of a list is wanted: up to `limit` messages from `start` on (None: the end of the
    list), towards newer or older ones."""

    limit: int
    start: Boundary | None = None
    newer: bool = False


class Heads(Enum):
    """Which messages of a thread a list of a mailbox shows, of those that stand in it."""

    ALL = "all"
    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True)
class Showing:
    """What a list of a mailbox shows. `unseen`: only those. `heads`: one of each thread, with what
    all messages of the thread are. `counts`: how many messages the thread of each has. `metadata`:
    what applications keep with each."""

    unseen: bool = False
    heads: Heads = Heads.ALL
    counts: bool = False
    metadata: bool = False


@dataclass(frozen=True, slots=True)
class ThreadSum:
    """The messages of a thread, in all mailboxes of its account: how many there are, and whether
    any of them is unseen, flagged, a draft; false where only the number was asked for."""

    messages: int = 0
    unseen: bool = False
    flagged: bool = False
    drafts: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One message of a list, all of it rendered at delivery.

    `number`: its UID, or its number in the archive. `date`: INTERNALDATE, and `sent_at` the Date
    field, in epoch seconds. `content`, `thread`: keys of its content and of the one that began its
    thread. `envelope`, `structure`: the beginning of its ENVELOPE and BODYSTRUCTURE. `expires`:
    epoch seconds, 0 never. `archived`: when it was deleted, 0 where it stands in a mailbox.
    `metadata`: JSON, or empty.
    """

    account: int
    mailbox: int
    number: int
    flags: Flags
    date: int
    size: int
    content: int
    thread: int
    sent_at: int | None
    subject: str
    message_id: str
    references: Sequence[str]
    preview: str
    attachments: bool
    envelope: bytes
    structure: bytes
    expires: int = 0
    archived: int = 0
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order in which they were walked. `start`, `end`: the boundaries before the first
    and behind the last. `more`: whether the list goes on there. `total`: of the whole list.
    `threads`: those of the rows, where they were asked for."""

    rows: Sequence[Row]
    start: Boundary
    end: Boundary
    more: bool
    total: int
    threads: Mapping[int, ThreadSum] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MailboxPage:
    """A page of a mailbox that was named by its id and its account's. `account`, `mailbox`: their
    numbers, 0 for one that does not exist: then there is no `page`."""

    account: int
    mailbox: int
    special_use: str
    page: Page | None


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What is to become of messages. `add`, `remove`: flags. `expires`: epoch seconds, 0 never.
    `metadata`: JSON, empty for none. `destination`: a mailbox. None: as it is."""

    add: Flags = field(default_factory=Flags)
    remove: Flags = field(default_factory=Flags)
    expires: int | None = None
    metadata: str | None = None
    destination: int | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """Where a message came back to."""

    number: int
    mailbox: int
    uid: int
