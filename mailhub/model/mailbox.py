"""Mailboxes and their counters."""

from __future__ import annotations

from dataclasses import dataclass

SPECIAL_USES = ("\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash")
"""RFC 6154 uses that a mailbox can carry; \\All is virtual and not offered."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox with counters as of the last commit.

    `number`: integer key inside the whole store. `id`: 24 hex digits, its MAILBOXID (RFC 8474).
    `name`: the full path in Unicode with `/` between levels; INBOX is spelled `INBOX`.
    `size`: sum of message sizes in bytes. `recent_from`: the first UID no session saw as recent.
    `retention`: milliseconds after which messages that come in leave it, 0 for never. `hidden`:
    clients do not see it among the others.
    """

    account: int
    number: int
    id: str
    name: str
    uidvalidity: int
    uidnext: int
    highestmodseq: int
    special_use: str = ""
    subscribed: bool = True
    messages: int = 0
    unseen: int = 0
    deleted: int = 0
    size: int = 0
    recent_from: int = 1
    created: int = 0
    retention: int = 0
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class NewMailbox:
    """The order for a mailbox."""

    id: str
    name: str
    created: int
    special_use: str = ""
    subscribed: bool = True
    retention: int = 0
    hidden: bool = False
