"""What is attached to a message, by its BODYSTRUCTURE: no byte of its content is looked at.

A part is shown as text or it is an attachment; what stands inside an attached message belongs to
that message. Numbers are given in the order of the message, so the same part always has the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from mailhub.model.errors import Invalid
from mailhub.wire import contenttype, datum, words
from mailhub.wire.contenttype import Parameters

MOST = 500
"""Attachments of one message that are told of."""
FILENAME = 255
"""Characters of a file name."""
_TEXTS = ("text/plain", "text/html")
_PLAIN = re.compile(
    rb'\("text" "(plain|html)" \("charset" "([A-Za-z0-9._-]+)"\)'
    rb' NIL NIL "[A-Za-z0-9-]+" \d+ \d+ NIL NIL NIL NIL\)',
    re.IGNORECASE,
)
"""A message that is one text: half of all, which need not be taken apart."""
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
_PLACE = {"text": 9, "message/rfc822": 11, "message/global": 11}
"""Where the disposition of a leaf stands; of others at 8."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part. `path`: its number as IMAP counts (RFC 9051 6.4.5.1). `octets`: as it is
    transferred. `related`: it belongs to the HTML beside it. `cid`: its Content-ID without
    brackets. `filename`: without a path or a character that is none to read."""

    number: int
    path: tuple[int, ...]
    media: str
    filename: str
    disposition: str
    encoding: str
    octets: int
    related: bool
    cid: str
    charset: str

    @property
    def id(self) -> str:
        """What clients call it."""
        return f"ATT{self.number:05d}"

    @property
    def size(self) -> int:
        """Bytes without the transfer encoding, nearly: lines of 76 characters stand for 57."""
        return self.octets * 57 // 78 if self.encoding == "base64" else self.octets


@dataclass(frozen=True, slots=True)
class Structure:
    """A message's type with its parameters, and what is attached."""

    media: str
    parameters: tuple[tuple[str, str], ...]
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class _Waiting:
    item: datum.Datum
    path: tuple[int, ...]
    related: bool


def structure(rendered: bytes) -> Structure:
    """What a BODYSTRUCTURE says, whose end may be missing. Never raises."""
    plain = _PLAIN.fullmatch(rendered)
    if plain is not None:
        kind, charset = (word.decode("ascii") for word in plain.groups())
        return Structure(f"text/{kind.lower()}", (("charset", charset),), ())
    try:
        root = datum.read(rendered, cut=True)
    except Invalid:
        root = None
    if not isinstance(root, list) or not root:
        return Structure("text/plain", (), ())
    kind, parameters = _kind(root)
    pairs = tuple((_text(name).lower(), _text(value)) for name, value in parameters)
    return Structure(kind, pairs, tuple(_attached(root)))


def _attached(root: list[datum.Datum]) -> Iterator[Attachment]:
    waiting = [_Waiting(root, () if isinstance(root[0], list) else (1,), False)]
    number = 0
    while waiting and number < MOST:
        one = waiting.pop()
        item = one.item
        if not isinstance(item, list) or not item:
            continue
        if isinstance(item[0], list):
            related = one.related or _kind(item)[0] == "multipart/related"
            parts = takewhile(lambda child: isinstance(child, list), item)
            inner = [
                _Waiting(child, (*one.path, place), related)
                for place, child in enumerate(parts, start=1)
            ]
            waiting += reversed(inner)
        elif len(item) >= 7 and (found := _leaf(item, one, number + 1)) is not None:
            number += 1
            yield found


def _kind(item: list[datum.Datum]) -> tuple[str, Parameters]:
    """type/subtype in lower case, and the parameters."""
    if isinstance(item[0], list):
        place = next((n for n, child in enumerate(item) if not isinstance(child, list)), None)
        if place is None:
            return "multipart/mixed", ()  # cut off before it was told
        rest = item[place + 1] if len(item) > place + 1 else None
        return f"multipart/{_text(item[place]).lower()}", _pairs(rest)
    kind = f"{_text(item[0])}/{_text(item[1]) if len(item) > 1 else ''}".lower()
    return kind, _pairs(item[2] if len(item) > 2 else None)


def _leaf(item: list[datum.Datum], at: _Waiting, number: int) -> Attachment | None:
    """None for what is shown as the message's text."""
    media, parameters = _kind(item)
    place = _PLACE.get(media, _PLACE.get(media.partition("/")[0], 8))
    told = item[place] if len(item) > place else None
    kind, details = "", _pairs(None)
    if isinstance(told, list) and told:
        kind = _text(told[0]).lower()
        details = _pairs(told[1] if len(told) > 1 else None)
    if media in _TEXTS and kind != "attachment":
        return None
    octets = item[6]
    name = contenttype.parameter(details, b"filename") or contenttype.parameter(parameters, b"name")
    cid = _text(item[3]).strip()
    return Attachment(
        number=number,
        path=at.path,
        media=media,
        filename=filename(words.decode(name)),
        disposition=kind,
        encoding=_text(item[5]).lower(),
        octets=octets if isinstance(octets, int) else 0,
        related=at.related,
        cid=cid.removeprefix("<").removesuffix(">"),
        charset=_text(contenttype.parameter(parameters, b"charset")),
    )


def filename(text: str) -> str:
    """A name for a file that is no path, and reads as it is written."""
    name = _CONTROLS.sub("", text).replace("\\", "/").rpartition("/")[2].strip()
    return "" if name in {".", ".."} else name[:FILENAME]


def _pairs(item: datum.Datum) -> Parameters:
    if not isinstance(item, list):
        return ()
    found = [one if isinstance(one, bytes) else b"" for one in item]
    return tuple(zip(found[::2], found[1::2], strict=False))


def _text(item: datum.Datum) -> str:
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else ""
