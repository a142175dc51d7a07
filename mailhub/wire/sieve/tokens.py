"""Characters to tokens (RFC 5228 section 8.1). One pass, one pattern, no look-back."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from enum import Enum

from mailhub.wire.sieve.tree import SCRIPT, STRING, BadScript, Fault, Place

NUMBER = 2**63 - 1
"""Largest number; RFC 5228 section 2.4.1 asks for 2**31 - 1."""


class Kind(Enum):
    """What a token is."""

    IDENTIFIER = "name"
    TAG = "tag"
    NUMBER = "number"
    STRING = "string"
    SIGN = "sign"
    END = "the end of the script"


class Token:
    """`text`: an identifier or tag folded, a string's content, or the sign itself."""

    __slots__ = ("kind", "place", "text", "value")

    def __init__(self, kind: Kind, text: str, place: Place, value: int = 0) -> None:
        self.kind = kind
        self.text = text
        self.place = place
        self.value = value

    def __str__(self) -> str:
        if self.kind is Kind.END:
            return str(self.kind.value)
        shown = self.text if len(self.text) <= 40 else self.text[:40] + "…"
        if self.kind is Kind.STRING:
            return f'"{shown}"'
        return f":{shown}" if self.kind is Kind.TAG else f"'{shown}'"


# Line ends of LF alone are taken too: editors on Unix write them, and Pigeonhole reads them.
_TOKEN = re.compile(
    r"""(?P<space>(?>(?:[ \t\r\n]++|\#[^\n]*+(?:\n|\Z)|/\*(?>(?:[^*]++|\*(?!/))*)\*/)+))
    |(?P<multi>[tT][eE][xX][tT]:[ \t]*+(?:\#[^\n]*+)?\r?\n)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*+)
    |:(?P<tag>[A-Za-z_][A-Za-z0-9_]*+)
    |(?P<number>[0-9]++)(?P<quantifier>[KMGkmg]?)(?![A-Za-z0-9_])
    |"(?P<string>(?>(?:[^"\\]++|\\.)*))"
    |(?P<sign>[\[\](){},;])""",
    re.VERBOSE | re.DOTALL,
)
_MULTI_END = re.compile(r"^\.\r?(?:\n|\Z)", re.MULTILINE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_STUFFED = re.compile(r"^\.(?=\.)", re.MULTILINE)
_LINE_END = re.compile(r"\r?\n")
_QUANTIFIERS = {"": 0, "k": 10, "m": 20, "g": 30}


class Lexer:
    """Tokens of one script."""

    def __init__(self, source: str) -> None:
        if len(source) > SCRIPT:
            raise BadScript((Fault(Place(1, 1), "The script is too long"),))
        self._source = source
        self._lines = [0, *(found.end() for found in re.finditer("\n", source))]

    def place(self, offset: int) -> Place:
        """Line and column of a character."""
        line = bisect_right(self._lines, offset)
        return Place(line, offset - self._lines[line - 1] + 1)

    def __iter__(self) -> Iterator[Token]:
        """Every token, and END at last. Raises BadScript at the first that is none."""
        source, at = self._source, 0
        if "\0" in source:
            raise self._bad(source.index("\0"), "NUL is not allowed in a script")
        while at < len(source):
            found = _TOKEN.match(source, at)
            if found is None:
                raise self._senseless(at)
            start, at = at, found.end()
            kind = found.lastgroup
            if kind == "space":
                continue
            place = self.place(start)
            if kind == "multi":
                text, at = self._multi_line(start, at)
                yield Token(Kind.STRING, self._short(text, start), place)
            elif kind == "string":
                text = _LINE_END.sub("\r\n", _ESCAPE.sub(r"\1", found["string"]))
                yield Token(Kind.STRING, self._short(text, start), place)
            elif kind == "name":
                yield Token(Kind.IDENTIFIER, found["name"].lower(), place)
            elif kind == "tag":
                yield Token(Kind.TAG, found["tag"].lower(), place)
            elif kind == "sign":
                yield Token(Kind.SIGN, found["sign"], place)
            else:
                yield self._number(found, place, start)
        yield Token(Kind.END, "", self.place(len(source)))

    def _number(self, found: re.Match[str], place: Place, start: int) -> Token:
        digits = found["number"]
        if len(digits) <= len(str(NUMBER)):
            value = int(digits) << _QUANTIFIERS[found["quantifier"].lower()]
            if value <= NUMBER:
                return Token(Kind.NUMBER, found[0], place, value)
        raise self._bad(start, f"The number is larger than {NUMBER}")

    def _multi_line(self, start: int, at: int) -> tuple[str, int]:
        """A `text:` string from behind its first line to behind its closing dot."""
        end = _MULTI_END.search(self._source, at)
        if end is None:
            raise self._bad(start, "A line with a single dot must end the text")
        text = _STUFFED.sub("", self._source[at : end.start()])
        return _LINE_END.sub("\r\n", text), end.end()

    def _short(self, text: str, start: int) -> str:
        if len(text) > STRING:
            raise self._bad(start, f"The string is longer than {STRING} characters")
        return text

    def _senseless(self, at: int) -> BadScript:
        rest = self._source[at : at + 2]
        if rest[0] == '"':
            return self._bad(at, "The string has no closing quote")
        if rest == "/*":
            return self._bad(at, "The comment has no end")
        if rest[0].isdigit():
            return self._bad(at, "The number is malformed")
        return self._bad(at, f"{rest[0]!r} is no part of Sieve")

    def _bad(self, offset: int, text: str) -> BadScript:
        return BadScript((Fault(self.place(offset), text),))
