"""Messages as values: where their bytes lie, what was rendered of them, and their index rows."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailhub.model.flags import Flags


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Bytes in a segment. `digest`: SHA-256 of the `length` bytes at `offset`."""

    segment: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is computed once from a message's bytes, at delivery (see `wire.rendering`).

    `envelope`, `bodystructure`: IMAP data items as sent after their name (RFC 9051 7.5.2).
    `header_length`: bytes up to and including the empty line. `sent_at`: the Date field as
    seconds since the epoch, None when absent or unreadable. `subject`: decoded and unfolded.
    `message_id`: with its angle brackets, or empty. `references`: message ids, oldest first, from
    References then In-Reply-To. `preview`: at most 200 characters of text (RFC 8970).
    """

    envelope: bytes
    bodystructure: bytes
    header_length: int
    sent_at: int | None
    subject: str
    message_id: str
    references: tuple[str, ...]
    preview: str
    attachments: bool


@dataclass(frozen=True, slots=True)
class Index:
    """A mailbox's messages as parallel arrays, sorted by UID, at one `highestmodseq`.

    `uids`: unsigned 32 bit. `modseqs`: unsigned 64. `flags`: stored flag codes (system bits, and
    the keyword set's number above them). `sizes`: bytes. `dates`: INTERNALDATE, epoch seconds.
    `keyword_sets`: number → names, for every code that occurs.
    """

    uidvalidity: int
    uidnext: int
    highestmodseq: int
    uids: array[int]
    modseqs: array[int]
    flags: array[int]
    sizes: array[int]
    dates: array[int]
    keyword_sets: dict[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Content:
    """One message's stored form: `prefix` and then the blob are its bytes."""

    uid: int
    prefix: bytes
    blob: BlobRef
    header_length: int


@dataclass(frozen=True, slots=True)
class Copy:
    """One local mailbox entry of a delivery. `mailbox` None: the account's INBOX.

    `prefix`: header lines of this copy alone (Return-Path, Delivered-To), each with CRLF.
    """

    account: int
    mailbox: int | None = None
    prefix: bytes = b""
    flags: Flags = field(default_factory=Flags)
    internaldate: int = 0
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A row for the journal that a delivery brings along. `account`: whose rule it is about, None
    for the message as a whole. `detail`: as JSON has it."""

    account: int | None
    kind: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where one copy went."""

    account: int
    mailbox: int
    uidvalidity: int
    uid: int
    modseq: int


@dataclass(frozen=True, slots=True)
class Copied:
    """What COPY or MOVE did: parallel UIDs, source then destination (RFC 4315 COPYUID)."""

    uidvalidity: int
    source: Sequence[int]
    destination: Sequence[int]


@dataclass(frozen=True, slots=True)
class Stored:
    """What STORE did. `flags`: (uid, flag code) after the change, for the messages it touched;
    `modified`: UIDs that UNCHANGEDSINCE held back. `modseq`: 0 when nothing changed."""

    modseq: int
    flags: Sequence[tuple[int, int]]
    modified: Sequence[int] = ()
