"""Messages as WildDuck shows them: rows of lists, one message whole, events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from mailhub.core.listing import Listed
from mailhub.core.viewing import View
from mailhub.core.vouching import Vouched
from mailhub.http.wildduck.message_shapes import metadata_of
from mailhub.http.wildduck.shapes import Result, Shown
from mailhub.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from mailhub.wire.attachments import Attachment
from mailhub.wire.envelope import EnvelopeAddress

ADDRESSES = 1000
"""Addresses of one field that are shown."""
MESSAGES = {"$forwarded", "forwarded"}
Asked = Field(exclude_if=lambda value: value is None)
"""Left out where nobody asked for it."""
Cursor = str | Literal[False]


class Contact(Shown):
    """An address with its name."""

    name: str
    address: str


class TypeOf(Shown):
    """A media type with its parameters."""

    value: str
    params: dict[str, str]


class AttachmentShown(Shown):
    """One attachment. `hash`: SHA-256 of its content, where one message is asked for."""

    id: str
    filename: str
    content_type: str
    disposition: str
    transfer_encoding: str
    related: bool
    size_kb: int
    cid: str = ""
    hash: Annotated[str | None, Asked] = None


class MessageRow(Shown):
    """What lists and details have in common."""

    mailbox: str
    thread: str
    from_: Annotated[Contact | Literal[False], Field(alias="from")]
    to: list[Contact]
    cc: list[Contact]
    bcc: list[Contact]
    message_id: str
    subject: str
    date: str
    idate: str
    size: int
    seen: bool
    deleted: bool
    flagged: bool
    draft: bool
    answered: bool
    forwarded: bool
    references: list[str]
    content_type: TypeOf
    encrypted: bool
    meta_data: Annotated[dict[str, Any] | None, Asked] = None


class ListedMessage(MessageRow):
    """A row of a list. `attachments`: whether there is one that is no part of the text."""

    id: int
    thread_message_count: Annotated[int | None, Asked] = None
    has_drafts: Annotated[bool | None, Asked] = None
    intro: str
    attachments: bool
    attachments_list: list[AttachmentShown]
    headers: Annotated[dict[str, list[str]] | None, Asked] = None


class ArchivedRow(ListedMessage):
    """A deleted message. `archived`: when it was deleted."""

    id: str  # type: ignore[assignment]
    archived: str


class Listing(Result):
    """A page of a list."""

    total: int
    page: int
    previous_cursor: Cursor
    next_cursor: Cursor


class MailboxListing(Listing):
    """Of one mailbox."""

    special_use: str | None
    results: list[ListedMessage]


class FlaggedListing(Listing):
    """Of all that is flagged."""

    results: list[ListedMessage]


class ArchivedListing(Listing):
    """Of what was deleted."""

    special_use: None = None
    results: list[ArchivedRow]


class Recipient(Shown):
    """A recipient as the envelope had it."""

    value: str
    formatted: str


class EnvelopeShown(Shown):
    """The SMTP envelope, as far as it is known."""

    from_: Annotated[str, Field(alias="from")]
    rcpt: list[Recipient]


class ListFacts(Shown):
    """Of a mailing list."""

    id: str
    unsubscribe: str


class TLSFacts(Shown):
    """Of the connection that the message came over."""

    name: str
    version: str


class Verification(Shown):
    """Who vouches for the message. `spf`, `dkim`: domains."""

    tls: TLSFacts | Literal[False]
    spf: str | Literal[False]
    dkim: str | Literal[False]
    dmarc: str | Literal[False]


class Details(MessageRow, Result):
    """One message whole."""

    user: str
    envelope: EnvelopeShown
    reply_to: list[Contact]
    list_: Annotated[ListFacts | None, Field(alias="list", exclude_if=lambda one: one is None)]
    expires: str | Literal[False]
    html: list[str]
    text: str
    attachments: list[AttachmentShown]
    verification_results: Annotated[Verification | None, Asked] = None
    forward_targets: list[dict[str, str]]


class MessageDetails(Details):
    """Of a message in a mailbox."""

    id: int


class ArchivedDetails(Details):
    """Of a deleted message."""

    id: str
    archived: str


class Updated(Result):
    """What an update did. `mailbox`, `id`: where the messages went: (old, new) ids."""

    updated: Annotated[int | None, Asked] = None
    mailbox: Annotated[str | None, Asked] = None
    id: Annotated[list[tuple[int, int]] | None, Asked] = None


class Removed(Result):
    """How many went."""

    deleted: int
    errors: int = 0


class RestoredMessage(Result):
    """Where a message came back to; its new id, under both names."""

    mailbox: str
    uid: int
    id: int


class RestoredMessages(Result):
    """How many came back."""

    restored: int


def moment(seconds: int) -> str:
    """A time as JavaScript writes it."""
    # A list has forty of them, and strftime takes four times as long.
    return datetime.fromtimestamp(max(seconds, 0), UTC).isoformat()[:19] + ".000Z"


def contacts(addresses: Sequence[EnvelopeAddress]) -> list[Contact]:
    """Addresses as they are shown; groups have none."""
    return [
        Contact(name=one.name, address=f"{one.mailbox}@{one.host}" if one.host else one.mailbox)
        for one in addresses[:ADDRESSES]
    ]


def attached(one: Attachment, digest: str | None = None) -> AttachmentShown:
    """An attachment."""
    return AttachmentShown(
        id=one.id,
        filename=one.filename,
        content_type=one.media,
        disposition=one.disposition or ("inline" if one.related else "attachment"),
        transfer_encoding=one.encoding,
        related=one.related,
        size_kb=-(-one.size // 1024),
        cid=one.cid,
        hash=digest,
    )


def thread_id(account: int, thread: int) -> str:
    """THREADID of IMAP (RFC 8474)."""
    return f"{account:08x}{thread:016x}"


def _common(listed: Listed, mailbox: str, metadata: bool) -> dict[str, Any]:
    row, facts = listed.row, listed.facts
    flags, fields, structure = row.flags.system, facts.fields, facts.structure
    author = contacts(fields.from_[:1])
    keywords = {name.lower() for name in row.flags.keywords}
    return {
        "mailbox": mailbox,
        "thread": thread_id(row.account, row.thread),
        "from_": author[0] if author else False,
        "to": contacts(fields.to),
        "cc": contacts(fields.cc),
        "bcc": contacts(fields.bcc),
        "message_id": row.message_id,
        "subject": row.subject,
        "date": moment(row.date if row.sent_at is None else row.sent_at),
        "idate": moment(row.date),
        "size": row.size,
        "seen": bool(flags & SEEN),
        "deleted": bool(flags & DELETED),
        "flagged": bool(flags & FLAGGED),
        "draft": bool(flags & DRAFT),
        "answered": bool(flags & ANSWERED),
        "forwarded": bool(keywords & MESSAGES),
        "references": list(row.references),
        "content_type": TypeOf(value=structure.media, params=dict(structure.parameters)),
        "encrypted": structure.media == "multipart/encrypted",
        "meta_data": metadata_of(row.metadata) if metadata else None,
    }


def _row(
    listed: Listed, mailbox: str, metadata: bool, threads: bool, headers: Mapping[str, Any] | None
) -> dict[str, Any]:
    return _common(listed, mailbox, metadata) | {
        "thread_message_count": listed.thread.messages if threads and listed.thread else None,
        "intro": listed.intro,
        "attachments": listed.row.attachments,
        "attachments_list": [attached(one) for one in listed.facts.structure.attachments],
        "headers": headers,
    }


def listed_message(
    listed: Listed,
    mailbox: str,
    *,
    metadata: bool = False,
    threads: bool = False,
    collapsed: bool = False,
    headers: Mapping[str, Any] | None = None,
) -> ListedMessage:
    """A row of a list. `collapsed`: it stands for its whole thread."""
    fields = _row(listed, mailbox, metadata, threads, headers)
    if collapsed and listed.thread is not None:
        fields["seen"] = not listed.thread.unseen
        fields["flagged"] = listed.thread.flagged
        fields["has_drafts"] = listed.thread.drafts
    return ListedMessage(id=listed.row.number, **fields)


def archived_id(archived: int, number: int) -> str:
    """24 hex digits that grow with time, of a deleted message."""
    return f"{archived & 0xFFFFFFFF:08x}{number:016x}"


def archived_number(id: str) -> tuple[int, int]:
    """(when, number) of such an id."""
    return int(id[:8], 16), int(id[8:], 16)


def archived_row(listed: Listed, mailbox: str, *, metadata: bool = False) -> ArchivedRow:
    """A row of the list of deleted messages."""
    row = listed.row
    return ArchivedRow(
        id=archived_id(row.archived, row.number),
        archived=moment(row.archived),
        **_row(listed, mailbox, metadata, False, None),
    )


def details(view: View, user: str, mailbox: str, forwards: Sequence[str]) -> dict[str, Any]:
    """The fields of one message whole, but for its id."""
    listed, trace, fields = view.listed, view.trace, view.listed.facts.fields
    # An ENVELOPE repeats the author where nobody else is to be answered (RFC 9051 7.5.2).
    answered = fields.reply_to if fields.reply_to != fields.from_ else ()
    attachments = listed.facts.structure.attachments
    digests: Sequence[str | None] = view.digests or [None] * len(attachments)
    known = ListFacts(id=trace.list_id, unsubscribe=trace.unsubscribe)
    return _common(listed, mailbox, True) | {
        "user": user,
        "envelope": EnvelopeShown(
            from_=trace.sender,
            rcpt=[Recipient(value=one, formatted=one) for one in trace.recipients],
        ),
        "reply_to": contacts(answered),
        "list_": known if known.id or known.unsubscribe else None,
        "expires": moment(listed.row.expires) if listed.row.expires else False,
        "html": list(view.html),
        "text": view.text,
        "attachments": [
            attached(one, digest) for one, digest in zip(attachments, digests, strict=False)
        ],
        "verification_results": verification(trace.vouched) if trace.vouched else None,
        "forward_targets": [{"type": "mail", "value": one} for one in forwards],
    }


def verification(vouched: Vouched) -> Verification:
    """Who vouches, by domain."""
    tls = vouched.tls
    dmarc = next(
        (
            one.get("header.from")
            for one in vouched.results
            if one.method == "dmarc" and one.result == "pass"
        ),
        "",
    )
    return Verification(
        tls=TLSFacts(name=tls[1], version=tls[0]) if tls else False,
        spf=vouched.spf or False,
        dkim=vouched.dkim or False,
        dmarc=dmarc or False,
    )
