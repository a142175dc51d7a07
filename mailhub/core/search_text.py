"""Whether a text occurs in a message: in its envelope, its header fields, its decoded body.

Each question first looks for the longest word of the needle in the raw bytes, lowered, wherever
those say as much as the decoded text would; most messages end there. The exact answer, with
encoded words, transfer encodings and charsets undone, is worked out only for the rest. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from mailhub.core.collation import fold
from mailhub.model.errors import Invalid
from mailhub.wire import dates, envelope, header, words
from mailhub.wire.envelope import EnvelopeAddress, EnvelopeFields

_WORD = re.compile(r"[^\s\"\\()<>@,;:=_?]+")
"""What stands together in every spelling of a text: folding, quoting and address syntax split
only at other characters."""
_ENCODED = re.compile(
    rb"content-transfer-encoding:(?!\s*+(?:7bit|8bit|binary)\b)"
    rb"|charset\*?=(?!\"?(?:us-ascii|utf-8|iso-8859-\d+|windows-125\d)\b)"
)
"""What makes the raw bytes of an ASCII message say something else than its text."""
_DECODED = (b"=?", b"text/html", b"name*", b"\\")
"""What is read otherwise than it is written: encoded words, HTML, names in RFC 2231's spelling,
quoted characters (RFC 5322 3.2.1)."""
_COMPOSITE = re.compile(rb"multipart/|message/|content-type:(?!\s*+text/)")
_DATE = re.compile(rb'\("([^"\\]*)"')
_STRING = rb'(?:NIL|"[^"\\\x80-\xff]*")'
_LIST = rb"(?:NIL|\((?:\(%b %b %b %b\))+\))" % ((_STRING,) * 4)
_PLAIN = re.compile(
    rb"\(%b (?P<subject>%b) (?P<from>%b) %b %b (?P<to>%b) (?P<cc>%b) (?P<bcc>%b) "
    % (_STRING, _STRING, *(_LIST,) * 6)
)
"""An ENVELOPE up to its addresses, without escapes, literals and 8-bit text: most of them."""
_ADDRESS = re.compile(rb'\((?:NIL|"([^"]*)") (?:NIL|"[^"]*") (?:NIL|"([^"]*)") (?:NIL|"([^"]*)")\)')
TAGS = 64
"""Tags of a message that are looked at one by one."""
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


class Needle:
    """A text that is looked for."""

    __slots__ = ("folded", "probes", "raw")

    def __init__(self, wanted: str) -> None:
        self.folded = fold(wanted)
        found = set(_WORD.findall(self.folded)) if self.folded.isascii() else set()
        self.probes = sorted((word.encode() for word in found), key=len, reverse=True)
        """Words without each of which ASCII text cannot contain the needle, the longest first."""
        self.raw: bytes | None = self.folded.encode() if self.folded.isascii() else None

    def within(self, found: str) -> bool:
        """Whether decoded text contains it."""
        return self.folded in fold(found)

    def absent(self, lowered: bytes) -> bool:
        """Whether undecoded header text, lowered, surely does not contain it."""
        return (
            any(probe not in lowered for probe in self.probes)
            and b"=?" not in lowered
            and lowered.isascii()
        )


# -- the envelope

_FIELDS = {"subject", "from", "to", "cc", "bcc"}


def in_envelope(name: str) -> bool:
    """Whether a header field is searched through the envelope (RFC 9051 6.4.4)."""
    return name in _FIELDS


def envelope_has(rendered: bytes, name: str, needle: Needle) -> bool:
    """Whether an ENVELOPE's field `name` contains the needle; an empty one: is there."""
    if needle.absent(rendered.lower()):
        return False
    plain = _PLAIN.match(rendered)
    field = plain[name] if plain is not None else None
    if field is not None and b"=?" not in field:
        return _plain_has(field, name, needle)
    try:
        fields = envelope.parse(rendered)
    except Invalid:  # a row of an older rendering: nothing can be said of it
        return False
    if name == "subject":
        return needle.within(fields.subject) if needle.folded else fields.subject != ""
    return any(needle.within(shown(address)) for address in _addresses(fields, name))


def _plain_has(field: bytes, name: str, needle: Needle) -> bool:
    """The same for a field without escapes, literals, encoded words and 8-bit text."""
    if field == b"NIL":
        return False
    if name == "subject":
        return needle.within(field[1:-1].decode("ascii"))
    return any(
        needle.within(shown(EnvelopeAddress(*(part.decode("ascii") for part in parts))))
        for parts in _ADDRESS.findall(field)
    )


def envelope_day(rendered: bytes) -> date | None:
    """The day of an ENVELOPE's date, as written; None where it is absent or unreadable."""
    plain = _DATE.match(rendered)
    if plain is not None:
        return dates.day(plain[1])
    try:
        return dates.day(envelope.parse(rendered).date.encode("utf-8", "replace"))
    except Invalid:
        return None


def _addresses(fields: EnvelopeFields, name: str) -> tuple[EnvelopeAddress, ...]:
    match name:
        case "from":
            return fields.from_
        case "to":
            return fields.to
        case "cc":
            return fields.cc
        case _:
            return fields.bcc


def shown(address: EnvelopeAddress) -> str:
    """An address as people write it: `Name <mailbox@host>`."""
    plain = f"{address.mailbox}@{address.host}" if address.host else address.mailbox
    return f"{address.name} <{plain}>" if address.name else plain


# -- header fields


def field_has(block: bytes, name: bytes, needle: Needle) -> bool:
    """Whether a field `name` (lower case) of a header contains the needle."""
    lowered = block.lower()
    if name not in lowered or needle.absent(lowered):
        return False
    found = header.values(block, name)
    if not needle.folded:
        return bool(found)
    return any(needle.within(words.decode(value)) for value in found)


def header_surely(block: bytes, needle: Needle) -> bool | None:
    """Whether any field, name included, contains the needle; None where that takes decoding."""
    lowered = block.lower()
    if needle.absent(lowered):
        return False
    if needle.raw is not None and needle.raw in _FOLD.sub(b"", lowered):
        return True
    return None


def header_texts(block: bytes) -> Iterator[str]:
    """Every field as one decoded line, name included."""
    for name, value in header.fields(block):
        yield f"{name.decode('ascii', 'replace')}: {words.decode(value)}"


# -- bodies


def surely(data: bytes, header_length: int, needle: Needle) -> bool | None:
    """Whether the body contains the needle, where the raw bytes tell; None where they do not."""
    if needle.raw is None or not needle.raw or not data.isascii():
        return None
    lowered = data.lower()
    described = b"content-t" in lowered
    if described and _ENCODED.search(lowered) is not None:
        return None
    html = described and b"text/html" in lowered
    missing = next((probe for probe in needle.probes if probe not in lowered), None)
    if missing is not None and not (html and _may_join(lowered, missing)):
        return False
    if html:
        return None
    if described and _COMPOSITE.search(lowered, 0, header_length) is not None:
        return None
    return lowered.find(needle.raw, header_length) >= 0


def phrase_absent(data: bytes, header_length: int, phrase: Sequence[str]) -> bool:
    """Whether raw bytes tell that the words of `phrase` stand nowhere side by side: false where
    that takes decoding, or where the header has them all, which shows addresses in another order.
    """
    if not data.isascii() or not all(map(str.isascii, phrase)):
        return False
    lowered = data.lower()
    if any(mark in lowered for mark in _DECODED) or _ENCODED.search(lowered) is not None:
        return False
    words = [word.encode() for word in phrase]
    if all(lowered.find(word, 0, header_length) >= 0 for word in words):
        return False
    return re.search(rb"\w*\W+".join(words), lowered) is None


def _may_join(lowered: bytes, word: bytes) -> bool:
    """Whether taking the markup out of HTML may put `word` together: behind one of its letters
    stands a tag, or a letter is written as an entity."""
    if b"&" in lowered:
        return True
    letters = word[:-1]
    at = lowered.find(b"<")
    for _ in range(TAGS):
        if at < 0:
            return False
        if at and lowered[at - 1] in letters:
            return True
        at = lowered.find(b"<", at + 1)
    return True
