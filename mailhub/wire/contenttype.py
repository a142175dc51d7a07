"""Structured MIME field values: a type or a token, and its parameters (RFC 2045 5.1, RFC 2183).

Parameters stay as they are spelled, RFC 2231 continuations and charsets included: IMAP shows them
so, and a client puts them together. Any bytes give a value; nothing raises.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from mailhub.wire.words import unfold

PARAMETERS = 128
"""Parameters of one field that are read."""

LENGTH = 32 * 1024
"""Bytes of a value that are read."""

_SHORT = 200
"""Bytes of a value that is remembered."""

Parameters = tuple[tuple[bytes, bytes], ...]

_TOKEN = rb'[^\s/;()<>@,:\\"\[\]?=]++'
_TYPE = re.compile(rb"\s*+(%b)\s*+/\s*+(%b)\s*+(?=;|\Z|[^/=])" % (_TOKEN, _TOKEN))
_WORD = re.compile(rb"\s*+(%b)" % _TOKEN)
_PARAMETER = re.compile(
    rb';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?>(?:[^"\\]++|\\.)*))"?|([^;\s]*+))', re.DOTALL
)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_SKIPPED = re.compile(rb'("(?>(?:[^"\\]++|\\.)*)"?)|\\.|[()]', re.DOTALL)


class ContentType(NamedTuple):
    """A Content-Type as written, and `media`, its type/subtype in lower case."""

    maintype: bytes
    subtype: bytes
    parameters: Parameters
    media: bytes

    def parameter(self, name: bytes) -> bytes:
        """The value of the first parameter of that name (in lower case), or empty."""
        return parameter(self.parameters, name)


TEXT_PLAIN = ContentType(b"text", b"plain", ((b"charset", b"us-ascii"),), b"text/plain")
"""What a part without a readable Content-Type is (RFC 2045 5.2)."""
MESSAGE = ContentType(b"message", b"rfc822", (), b"message/rfc822")
"""What it is inside a multipart/digest (RFC 2046 5.1.5)."""
OPAQUE = ContentType(b"application", b"octet-stream", (), b"application/octet-stream")
"""What a part counts as that is not looked into."""


def parse(value: bytes, default: ContentType = TEXT_PLAIN) -> ContentType:
    """A Content-Type's raw value; `default` where it names no type."""
    return _parse(value, default) if len(value) <= _SHORT else _parse.__wrapped__(value, default)


@lru_cache(maxsize=1000)
def _parse(value: bytes, default: ContentType) -> ContentType:
    """A dozen values stand in nearly all parts."""
    value = _plain(value)
    found = _TYPE.match(value)
    if found is None:
        return default
    maintype, subtype = found[1], found[2]
    media = b"%b/%b" % (maintype.lower(), subtype.lower())
    return ContentType(maintype, subtype, _parameters(value, found.end()), media)


def disposition(value: bytes) -> tuple[bytes, Parameters] | None:
    """A Content-Disposition's kind, as written, and its parameters; None where it has no kind."""
    value = _plain(value)
    found = _WORD.match(value)
    return None if found is None else (found[1], _parameters(value, found.end()))


def words(value: bytes) -> list[bytes]:
    """The tokens of a comma-separated value (Content-Language, RFC 3282)."""
    found = (_WORD.match(item) for item in _plain(value).split(b",", PARAMETERS)[:PARAMETERS])
    return [word[1] for word in found if word is not None]


def token(value: bytes) -> bytes:
    """The one token of a value such as Content-Transfer-Encoding, as written, or empty."""
    found = _WORD.match(_plain(value))
    return b"" if found is None else found[1]


def parameter(parameters: Parameters, name: bytes) -> bytes:
    """The value of the first parameter of that name (in lower case), or empty.

    One that is only there in RFC 2231's spelling is put together, its charset left out.
    """
    extended: dict[bytes, bytes] = {}
    for found, value in parameters:
        folded = found.lower()
        if folded == name:
            return value
        if folded.startswith(name + b"*"):
            extended.setdefault(folded[len(name) + 1 :], value)
    return _extended(extended) if extended else b""


def _extended(sections: dict[bytes, bytes]) -> bytes:
    """RFC 2231: by what follows the name and its star; `` and `0*` begin with charset'language'."""
    if b"" in sections:
        return unquote_to_bytes(sections[b""].split(b"'", 2)[-1])
    value = b""
    for number in range(len(sections)):
        plain, coded = sections.get(b"%d" % number), sections.get(b"%d*" % number)
        if coded is not None:
            value += unquote_to_bytes(coded.split(b"'", 2)[-1] if number == 0 else coded)
        elif plain is not None:
            value += plain
    return value


def _parameters(value: bytes, start: int) -> Parameters:
    if start >= len(value):
        return ()
    found: list[tuple[bytes, bytes]] = []
    for match in _PARAMETER.finditer(value, start):
        name, quoted, plain = match.groups()
        if quoted is None:
            quoted = plain
        elif b"\\" in quoted:
            quoted = _ESCAPE.sub(rb"\1", quoted)
        found.append((name, quoted))
        if len(found) == PARAMETERS:
            break
    return tuple(found)


def _plain(value: bytes) -> bytes:
    """The value on one line and without comments (RFC 5322 3.2.2)."""
    value = unfold(value[:LENGTH])
    if b"(" not in value:
        return value
    kept: list[bytes] = []
    depth = start = 0
    for found in _SKIPPED.finditer(value):
        mark = found[0]
        if mark == b"(":
            if not depth:
                kept.append(value[start : found.start()])
            depth += 1
        elif mark == b")" and depth:
            depth -= 1
            start = found.end()
    if not depth:
        kept.append(value[start:])
    return b" ".join(kept)
