"""Places in lists, as links to older and newer pages carry them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mailhub.model.errors import Invalid
from mailhub.model.listing import Boundary, Page, Stretch

PAGE = 50
"""Messages of one page."""
MOST = 1 << 62
_PLACE = re.compile(r"-?\d{1,19}(?:\.-?\d{1,19}){0,2}", re.ASCII)
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Walk:
    """How a page is read: `start` towards older messages, or newer ones where `newer`."""

    start: Boundary | None
    newer: bool

    @property
    def stretch(self) -> Stretch:
        """As lists take it."""
        return Stretch(PAGE, self.start, self.newer)


@dataclass(frozen=True, slots=True)
class Ends:
    """The links' places; empty where the list ends."""

    newer: str
    older: str


def walk(asked: Mapping[str, str]) -> Walk:
    """What `older` or `newer` of a query name. Raises Invalid."""
    if asked.get("older"):
        return Walk(_read(asked["older"]), False)
    if asked.get("newer"):
        return Walk(_read(asked["newer"]), True)
    return Walk(None, False)


def framed(how: Walk, page: Page, rows: Sequence[_Row]) -> tuple[Sequence[_Row], Ends]:
    """The rows, the newest first, and where the list goes on."""
    if how.newer:
        return rows[::-1], Ends(_write(page.end) if page.more else "", _write(page.start))
    newer = _write(page.start) if how.start is not None else ""
    return rows, Ends(newer, _write(page.end) if page.more else "")


def _write(place: Boundary) -> str:
    return ".".join(map(str, place))


def _read(text: str) -> Boundary:
    place = tuple(map(int, text.split("."))) if _PLACE.fullmatch(text) else ()
    if not place or any(abs(one) > MOST for one in place):
        raise Invalid("There is no such place in the list")
    return place
