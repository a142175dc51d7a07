"""Everything that the store keeps of a message beside its bytes, computed once at delivery."""

from __future__ import annotations

from collections.abc import Generator
from itertools import islice

from mailhub.model.message import Rendered
from mailhub.wire import bodystructure, contenttype, dates, header, mime, text, words
from mailhub.wire.envelope import enveloping
from mailhub.wire.mime import Part
from mailhub.wire.slices import Buffer, finish

REFERENCES = 100
"""Message ids kept of one message: the first, and the last of the others (RFC 5537 3.4.4)."""
SUBJECT = 1000
"""Characters kept of a decoded subject; the ENVELOPE has all of it."""
_SIGNATURES = frozenset(
    {
        b"application/pgp-encrypted",
        b"application/pgp-signature",
        b"application/pkcs7-signature",
        b"application/x-pkcs7-signature",
    }
)


def render(data: Buffer) -> Rendered:
    """The rendered form of a message. Never raises, on any bytes."""
    return finish(rendering(data))


def rendering(data: Buffer) -> Generator[None, None, Rendered]:
    """`render` in slices of about a millisecond. `data` must not change until it ends."""
    root = yield from mime.scanning(data)
    envelope = yield from enveloping(root.fields)
    structure = yield from bodystructure.rendering(root, extended=True)
    date = root.field(b"date")
    ids = _ids(root, b"message-id", 1)
    return Rendered(
        envelope=envelope,
        bodystructure=structure,
        header_length=root.body,
        sent_at=dates.seconds(words.unfold(date)) if date is not None else None,
        subject=words.decode(root.field(b"subject") or b"")[:SUBJECT],
        message_id=ids[0] if ids else "",
        references=_references(root),
        preview=text.preview(data, root),
        attachments=any(is_attachment(part) for part in islice(root.walk(), text.PARTS)),
    )


def passing(block: bytes) -> Rendered:
    """What is kept of a message that no mailbox here gets: its Message-ID. `block`: its header."""
    found = header.values(block, b"message-id")[:1]
    ids = header.message_ids(found[0], 1) if found else []
    return Rendered(
        envelope=b"",
        bodystructure=b"",
        header_length=len(block),
        sent_at=None,
        subject="",
        message_id=ids[0] if ids else "",
        references=(),
        preview="",
        attachments=False,
    )


def _ids(root: Part, name: bytes, limit: int) -> list[str]:
    value = root.field(name)
    return header.message_ids(value, limit) if value is not None else []


def _references(root: Part) -> tuple[str, ...]:
    """References, then what In-Reply-To adds, without repeats."""
    found = _ids(root, b"references", REFERENCES) + _ids(root, b"in-reply-to", REFERENCES)
    kept = list(dict.fromkeys(found))
    return tuple(kept if len(kept) <= REFERENCES else kept[:1] + kept[1 - REFERENCES :])


def is_attachment(part: Part) -> bool:
    """Whether a list shows a paper clip for this part: a leaf that is sent as a file, not shown
    inside the text and not a signature."""
    if part.multipart:
        return False
    value = part.field(b"content-disposition")
    if value is not None:
        found = contenttype.disposition(value)
        if found is not None and found[0].lower() == b"attachment":
            return part.content.media not in _SIGNATURES
    media = part.content.media
    if media.startswith(b"text/") or media in _SIGNATURES:
        return False
    return part.field(b"content-id") is None or not media.startswith(b"image/")
