"""What people read in a message: text of its parts for search, and a short preview.

HTML is reduced by a few linear patterns and not by a parser: a parser of the HTML
specification needs quadratic time on nested elements (73 s for 1 MB of `<div>`, measured with
lexbor), and neither search nor preview needs its tree.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator
from itertools import islice

from charset_normalizer import from_bytes

from mailhub.wire import charsets, contenttype, header, transfer, words
from mailhub.wire.mime import Part
from mailhub.wire.slices import Buffer

PREVIEW_LENGTH = 200
"""Characters (RFC 8970 3.1 allows up to 256)."""
PARTS = 1000
"""Parts of a message among which the first text is looked for."""
PREVIEW_BYTES = 64 * 1024
"""Bytes of a part, as transferred, that a preview is made from at most."""
_LOOKS = (320, 4096, PREVIEW_BYTES)
"""How much is decoded until there is enough: nearly all previews are done after the first."""
_SAMPLE = 512
"""Bytes from which a charset is guessed: more would cost milliseconds."""
_FEW = 5
"""8-bit bytes from which nothing can be guessed."""
_ASCII = bytes(range(128))
# Windows-1250 is not among them: it takes Western text for Eastern more often than it helps.
_GUESSES = [
    *("cp1252", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "tis_620"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
OVERLAP = 256
"""Characters at the end of one searched piece that begin the next one of the same part."""
_FIELDS = 500
"""Header fields in one searched piece."""
_OPEN_TAG = 4096
"""Characters of an unfinished tag that wait for the next piece."""

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
_BRACKETED = re.compile(r"\[[^\[\]\s]{0,9}://[^\[\]\s]*+\]|<[^<>\s]{0,9}://[^<>\s]*+>")
"""Links in brackets, as programs write them beside the words of a link."""
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\xad\u034f\u200b-\u200f\u2060\ufeff]+")


def from_html(source: str) -> str:
    """The text of an HTML document: without markup, scripts and styles, in linear time."""
    text = _HIDDEN.sub(" ", source)
    text = _TAG.sub(" ", _INLINE.sub("", text))
    return html.unescape(text) if "&" in text else text


_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6]|/blockquote|/table)\b[^>]*+(?:>|\Z)", re.I)
_SPACE = re.compile(r"[ \t\r\f\v]*\n\s*\n\s*|[ \t\r\f\v]*\n[ \t\r\f\v]*|[ \t\r\f\v]+")


def readable(source: str) -> str:
    """An HTML document as lines of text, a line for each block and an empty one where there was
    room."""
    flat = " ".join(source.split())
    lines = from_html(_BREAK.sub("\n", flat))
    return _SPACE.sub(_spaced, lines).strip()


def _spaced(found: re.Match[str]) -> str:
    breaks = found[0].count("\n")
    return " " if not breaks else "\n" if breaks == 1 else "\n\n"


def decoded(data: Buffer, part: Part, limit: int) -> str:
    """The first `limit` bytes of a text part as text; HTML stays HTML."""
    coded = bytes(data[part.body : min(part.end, part.body + limit)])
    content = transfer.decode(coded, part.encoding)
    return read(content, part, more=part.end - part.body > limit)


def read(content: bytes, part: Part, *, more: bool) -> str:
    """The text of `content`, the beginning of a text part without its transfer encoding; HTML stays
    HTML. `more`: it goes on behind."""
    return charsets.decode(content, _charset(part, content, more))


def _charset(part: Part, sample: bytes, more: bool) -> str:
    """The declared charset where it is one; else a guess. `more`: the text goes on behind."""
    charset = part.content.parameter(b"charset").decode("ascii", "replace")
    if charset and charsets.codec_of(charset):
        return charset
    return "utf-8" if sample.isascii() else _guess(sample, more)


def _guess(content: bytes, more: bool) -> str:
    """A likely charset of undeclared 8-bit text, from a small sample of it."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        if more and error.reason == "unexpected end of data":
            return "utf-8"  # cut within a character
        start = max(0, error.start - _SAMPLE // 4)
        sample = content[start : start + _SAMPLE]
        if len(sample.translate(None, _ASCII)) < _FEW:
            return "cp1252"
        best = from_bytes(sample, steps=1, chunk_size=_SAMPLE, cp_isolation=_GUESSES).best()
        return best.encoding if best is not None else "cp1252"
    return "utf-8"


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
    part = _first_text(root)
    if part is None:
        return ""
    for limit in _LOOKS:
        line = _one_line(decoded(data, part, limit), part.content.media == b"text/html")
        if len(line) > PREVIEW_LENGTH or part.end - part.body <= limit:
            break
    return line[:PREVIEW_LENGTH].rstrip()


def _first_text(root: Part) -> Part | None:
    found = None
    for part in islice(root.walk(), PARTS):
        if is_text(part):
            if part.content.media == b"text/plain":
                return part
            found = found or part
    return found


def _one_line(text: str, is_html: bool) -> str:
    if is_html:
        text = from_html(text)
    if "://" in text:
        text = _BRACKETED.sub(" ", text)
    if not is_html and ">" in text and (own := _QUOTED.sub("", text)) and not own.isspace():
        text = own
    line = " ".join(text.split())
    if line.isascii() and line.isprintable():
        return line
    return " ".join(_INVISIBLE.sub("", line).split())


def searchable(data: Buffer, root: Part) -> Iterator[str]:
    """What SEARCH BODY looks at (RFC 9051 6.4.4): the text parts, in order, and the headers of
    messages inside, in pieces of about 64 KiB.

    Pieces of one part overlap by `OVERLAP` characters, so that a term that long is found where
    they meet.
    """
    for part in root.walk():
        if part.message is not None:
            yield from _header_pieces(bytes(data[part.message.start : part.message.body]))
        elif part.content.media.startswith(b"text/"):
            yield from _pieces(data, part)


def _header_pieces(block: bytes) -> Iterator[str]:
    """A header as it is searched: one line a field, encoded words decoded."""
    lines = (
        f"{charsets.decode(name)}: {words.decode(value)}" for name, value in header.fields(block)
    )
    while piece := "\n".join(islice(lines, _FIELDS)):
        yield piece


def _pieces(data: Buffer, part: Part) -> Iterator[str]:
    """A text part's text, piece by piece."""
    is_html = part.content.media == b"text/html"
    decoder: codecs.IncrementalDecoder | None = None
    tail = opened = ""
    for content in transfer.decoding(data, part.body, part.end, part.encoding):
        if decoder is None:
            more = part.end - part.body > transfer.SLICE
            decoder = charsets.decoder(_charset(part, content, more))
        text = opened + _next_piece(decoder, content)
        opened = ""
        if is_html:
            cut = text.rfind("<")
            if cut > text.rfind(">") and len(text) - cut < _OPEN_TAG:
                text, opened = text[:cut], text[cut:]
            text = from_html(text)
        yield tail + text
        tail = text[-OVERLAP:]


def _next_piece(decoder: codecs.IncrementalDecoder, content: bytes) -> str:
    try:
        return decoder.decode(content)
    except ValueError:  # a few codecs raise even when told to replace
        decoder.reset()
        return content.decode("cp1252", "replace")
