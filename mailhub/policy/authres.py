"""Authentication-Results (RFC 8601): written, read, and told apart from forged ones.

Whatever comes from a message or its sender is quoted here before it becomes part of the field, so
that no domain, selector or address can say anything in our name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailhub.model.errors import Invalid

NAME = "Authentication-Results"
_FOLDED = NAME.lower().encode()
LENGTH = 64 * 1024
"""Octets of a field that is read at all."""
FIELDS = 50
"""Fields of a message that are looked at, whether they are ours."""
_HEAD = 1000
_COMMENTS = 20
VALUE = 320
"""Characters of one value that are written: more than any address has."""
_LINE = 76
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")
_ADDRESS = re.compile(
    r"(?:[A-Za-z0-9!#$%&'*+^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+^_`{|}~-]+)*)?@[\w.-]+", re.ASCII
)
_NOISE = re.compile(r'[\\"\s]')
_NO_TEXT = re.compile(r"[^ -~]")
_QUOTING = re.compile(r'["\\]')
_OUTSIDE = re.compile(r'[^("]++|"(?>(?:[^"\\]++|\\.)*)"?|\(', re.DOTALL)
_INSIDE = re.compile(r"[^()\\]++|\\.?|[()]", re.DOTALL)
_KEY = r"[A-Za-z0-9_-]++(?>(?:\s*+\.\s*+[A-Za-z0-9_-]++)*)"
_PAIR = re.compile(
    rf'\s*+({_KEY})\s*+(?>(?:/\s*+\d++\s*+)?)=\s*+(?:"((?>(?:[^"\\]++|\\.)*))"|([^\s"]++))\s*+',
    re.DOTALL,
)
_ID = re.compile(r'\s*+(?:"((?>(?:[^"\\]++|\\.)*))"|([^\s";/]++))\s*+(\d*+)\s*+', re.DOTALL)
_PART = re.compile(r'(?>(?:[^";]++|"(?>(?:[^"\\]++|\\.)*)"?)*)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_OWN = re.compile(
    rb"^Authentication-Results[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Result:
    """One `resinfo`. `properties`: (`ptype.property`, value), in order."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()
    reason: str = ""

    def get(self, name: str) -> str:
        """The value of a property, or empty."""
        return next((value for key, value in self.properties if key == name), "")


@dataclass(frozen=True, slots=True)
class Results:
    """A whole field, as its writer meant it."""

    authserv_id: str
    results: tuple[Result, ...]


def field(authserv_id: str, results: Sequence[Result]) -> bytes:
    """The field with its name and CRLF."""
    return f"{NAME}: {value(authserv_id, results)}\r\n".encode()


def value(authserv_id: str, results: Sequence[Result]) -> str:
    """The field's value, folded, in ASCII."""
    if not results:
        return f"{quoted(authserv_id)}; none"
    return quoted(authserv_id) + "".join(f";\r\n\t{_folded(_words(one))}" for one in results)


def quoted(text: str) -> str:
    """`text` as a pvalue: as it is where nothing in it could mean anything else."""
    text = _NO_TEXT.sub("?", text[:VALUE])
    if _TOKEN.fullmatch(text) or _ADDRESS.fullmatch(text):
        return text
    return '"' + _QUOTING.sub(r"\\\g<0>", text) + '"'


def _words(one: Result) -> Iterable[str]:
    yield f"{one.method}={one.result}"
    if one.reason:
        yield f"reason={quoted(one.reason)}"
    for name, text in one.properties:
        yield f"{name}={quoted(text)}"


def _folded(words: Iterable[str]) -> str:
    text, room = "", _LINE
    for word in words:
        if text and room < len(word) + 1:
            text, room = f"{text}\r\n\t\t", _LINE - 16
        elif text:
            text += " "
        text += word
        room -= len(word) + 1
    return text


def parse(raw: bytes) -> Results:
    """What a field's raw value says. Raises Invalid."""
    if len(raw) > LENGTH:
        raise Invalid("The field is too long")
    try:
        text = _plain(raw.decode())
    except UnicodeDecodeError:
        raise Invalid("The field is not UTF-8") from None
    head = _ID.match(text)
    if head is None or head[3] not in ("", "1"):
        raise Invalid("The field names no service")
    authserv_id = head[2] or _ESCAPE.sub(r"\1", head[1] or "")
    results = []
    at = head.end()
    while at < len(text):
        if text[at] != ";":
            raise Invalid("The field is malformed")
        part = _PART.match(text, at + 1)
        assert part is not None  # it takes nothing, too
        at = part.end()
        said = part[0].strip()
        if said and said.lower() != "none":
            results.append(_result(said))
    return Results(authserv_id, tuple(results))


def _result(text: str) -> Result:
    pairs = []
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            raise Invalid("A result is malformed")
        at = pair.end()
        plain = pair[3] if pair[2] is None else _ESCAPE.sub(r"\1", pair[2])
        pairs.append(("".join(pair[1].lower().split()), plain))
    (method, result), *rest = pairs
    reason = next((said for name, said in rest if name == "reason"), "")
    properties = tuple(pair for pair in rest if pair[0] != "reason")
    return Result(method, result.lower(), properties, reason)


def _plain(text: str) -> str:
    """The text without its comments; those may nest (RFC 5322 3.2.2)."""
    if "(" not in text:
        return text
    kept: list[str] = []
    at = 0
    while at < len(text):
        piece = _OUTSIDE.match(text, at)
        assert piece is not None  # its alternatives together take anything
        at = piece.end()
        if piece[0] != "(":
            kept.append(piece[0])
            continue
        depth = 1
        while depth and at < len(text):
            piece = _INSIDE.match(text, at)
            assert piece is not None
            at = piece.end()
            depth += (piece[0] == "(") - (piece[0] == ")")
        kept.append(" ")
    return "".join(kept)


def without_claims(block: bytes, authserv_id: str) -> bytes:
    """A header block without the fields that anybody could take for ours (RFC 8601 5)."""
    if _FOLDED not in block.lower():
        return block
    kept: list[bytes] = []
    at = 0
    for number, one in enumerate(_OWN.finditer(block)):
        if number == FIELDS:
            # Nobody writes so many: the rest goes unread.
            return b"".join(kept) + _OWN.sub(b"", block[at:])
        kept.append(block[at : one.start()])
        at = one.end()
        if not claims(one[1], authserv_id):
            kept.append(one[0])
    return b"".join(kept) + block[at:]


def claims(raw: bytes, authserv_id: str) -> bool:
    """Whether any reader, however lenient, could take a field with this raw value for ours."""
    folded = b" ".join(raw.split())
    text = folded[:_HEAD].decode("latin-1").lower()
    if text.count("(") > _COMMENTS:
        return True  # no program writes so many comments first
    plain = _plain(text)
    if len(folded) > _HEAD and ";" not in plain:
        return True  # nor so long a name; it goes unread
    name = authserv_id.lower()
    heads = (one.partition(";")[0] for one in (text, plain))
    return any(name in _NOISE.sub("", head) for head in heads)
