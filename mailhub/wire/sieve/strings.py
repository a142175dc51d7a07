"""Strings of a script: encoded characters decoded, variables found.

RFC 5228 section 2.4.2.4, RFC 5229 section 3. What a variable holds, only a run knows.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from mailhub.model.errors import Invalid
from mailhub.wire.sieve.program import Matched, Text, Variable
from mailhub.wire.sieve.tree import Place

MATCHED = 99
"""Highest number of a match variable that can be named; there are fewer."""
NAME_LENGTH = 64
"""Characters of a variable's name (RFC 5229 section 3 asks for 32)."""

_ENCODED = re.compile(
    r"\$\{(?:(hex):((?:[ \t\r\n]*[0-9a-f]{1,2}(?=[ \t\r\n}]))+[ \t\r\n]*)"
    r"|(unicode):((?:[ \t\r\n]*[0-9a-f]{1,6}(?=[ \t\r\n}]))+[ \t\r\n]*))\}",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\$\{((?:[A-Za-z_]\w*\.)*)([A-Za-z_]\w*|[0-9]+)\}", re.ASCII)
_NAME = re.compile(r"(?:global\.)?[A-Za-z_]\w*", re.ASCII | re.IGNORECASE)


def decoded(text: str) -> str:
    """`${hex:…}` and `${unicode:…}` replaced. Raises Invalid for what is no character."""
    if "${" not in text:
        return text
    pieces: list[bytes] = []
    end = 0
    for found in _ENCODED.finditer(text):
        pieces.append(text[end : found.start()].encode("utf-8", "surrogatepass"))
        if found[1]:
            pieces.append(bytes(int(one, 16) for one in found[2].split()))
        else:
            pieces.extend(_character(int(one, 16)) for one in found[4].split())
        end = found.end()
    pieces.append(text[end:].encode("utf-8", "surrogatepass"))
    return b"".join(pieces).decode("utf-8", "replace")


def _character(number: int) -> bytes:
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise Invalid(f"{number:x} is no Unicode character")
    return chr(number).encode()


def text_of(source: str, place: Place, extensions: Collection[str]) -> Text:
    """A string constant as its parts. Raises Invalid for an unknown namespace."""
    if "encoded-character" in extensions:
        source = decoded(source)
    if "variables" not in extensions or "${" not in source:
        return Text((source,) if source else (), place)
    parts: list[str | Variable | Matched] = []
    end = 0
    for found in _REFERENCE.finditer(source):
        if found.start() > end:
            parts.append(source[end : found.start()])
        parts.append(_reference(found[1].lower(), found[2].lower(), extensions))
        end = found.end()
    if end < len(source):
        parts.append(source[end:])
    return Text(tuple(parts), place)


def _reference(namespace: str, name: str, extensions: Collection[str]) -> Variable | Matched:
    if namespace and not (namespace == "global." and "include" in extensions):
        raise Invalid(f"Unknown namespace of variables: {namespace[:-1]}")
    if name.isdigit():
        if namespace or len(name) > 3 or int(name) > MATCHED:
            raise Invalid(f"There is no match variable {namespace}{name[:10]}")
        return Matched(int(name))
    return Variable(variable_name(namespace + name))


def variable_name(name: str) -> str:
    """A variable's name, folded. Raises Invalid."""
    if _NAME.fullmatch(name) is None:
        raise Invalid(f"{name[:NAME_LENGTH]!r} is no name of a variable")
    if len(name) > NAME_LENGTH:
        raise Invalid("The variable's name is too long")
    return name.lower()
