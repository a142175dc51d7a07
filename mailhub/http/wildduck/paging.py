"""Opaque cursors, and the envelope of a list: `total`, `page`, both cursors, `results`.

A cursor holds where to go on, as URL-safe base64 of JSON; clients only hand it back.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mailhub.http.wildduck.shapes import FieldErrors, Page


class Numbered(Protocol):
    """A row of a list."""

    @property
    def number(self) -> int: ...


_Row = TypeVar("_Row", bound=Numbered)


@dataclass(frozen=True, slots=True)
class Span:
    """Where a page lies: after a number, or before one (not 0)."""

    after: int = 0
    before: int = 0


def span(page: Page) -> Span:
    """What the client asks for; `next` beats `previous`. Raises FieldErrors."""
    if page.next:
        return Span(after=_decode("next", page.next))
    if page.previous:
        return Span(before=_decode("previous", page.previous))
    return Span()


def listed(
    page: Page, where: Span, rows: Sequence[_Row], total: int
) -> tuple[Sequence[_Row], dict[str, object]]:
    """The rows to show and the list's frame, from up to one row more than `page.limit`.

    The extra row tells that there are more in the direction of reading.
    """
    more = len(rows) > page.limit
    if where.before:
        rows = rows[-page.limit :]
        previous, following = more, True
    else:
        rows = rows[: page.limit]
        previous, following = where.after > 0, more
    frame: dict[str, object] = {
        "total": total,
        "page": page.page if previous else 1,
        "previousCursor": _encode(rows[0].number) if previous and rows else False,
        "nextCursor": _encode(rows[-1].number) if following and rows else False,
    }
    return rows, frame


def _encode(number: int) -> str:
    return urlsafe_b64encode(json.dumps({"n": number}).encode()).decode().rstrip("=")


def _decode(field: str, cursor: str) -> int:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        value = json.loads(urlsafe_b64decode(padded.encode("ascii")))
        number = value["n"]
    except (ValueError, TypeError, KeyError, RecursionError):
        number = None
    if type(number) is not int or not 0 < number < 1 << 62:
        raise FieldErrors({field: f'"{field}" is not a valid cursor'})
    return number
