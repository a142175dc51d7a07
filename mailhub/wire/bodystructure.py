"""BODYSTRUCTURE and BODY as IMAP bytes (RFC 9051 7.5.2), from a scanned message.

Types, parameters and encodings are spelled as the message spells them. Whatever the message is,
what comes out keeps to the grammar: a multipart without parts shows one empty text part.
"""

from __future__ import annotations

from collections.abc import Generator

from mailhub.wire import contenttype
from mailhub.wire.contenttype import Parameters
from mailhub.wire.envelope import enveloping
from mailhub.wire.mime import Part
from mailhub.wire.nstring import NIL, nstring, string
from mailhub.wire.slices import finish
from mailhub.wire.words import unfold

_DETAILS = frozenset(
    b"content-%b" % name
    for name in (b"id", b"description", b"md5", b"disposition", b"language", b"location")
)
"""Fields shown of a part beside its type and encoding; most text has none of them."""
_NO_PART = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0'


def bodystructure(part: Part) -> bytes:
    """BODYSTRUCTURE, with all extension data."""
    return finish(rendering(part, extended=True))


def body(part: Part) -> bytes:
    """BODY without a section: the same without extension data."""
    return finish(rendering(part, extended=False))


def rendering(part: Part, *, extended: bool) -> Generator[None, None, bytes]:
    """`bodystructure` or `body`, in slices of about a millisecond.

    Children are rendered before their parents, from the last part to the first.
    """
    done: dict[int, bytes] = {}
    parts: list[Part] = []
    for here in part.walk():
        parts.append(here)
        if len(parts) % 2048 == 0:
            yield
    while parts:
        here = parts.pop()
        if here.multipart:
            text = _multipart(here, done, extended)
        else:
            bare = _DETAILS.isdisjoint(here.fields)
            text = _leaf(here, bare)
            if here.message is not None:
                inner = yield from enveloping(here.message.fields)
                text += b" %b %b %d" % (inner, done.pop(id(here.message)), here.lines)
            elif here.content.media.startswith(b"text/"):
                text += b" %d" % here.lines
            if extended:
                md5 = None if bare else _text(here, b"content-md5")
                text += b" " + nstring(md5) + _extension(here)
        done[id(here)] = text + b")"
        if len(parts) % 64 == 63:
            yield
    return done[id(part)]


def _leaf(part: Part, bare: bool) -> bytes:
    """The basic fields of a part that is no multipart, without the closing parenthesis. `bare`:
    it has none of _DETAILS."""
    content = part.content
    encoding = part.field(b"content-transfer-encoding")
    return b"(%b %b %b %b %b %b %d" % (
        string(content.maintype),
        string(content.subtype),
        _parameters(content.parameters),
        NIL if bare else nstring(_text(part, b"content-id")),
        NIL if bare else nstring(_text(part, b"content-description")),
        string((contenttype.token(encoding) if encoding else b"") or b"7bit"),
        part.end - part.body,
    )


def _multipart(part: Part, done: dict[int, bytes], extended: bool) -> bytes:
    inner = b"".join(done.pop(id(child)) for child in part.children)
    if not inner:
        inner = _NO_PART + (b" NIL NIL NIL NIL)" if extended else b")")
    text = b"(%b %b" % (inner, string(part.content.subtype))
    if extended:
        text += b" " + _parameters(part.content.parameters) + _extension(part)
    return text


def _extension(part: Part) -> bytes:
    """Disposition, language and location."""
    if _DETAILS.isdisjoint(part.fields):
        return b" NIL NIL NIL"
    disposition = NIL
    value = part.field(b"content-disposition")
    if value is not None and (found := contenttype.disposition(value)) is not None:
        disposition = b"(%b %b)" % (string(found[0]), _parameters(found[1]))
    return b" %b %b %b" % (
        disposition,
        _language(part.field(b"content-language")),
        nstring(_text(part, b"content-location")),
    )


def _language(value: bytes | None) -> bytes:
    tags = contenttype.words(value) if value is not None else []
    if len(tags) < 2:
        return string(tags[0]) if tags else NIL
    return b"(" + b" ".join(string(tag) for tag in tags) + b")"


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return NIL
    return b"(" + b" ".join(b"%b %b" % (string(n), string(v)) for n, v in parameters) + b")"


def _text(part: Part, name: bytes) -> bytes | None:
    value = part.field(name)
    return None if value is None else unfold(value)
