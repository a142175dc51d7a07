"""What people read in a message: text of its parts for search, and a short preview.

HTML is reduced by a pair of linear patterns and not by a parser: a parser of the HTML
specification needs quadratic time on nested elements (73 s for 1 MB of `<div>`, measured with
lexbor), and neither search nor preview needs its tree.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from charset_normalizer import from_bytes

from mailhub.wire import charsets, contenttype, transfer
from mailhub.wire.mime import Buffer, Part

PREVIEW_LENGTH = 200
"""Characters (RFC 8970 3.1 allows up to 256)."""
PREVIEW_BYTES = 64 * 1024
"""Bytes of a part, as transferred, that a preview is made from at most."""
_FIRST_LOOK = 2048
_SAMPLE = 512
_SEARCH_LIMIT = 8 * 1024 * 1024
"""Bytes of one part that are searched."""

_HIDDEN = re.compile(
    r"<(?:!--.*?(?:-->|\Z)|(script|style|title|template)\b.*?(?:</\1\b[^>]*+(?:>|\Z)|\Z))",
    re.IGNORECASE | re.DOTALL,
)
_INLINE = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span"
    r"|strike|strong|sub|sup|tt|u|var|wbr)\b[^>]*+(?:>|\Z)",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[a-z/!?][^>]*+(?:>|\Z)", re.IGNORECASE)
_QUOTED = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\xad\u034f\u200b-\u200f\u2060\ufeff]+")


def from_html(source: str) -> str:
    """The text of an HTML document: without markup, scripts and styles, in linear time."""
    text = _HIDDEN.sub(" ", source)
    text = _TAG.sub(" ", _INLINE.sub("", text))
    return html.unescape(text) if "&" in text else text


def decoded(data: Buffer, part: Part, limit: int) -> str | None:
    """A text part's content as text, from its first `limit` bytes; None for an unknown encoding.

    HTML stays HTML.
    """
    content = transfer.decode(
        bytes(data[part.body : min(part.end, part.body + limit)]), part.encoding
    )
    if content is None:
        return None
    charset = part.content.parameter(b"charset").decode("ascii", "replace")
    if part.field(b"content-type") is None or charsets.codec_of(charset) is None:
        charset = ""
    if not charset and not content.isascii():
        charset = guess(content)
    return charsets.decode(content, charset)


def guess(content: bytes) -> str:
    """A likely charset of undeclared 8-bit text, from a small sample; empty for UTF-8."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end >= len(content) - 3 and error.reason == "unexpected end of data":
            return "utf-8"  # cut within a character
        start = max(0, error.start - _SAMPLE // 4)
        best = from_bytes(content[start : start + _SAMPLE], steps=1, chunk_size=_SAMPLE).best()
        return best.encoding if best is not None else ""
    return ""


def is_text(part: Part) -> bool:
    """Whether a part is shown as the message's text: no attachment, plain or HTML."""
    if part.content.media not in {b"text/plain", b"text/html"}:
        return False
    value = part.field(b"content-disposition")
    found = contenttype.disposition(value) if value is not None else None
    return found is None or found[0].lower() != b"attachment"


def preview(data: Buffer, root: Part) -> str:
    """The beginning of the message's text on one line, at most 200 characters (RFC 8970).

    From the first plain text part, or the first HTML part where there is none. Quoted lines are
    left out unless there is nothing else.
    """
    texts = [part for part in root.walk() if is_text(part)]
    if not texts:
        return ""
    part = next((part for part in texts if part.content.media == b"text/plain"), texts[0])
    for limit in (_FIRST_LOOK, PREVIEW_BYTES):
        text = decoded(data, part, limit) or ""
        if part.content.media == b"text/html":
            text = from_html(text)
        else:
            text = _QUOTED.sub("", text) if ">" in text and _QUOTED.sub("", text).strip() else text
        line = " ".join(_INVISIBLE.sub("", text).split())
        if len(line) > PREVIEW_LENGTH or part.end - part.body <= limit:
            break
    return line[:PREVIEW_LENGTH].rstrip()


def searchable(data: Buffer, root: Part) -> Iterator[str]:
    """The text of every text part, in order, for SEARCH BODY and TEXT (RFC 9051 6.4.4)."""
    for part in root.walk():
        if part.content.media.startswith(b"text/") and part.message is None:
            text = decoded(data, part, _SEARCH_LIMIT)
            if text:
                yield from_html(text) if part.content.media == b"text/html" else text
