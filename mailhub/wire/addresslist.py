"""Address lists of message headers, read as far as they make sense (RFC 5322 3.4, 4.4).

For display and search only: what decides about delivery or identity is `wire.address`. Any bytes
give a list; nothing raises, nothing recurses, and the work grows with the length alone.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import NamedTuple

from mailhub.wire.slices import finish
from mailhub.wire.words import unfold

LIMIT = 10_000
"""Addresses read from one message; what follows is left out."""
_TOKENS = 1_000
"""Tokens of one address that are looked at."""
_LENGTH = 4_096
"""Bytes of a quoted string or comment that are kept."""
_SLICE = 2_000
"""Tokens between two chances for others to run: about a millisecond."""


class HeaderAddress(NamedTuple):
    """One address as ENVELOPE shows it (RFC 9051 7.5.2), in raw bytes, unquoted.

    `host` None: group syntax; then `mailbox` is the group's name, or None at its end. A broken
    address has an empty `mailbox` or `host`, never None, so that it is no group.
    """

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


class _Token(NamedTuple):
    """`kind`: the character of a special, `"` for a quoted string, empty for an atom."""

    kind: bytes
    text: bytes
    spaced: bool


_GROUP_END = HeaderAddress(None, None, None, None)
_ATOM = rb'[^"<>@,;:()\\\[\]\s]++'
# The two forms that nearly all mail has, `Name <a@b>` and `a@b`, with the comma behind them.
_USUAL = re.compile(
    rb'\s*+(?:(?:"([^"\\]*+)"\s*+|([^"<>@,;:()\\\[\]]*+))<(%b)@(%b)>|(%b)@(%b))\s*+(?:,|\Z)'
    % (_ATOM, _ATOM, _ATOM, _ATOM)
)
_TOKEN = re.compile(rb'\s++|"((?>(?:[^"\\]++|\\.)*))"?|\[[^\[\]<>,;"]*+\]?|%b|.' % _ATOM, re.DOTALL)
_IN_COMMENT = re.compile(rb"[^\\()]++|\\.?|[()]", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_SPACES = re.compile(rb"\s{2,}|[\t\r]")


def parse(value: bytes, limit: int = LIMIT) -> list[HeaderAddress]:
    """The addresses of one field's raw value, at most `limit` and the ends of groups."""
    return finish(parsing(value, limit))


def parsing(value: bytes, limit: int = LIMIT) -> Generator[None, None, list[HeaderAddress]]:
    """`parse`, in slices of about a millisecond."""
    reader = _Reader(unfold(value))
    while reader.at < len(reader.value) and len(reader.found) < limit:
        usual = None if reader.in_group else _USUAL.match(reader.value, reader.at)
        if usual is None:
            yield from reader.element()
            continue
        quoted, phrase, mailbox, host, bare, bare_host = usual.groups()
        name = (phrase.strip() if quoted is None else quoted) if mailbox else None
        if name and _SPACES.search(name):
            name = _SPACES.sub(b" ", name)
        reader.found.append(HeaderAddress(name or None, None, mailbox or bare, host or bare_host))
        reader.at = usual.end()
        reader.spent += 2
        if reader.spent > _SLICE:
            reader.spent = 0
            yield
    if reader.in_group:
        reader.found.append(_GROUP_END)
    return reader.found


class _Reader:
    """A place in a field's value, and what was read before it."""

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.at = 0
        self.in_group = False
        self.found: list[HeaderAddress] = []
        self.spent = 0

    def element(self) -> Generator[None, None, None]:
        """Reads up to the comma, semicolon or end that ends one address of any form."""
        tokens: list[_Token] = []
        comment = b""
        spaced = in_angle = in_route = False
        while self.at < len(self.value):
            self.spent += 1
            if self.spent > _SLICE:
                self.spent = 0
                yield
            token = _TOKEN.match(self.value, self.at)
            assert token is not None  # its last alternative takes anything
            text, kind = token[0], token[0][:1]
            self.at = token.end()
            if kind.isspace():
                spaced = True
            elif kind == b"(":
                comment = yield from self._comment()
                spaced = True
            elif kind == b";" or (kind == b"," and not in_route):
                self._finish(tokens, comment, kind)
                return
            elif kind == b":" and not in_angle and self._opens_group(tokens):
                self.found.append(HeaderAddress(None, None, _phrase(tokens), None))
                self.in_group = True
                return
            else:
                # The hosts of an obsolete route, `<@a,@b:c@d>`, have commas between them.
                begins_route = kind == b"@" and bool(tokens) and tokens[-1].kind == b"<"
                in_route = begins_route or (in_route and kind not in {b":", b">"})
                in_angle = kind == b"<" or (in_angle and kind != b">")
                if kind == b'"':
                    text = token[1][:_LENGTH]
                    text = _ESCAPE.sub(rb"\1", text) if b"\\" in text else text
                elif kind not in b"<>@,:":
                    kind = b""
                if len(tokens) < _TOKENS:
                    tokens.append(_Token(kind, text, spaced))
                spaced = False
        self._finish(tokens, comment, b"")

    def _comment(self) -> Generator[None, None, bytes]:
        """Passes over a comment, and those inside it; its text, up to a limit."""
        start, depth = self.at, 1
        while depth and self.at < len(self.value):
            self.spent += 1
            if self.spent > _SLICE:
                self.spent = 0
                yield
            piece = _IN_COMMENT.match(self.value, self.at)
            assert piece is not None  # its classes together take anything
            self.at = piece.end()
            depth += (piece[0] == b"(") - (piece[0] == b")")
        text = self.value[start : self.at - (depth == 0)][:_LENGTH]
        return _ESCAPE.sub(rb"\1", text).strip()

    def _opens_group(self, tokens: list[_Token]) -> bool:
        return not self.in_group and not any(token.kind == b"@" for token in tokens)

    def _finish(self, tokens: list[_Token], comment: bytes, separator: bytes) -> None:
        if tokens or comment:
            self.found.append(_address(tokens, comment))
        if separator == b";" and self.in_group:
            self.in_group = False
            self.found.append(_GROUP_END)


def _address(tokens: list[_Token], comment: bytes) -> HeaderAddress:
    """What the tokens between two separators say; a comment is a name where there is no other."""
    kinds = [token.kind for token in tokens]
    name = comment or None
    route = None
    spec = tokens
    if b"<" in kinds:
        opened = kinds.index(b"<")
        closed = kinds.index(b">", opened) if b">" in kinds[opened:] else len(kinds)
        name = _phrase(tokens[:opened]) or name
        spec = tokens[opened + 1 : closed]
        if spec and spec[0].kind == b"@" and b":" in kinds[opened:closed]:
            colon = kinds.index(b":", opened) - opened - 1
            route, spec = b"".join(token.text for token in spec[:colon]), spec[colon + 1 :]
    spec = [token for token in spec if token.kind not in {b"<", b">"}]
    ats = [at for at, token in enumerate(spec) if token.kind == b"@"]
    if ats:
        phrase, mailbox = _local(spec[: ats[-1]])
        host = b"".join(token.text for token in spec[ats[-1] + 1 :])
        return HeaderAddress(name or phrase or None, route, mailbox, host)
    if len(spec) == 1 and not spec[0].kind:
        return HeaderAddress(name, route, spec[0].text, b"")
    return HeaderAddress(name or _phrase(spec) or None, route, b"", b"")


def _local(tokens: list[_Token]) -> tuple[bytes, bytes]:
    """(words in front, local part): `a . b@c` is one local part (RFC 5322 4.4), but in
    `Some One one@example.org` only the last word is."""
    start = len(tokens) - 1
    while start > 0 and (
        not tokens[start].spaced
        or tokens[start].text[:1] == b"."
        or tokens[start - 1].text[-1:] == b"."
    ):
        start -= 1
    start = max(start, 0)
    return _phrase(tokens[:start]), b"".join(token.text for token in tokens[start:])


def _phrase(tokens: list[_Token]) -> bytes:
    """Words with one space where there was any."""
    words = [(b" " if token.spaced else b"") + token.text for token in tokens]
    return _SPACES.sub(b" ", b"".join(words)).strip()
