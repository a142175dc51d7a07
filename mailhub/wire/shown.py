"""Which parts of a message are its text, as people see it: of alternatives the richest, and beside
it the plainest; everything else one after the other (RFC 2046 5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.wire import text
from mailhub.wire.mime import Part

MOST = 100
"""Texts of one message that are shown."""
DEPTH = 50
"""Multiparts inside one another that are looked into."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One text: as HTML, as plain text, or both."""

    html: Part | None
    plain: Part | None


def texts(root: Part) -> Sequence[Shown]:
    """The texts of a message, in order; those of messages inside it are not its own."""
    return _texts(root, 0)[:MOST]


def _texts(part: Part, depth: int) -> list[Shown]:
    if not part.multipart:
        if not text.is_text(part):
            return []
        is_html = part.content.media == b"text/html"
        return [Shown(part if is_html else None, None if is_html else part)]
    if depth >= DEPTH:
        return []
    children = part.children[:MOST]
    found = [inner for child in children if (inner := _texts(child, depth + 1))]
    if part.content.media == b"multipart/alternative":
        return _best(found)
    return [one for inner in found for one in inner]


def _best(found: Sequence[list[Shown]]) -> list[Shown]:
    """Of alternatives, the last with HTML counts, with the text of the first that is plain."""
    if not found:
        return []
    rich = next((inner for inner in reversed(found) if any(one.html for one in inner)), None)
    plain = next((inner for inner in found if any(one.plain for one in inner)), None)
    if rich is None or plain is None or rich is plain:
        return rich or plain or []
    words = [one.plain for one in plain if one.plain is not None]
    shown = [Shown(one.html, None) for one in rich if one.html is not None]
    shown[0] = Shown(shown[0].html, words[0])
    return shown
