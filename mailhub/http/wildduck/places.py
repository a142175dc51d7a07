"""Opaque cursors of message lists: places between two messages, whatever arrives or leaves.

As `paging`, for lists that go by more than one number.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from mailhub.http.wildduck.message_answers import Cursor
from mailhub.http.wildduck.message_shapes import MessagePage
from mailhub.http.wildduck.shapes import FieldErrors
from mailhub.model.listing import Boundary, Page, Stretch

MOST = 1 << 62
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Walk:
    """How a page is read: `stretch`, and whether that is against the list's order."""

    stretch: Stretch
    backwards: bool


def walk(wanted: MessagePage) -> Walk:
    """What the client asks for; `next` beats `previous`. Raises FieldErrors."""
    rising = wanted.order == "asc"
    if wanted.next:
        return Walk(Stretch(wanted.limit, _decode("next", wanted.next), rising), False)
    if wanted.previous:
        return Walk(Stretch(wanted.limit, _decode("previous", wanted.previous), not rising), True)
    return Walk(Stretch(wanted.limit, None, rising), False)


def framed(
    wanted: MessagePage, how: Walk, page: Page, rows: Sequence[_Row]
) -> tuple[Sequence[_Row], dict[str, object]]:
    """The rows in the list's order, and its frame."""
    before, behind = page.start, page.end
    if how.backwards:
        rows = rows[::-1]
        previous, following = page.more, True
        before, behind = page.end, page.start
    else:
        previous, following = how.stretch.start is not None, page.more
    cursors: tuple[Cursor, Cursor] = (
        _encode(before) if previous else False,
        _encode(behind) if following else False,
    )
    return rows, {
        "total": page.total,
        "page": wanted.page if previous else 1,
        "previous_cursor": cursors[0],
        "next_cursor": cursors[1],
    }


def _encode(place: Boundary) -> str:
    return urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _decode(field: str, cursor: str) -> Boundary:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        value = json.loads(urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, RecursionError):
        value = None
    good = isinstance(value, list) and 1 <= len(value) <= 3
    if not good or not all(type(one) is int and abs(one) <= MOST for one in value):
        raise FieldErrors({field: f'"{field}" is not a valid cursor'})
    return tuple(value)
