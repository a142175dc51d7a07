"""Match types and comparators (RFC 5228 2.7, RFC 4790, RFC 5231); its cost grows with the length.

A wildcard pattern is cut at its stars into pieces of fixed length, and each piece is looked for
once, from the left: no pattern can make a match go back. Long texts are looked through in slices.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import lru_cache

WINDOW = 32 * 1024
"""Characters looked through between two chances for others to run."""
_LEAST = 512
_MARKS = 99
"""Wildcards of one pattern whose text is kept."""
_UPPER = {ord(mark): ord(mark) - 32 for mark in "abcdefghijklmnopqrstuvwxyz"}
_DIGITS = re.compile(r"[0-9]+")

Steps = Generator[None, None, "tuple[str, ...] | None"]


def folded(text: str, comparator: str) -> str:
    """`text` as the comparator sees it; of the same length but for i;unicode-casemap."""
    if comparator == "i;ascii-casemap":
        return text.upper() if text.isascii() else text.translate(_UPPER)
    if comparator == "i;unicode-casemap":
        # RFC 5051 section 2: title case, one by one, then decomposed.
        titled = text.upper() if text.isascii() else "".join(mark.title() for mark in text)
        return unicodedata.normalize("NFKD", titled)
    return text


def folding(text: str, comparator: str) -> Generator[None, None, str]:
    """`folded`, which yields between pieces of a long text."""
    if len(text) <= WINDOW or comparator in ("i;octet", "i;ascii-numeric"):
        return folded(text, comparator)
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = start + WINDOW
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1  # what a mark belongs to stays with it
        pieces.append(folded(text[start:end], comparator))
        start = end
        yield
    return "".join(pieces)


def number(text: str) -> int | None:
    """The number that a string starts with (RFC 4790 section 9.1.1); None: infinite."""
    found = _DIGITS.match(text)
    if found is None:
        return None
    digits = found[0].lstrip("0")[:100]
    return int(digits or "0")


def compared(relation: str, left: str, right: str, comparator: str) -> bool:
    """`left relation right` (RFC 5231 section 4) of folded texts."""
    if comparator == "i;ascii-numeric":
        order = _order(number(left), number(right))
    else:
        order = (left > right) - (left < right)
    return _HOLDS[relation](order)


def _order(one: int | None, other: int | None) -> int:
    if one is None or other is None:
        return (one is None) - (other is None)
    return (one > other) - (one < other)


_HOLDS: dict[str, Callable[[int], bool]] = {
    "gt": lambda order: order > 0,
    "ge": lambda order: order >= 0,
    "lt": lambda order: order < 0,
    "le": lambda order: order <= 0,
    "eq": lambda order: order == 0,
    "ne": lambda order: order != 0,
}


def equal(left: str, right: str, comparator: str) -> bool:
    """`:is` of folded texts."""
    if comparator == "i;ascii-numeric":
        return number(left) == number(right)
    return left == right


# -- wildcards


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands between two stars: `literal`, or where `?`s are in it `pattern`. `wild`: their
    places."""

    length: int
    literal: str | None
    pattern: re.Pattern[str] | None
    wild: tuple[int, ...]

    def at(self, text: str, start: int) -> bool:
        """Whether it stands at `start`."""
        if self.pattern is None:
            return text.startswith(self.literal or "", start)
        return self.pattern.match(text, start) is not None


@lru_cache(maxsize=512)
def pieces(pattern: str) -> tuple[Piece, ...]:
    """A `:matches` pattern cut at its stars; `\\` takes the next character as it is."""
    found: list[Piece] = []
    marks: list[str | None] = []
    escaped = False
    for mark in pattern:
        if escaped:
            marks.append(mark)
            escaped = False
        elif mark == "\\":
            escaped = True
        elif mark == "*":
            found.append(_piece(marks))
            marks = []
        else:
            marks.append(None if mark == "?" else mark)
    if escaped:
        marks.append("\\")
    found.append(_piece(marks))
    return tuple(found)


def _piece(marks: list[str | None]) -> Piece:
    wild = tuple(place for place, mark in enumerate(marks) if mark is None)
    if not wild:
        return Piece(len(marks), "".join(mark or "" for mark in marks), None, ())
    source = "".join("." if mark is None else re.escape(mark) for mark in marks)
    return Piece(len(marks), None, re.compile(source, re.DOTALL), wild)


def matching(value: str, text: str, pattern: str) -> Steps:
    """What the whole and each wildcard took (RFC 5229 section 3.2: as little as possible, from the
    left), or None. `text`, `pattern`: the value and the pattern, folded. Yields between slices of
    long texts."""
    if len(text) != len(value):
        value = text
    parts = pieces(pattern)
    first, last = parts[0], parts[-1]
    if not first.at(text, 0) or (len(parts) == 1 and first.length != len(text)):
        return None
    taken = [value]
    _take(taken, value, first, 0)
    at = first.length
    if len(parts) == 1:
        return tuple(taken)
    for piece in parts[1:-1]:
        start = yield from _search(text, piece, at)
        if start < 0:
            return None
        taken.append(value[at:start])
        _take(taken, value, piece, start)
        at = start + piece.length
    start = len(text) - last.length
    if start < at or not last.at(text, start):
        return None
    taken.append(value[at:start])
    _take(taken, value, last, start)
    return tuple(taken[: _MARKS + 1])


def _take(taken: list[str], value: str, piece: Piece, start: int) -> None:
    if len(taken) <= _MARKS:
        taken.extend(value[start + place] for place in piece.wild)


def _search(text: str, piece: Piece, at: int) -> Generator[None, None, int]:
    """Where a piece stands first at or behind `at`; -1: nowhere."""
    window = WINDOW if piece.pattern is None else max(_LEAST, WINDOW // piece.length)
    while True:
        stop = min(at + window + piece.length, len(text))
        if piece.pattern is None:
            found = text.find(piece.literal or "", at, stop)
        else:
            hit = piece.pattern.search(text, at, stop)
            found = hit.start() if hit is not None else -1
        if found >= 0 or stop == len(text):
            return found
        at = stop - piece.length + 1
        yield


def cost(value: str, pattern: str) -> int:
    """How much work a match is, in characters looked at; known before it is done."""
    return len(value) * (1 + pattern.count("?")) + len(pattern)
