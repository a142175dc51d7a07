"""Messages as lists show them, and pages of lists that stay right while mail arrives and leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    and behind the last. `more`: whether the list goes on there. `total`: of the whole list."""

    rows: Sequence[Row]
    start: Boundary
    end: Boundary
    more: bool
    total: int


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
