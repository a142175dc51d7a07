"""Large forms with files in them (RFC 7578): where in a body each part lies. Pure.

The body is in a file, perhaps: it is looked through in pieces, and only names are copied. Small
forms are `wire.multipart`'s.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mailhub.model.errors import Invalid
from mailhub.wire import attachments

PARTS = 300
HEAD = 8 * 1024
"""Octets of a part's header."""
STEP = 512 * 1024
"""Octets between two chances for others to run: less than a millisecond."""
_FIELD = re.compile(rb"(?:\A|\r\n)content-disposition:([^\r\n]*)", re.IGNORECASE)
_TYPE = re.compile(rb"(?:\A|\r\n)content-type:[ \t]*([^\r\n]*)", re.IGNORECASE)
_NAME = re.compile(rb';\s*name="([^"]*)"', re.IGNORECASE)
_FILE = re.compile(rb';\s*filename="([^"]*)"', re.IGNORECASE)
_ESCAPES = {b"%22": b'"', b"%0D%0A": b" ", b"%0A": b" ", b"%0D": b" "}
"""What browsers write in names for what would end them (HTML, 4.10.21.8)."""


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part: its content is [start, end) of the body. `filename`: None for what is no file; a
    browser sends a file without name or content where none was chosen. `media`: as it is told."""

    name: str
    filename: str | None
    media: str
    start: int
    end: int

    @property
    def is_chosen(self) -> bool:
        """Whether it is a file that somebody chose."""
        return self.filename is not None and bool(self.filename or self.end > self.start)


def locate(view: memoryview, boundary: bytes) -> Generator[None, None, Sequence[FormPart]]:
    """The parts of a body, in slices. Raises Invalid."""
    places = yield from _marks(view, b"\r\n--" + boundary)
    width = len(boundary) + 4
    found = []
    for place, following in pairwise(places):
        found.append(_part(view, place + width, following))
    if not places or bytes(view[places[-1] + width :][:2]) != b"--":
        raise Invalid("The form does not end")
    return found


def _marks(view: memoryview, line: bytes) -> Generator[None, None, list[int]]:
    """Where boundaries stand; the first one may have no line before it."""
    found = [-2] if bytes(view[: len(line) - 2]) == line[2:] else []
    for at in range(0, len(view), STEP):
        piece = bytes(view[at : at + STEP + len(line) - 1])
        place = piece.find(line)
        while place >= 0:
            found.append(at + place)
            if len(found) > PARTS + 1:
                raise Invalid("The form has too many fields")
            place = piece.find(line, place + 1)
        yield
    return found


def _part(view: memoryview, start: int, end: int) -> FormPart:
    head, empty, _ = bytes(view[start : min(end, start + HEAD)]).partition(b"\r\n\r\n")
    told = _FIELD.search(head)
    name = _NAME.search(told[1]) if told else None
    if not empty or told is None or name is None:
        raise Invalid("A field of the form has no name")
    file, media = _FILE.search(told[1]), _TYPE.search(head)
    return FormPart(
        _text(name[1]),
        attachments.filename(_text(file[1])) if file else None,
        _text(media[1]).partition(";")[0].strip() if media else "",
        start + len(head) + 4,
        end,
    )


def _text(octets: bytes) -> str:
    for escape, meant in _ESCAPES.items():
        octets = octets.replace(escape, meant)
    return octets.decode("utf-8", "replace")
