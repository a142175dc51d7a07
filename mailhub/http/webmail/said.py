"""What was just done, in the query of the page that comes next: it is said there, and may be taken
back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor

PREFIX = "/mail"
DONE = frozenset(
    {
        *("read", "unread", "flag", "unflag", "archive", "junk", "notjunk", "delete"),
        *("move", "copy", "forever", "undo", "empty", "sent", "draft"),
    }
)
"""What can be said."""


@dataclass(frozen=True, slots=True)
class Flash:
    """What was just done, to be said on the next page. `undo`: takes it back; empty where nothing
    does."""

    done: str
    count: int
    undo: str


def flash_of(asked: Mapping[str, str]) -> Flash | None:
    """What a query says of it; a forged one can say no more than that."""
    done, count = asked.get("done", ""), asked.get("count", "")
    if done not in DONE:
        return None
    number = int(count) if count.isascii() and count.isdigit() and len(count) < 7 else 1
    return Flash(done, number, asked.get("undo", "")[:1200])


def said(back: str, **about: object) -> str:
    """`back` with what was done; without what an earlier page said."""
    path, _, query = back.partition("?")
    pairs = [
        (name, value)
        for name, value in parse_qsl(query, keep_blank_values=True)[:20]
        if name not in ("done", "count", "undo", "draft")
    ]
    pairs += [(name, str(value)) for name, value in about.items() if value]
    return f"{path}?{urlencode(pairs, quote_via=quote)}" if pairs else path


def back_of(visitor: Visitor, field: str = "back") -> str:
    """The page of ours that a form leads back to."""
    wanted = pages.local(visitor.fields.get(field, ""))
    under = wanted == PREFIX or wanted.startswith((f"{PREFIX}/", f"{PREFIX}?"))
    return wanted if under else f"{PREFIX}/"
