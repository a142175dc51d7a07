"""Encoded words in header fields as Unicode text (RFC 2047, RFC 2231 section 5); never raises."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

from mailhub.wire import charsets, transfer

# Spaces inside the text are not allowed (section 2), but Outlook and many scripts write them.
_WORD = re.compile(rb"=\?([^?\s]+)\?([BbQq])\?([^?]*)\?=")
_WORDS = 2000
"""Encoded words of one value that are decoded; further ones stay as they are."""
_SPECIAL = re.compile(rb"=\?|[\r\n]")
"""What has to be looked at in ASCII."""
_FOLD = re.compile(rb"\r*\n[ \t]*")
_BREAKS = re.compile("[\r\n]+")


def unfold(value: bytes) -> bytes:
    """A field's value as one line, without the spaces around it (RFC 5322 2.2.3)."""
    value = value.strip()
    return _FOLD.sub(b" ", value) if b"\n" in value else value


def decode(value: bytes) -> str:
    """An unstructured field's value, or a phrase, as text: unfolded, encoded words decoded.

    Always one line: line breaks that an encoded word brings along (against section 5) would be
    a new field where somebody writes the text into a header.
    """
    if value.isascii() and _SPECIAL.search(value) is None:
        return value.strip().decode("ascii")
    value = unfold(value)
    if b"=?" not in value:
        return _one_line(charsets.decode(value))
    pieces: list[str] = []
    held: list[bytes] = []
    charset = ""
    end = 0
    for word in islice(_WORD.finditer(value), _WORDS):
        between = value[end : word.start()]
        # Space between two encoded words is not displayed (RFC 2047 6.2) …
        adjacent = bool(pieces or held) and end > 0 and not between.strip()
        named = _charset(word[1])
        # … and senders split a character's bytes over two words (against section 5), so
        # neighbours of one charset are decoded together.
        if held and (not adjacent or named != charset):
            pieces.append(charsets.decode(b"".join(held), charset))
            held.clear()
        if not adjacent:
            pieces.append(charsets.decode(between))
        charset = named
        held.append(_content(word[2], word[3]))
        end = word.end()
    pieces.append(charsets.decode(b"".join(held), charset))
    pieces.append(charsets.decode(value[end:]))
    return _one_line("".join(pieces))


def decoder(values: bytes) -> Callable[[bytes], str]:
    """`decode` for what stands in `values`, which are looked at once for all of them."""
    return _plain if values.isascii() and _SPECIAL.search(values) is None else decode


def _plain(value: bytes) -> str:
    return value.strip().decode("ascii")


def _one_line(text: str) -> str:
    return _BREAKS.sub(" ", text) if "\r" in text or "\n" in text else text


def _charset(name: bytes) -> str:
    """The charset before a language tag (RFC 2231 section 5), folded."""
    return name.partition(b"*")[0].decode("ascii", "replace").lower()


def _content(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"Bb":
        return transfer.from_base64(text)
    return transfer.from_quoted_printable(text.replace(b"_", b"=20"))
