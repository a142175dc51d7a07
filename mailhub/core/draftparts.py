"""What is taken over from messages into letters: fields, people and what is attached."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterable, Sequence

from mailhub.core.composing import REFERENCES, Enclosure
from mailhub.core.listing import Listed
from mailhub.core.viewing import Address, Views
from mailhub.core.wordings import Wording
from mailhub.model.errors import Invalid
from mailhub.wire import address as grammar
from mailhub.wire import addresslist, composed, header, typed, words
from mailhub.wire.attachments import Attachment
from mailhub.wire.composed import Enclosed, Person

KEPT = (b"importance", b"x-priority", b"disposition-notification-to")
"""Fields of other programs' drafts that stay as they are."""
VALUES = 20
"""Fields of one name that are read."""
VALUE = 900
"""Octets of such a field."""


def people(wording: Wording, name: bytes) -> Generator[None, None, Sequence[Person]]:
    """Whom a header field names, of those that can be written to; in slices."""
    found: list[Person] = []
    for value in wording.values(name)[:VALUES]:
        entries = yield from addresslist.parsing(value, typed.MOST)
        for number, one in enumerate(entries):
            if not number % typed.SLICE:
                yield
            if not one.host:
                continue
            try:
                local = grammar.quote_local((one.mailbox or b"").decode("utf-8", "replace"))
                called = composed.tidy(words.decode(one.name or b""))
                host = one.host.decode("utf-8", "replace")
                found.append(composed.person(f"{local}@{host}", called))
            except Invalid:
                continue
    return found


def lists(wording: Wording) -> Sequence[str]:
    """The addresses in List-Post (RFC 2369 section 3.4)."""
    found = []
    for value in wording.values(b"list-post")[:1]:
        for part in words.decode(value).split("<")[1:]:
            address = part.partition(">")[0].partition("?")[0].strip()
            if address.lower().startswith("mailto:"):
                found.append(address[len("mailto:") :])
    return [one for one in found if "@" in one]


def referred(wording: Wording) -> Sequence[tuple[str, str]]:
    """In-Reply-To and References of a draft, and what else of its header stays."""
    fields = []
    for field, name in (("In-Reply-To", b"in-reply-to"), ("References", b"references")):
        for value in wording.values(name)[:1]:
            if ids := header.message_ids(value, REFERENCES):
                fields.append((field, " ".join(map(composed.tidy, ids))))
    for name in KEPT:
        for value in wording.values(name)[:1]:
            if text := composed.tidy(words.decode(value))[:VALUE]:
                fields.append((name.decode().title(), text))
    return fields


def refers(to: Listed, *, answers: bool) -> Sequence[tuple[str, str]]:
    """In-Reply-To and References of an answer to a message (RFC 5322 section 3.6.4)."""
    own = to.row.message_id
    ids = [*to.row.references, own] if own else [*to.row.references]
    kept = ids if len(ids) <= REFERENCES else ids[:1] + ids[1 - REFERENCES :]
    fields = [("In-Reply-To", composed.tidy(own))] if own and answers else []
    if kept:
        fields.append(("References", " ".join(map(composed.tidy, kept))))
    return fields


def attached(views: Views, at: Address, several: Iterable[Attachment]) -> Sequence[Enclosure]:
    """Attachments of a message, to be written into another one."""
    return [Enclosure(_told(one), _reader(views, at, one.id)) for one in several]


def whole(views: Views, at: Address, subject: str) -> Enclosure:
    """A message itself, to be enclosed in another one."""
    name = " ".join(composed.tidy(subject).replace("/", " ").split())[:100] or "message"

    async def read() -> AsyncIterator[bytes]:
        stream = await views.source(at)
        async for piece in stream.pieces:
            yield piece

    return Enclosure(Enclosed(composed.MESSAGE, f"{name}.eml"), read)


def _told(one: Attachment) -> Enclosed:
    told = Enclosed(one.media, composed.tidy(one.filename), one.cid, False, one.charset)
    return composed.harmless(told)


def _reader(views: Views, at: Address, id: str) -> Callable[[], AsyncIterator[bytes]]:
    async def read() -> AsyncIterator[bytes]:
        stream = await views.attachment(at, id)
        async for piece in stream.pieces:
            yield piece

    return read
