"""Fields of a header block, raw and in order, and the selections that IMAP makes of them.

A block is the bytes from a message's or part's start up to and including its empty line. What is
inside a value is read elsewhere: `wire.words`, `wire.dates`, `wire.addresslist`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from mailhub.wire import charsets

# A name may be followed by spaces before its colon (RFC 5322 4.5.8). A line that is neither a
# field nor a continuation belongs to no field.
_FIELD = re.compile(rb"\n([^\s:]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)")
_LINE = re.compile(rb"(?:([^\s:]++)[ \t]*+:)?[^\n]*+(?:\n[ \t][^\n]*+)*+\n?")
_ID = re.compile(rb'<(?>(?:[^<>"\s]|"[^"<>\r\n]*")+)>')
_QUOTING = re.compile(rb'[\\"]')
_LAST_LINE = re.compile(rb"(?:\A|\n)(\r?\n)\Z")
_EMPTY_LINES = (b"\r\n", b"\n", b"")

_PASSED_OVER = rb"[^a-z:\n-]*+"
LINES = 100_000
"""Fields of one header that are looked at one by one: a tenth of a second at worst."""
_FEW_NAMES = 32
_SMALL = 64 * 1024


def fields(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name in lower case, raw value) of every field, in order."""
    for field in _FIELD.finditer(b"\n" + block):
        yield field[1].lower(), field[2]


def written_fields(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name as it is written, raw value without its last line end) of every field, in order."""
    for field in _FIELD.finditer(b"\n" + block):
        yield field[1], field[2].removesuffix(b"\r")


def edited(block: bytes, edits: Sequence[tuple[bytes, int, bytes]]) -> bytes:
    """A block with fields changed: (name, which of those of that name, counted from 1, its new raw
    value; empty: it goes). One that is not there is added at the end, as milters have it."""
    wanted: dict[tuple[bytes, int], tuple[bytes, bytes]] = {}
    for name, number, value in edits:
        wanted[name.lower(), max(number, 1)] = name, value
    seen: dict[bytes, int] = {}

    def change(line: re.Match[bytes]) -> bytes:
        name = (line[1] or b"").lower()
        seen[name] = number = seen.get(name, 0) + 1
        change = wanted.pop((name, number), None) if name else None
        if change is None:
            return line[0]
        return b"%b:%b\r\n" % (line[1], change[1]) if change[1] else b""

    end = _empty_line(block)
    kept = _LINE.sub(change, block[: len(block) - len(end)])
    added = b"".join(b"%b:%b\r\n" % one for one in wanted.values() if one[1])
    return kept + added + end


def values(block: bytes, name: bytes) -> list[bytes]:
    """The raw values of every field called `name` (in lower case), in order."""
    return _values(name).findall(b"\n" + block)


@lru_cache(maxsize=64)
def _values(name: bytes) -> re.Pattern[bytes]:
    return re.compile(
        rb"\n%b[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)" % re.escape(name), re.IGNORECASE
    )


def claims(block: bytes, name: bytes) -> int:
    """Lines that one reader or another takes for a field called `name` (in lower case, of letters):
    with a NUL or a space in it, say."""
    return len(_claims(name).findall(b"\n" + block))


@lru_cache(maxsize=64)
def _claims(name: bytes) -> re.Pattern[bytes]:
    letters = b"".join(b"%c%b" % (letter, _PASSED_OVER) for letter in name)
    return re.compile(rb"\n(?![ \t])%b%b:" % (_PASSED_OVER, letters), re.IGNORECASE)


def select_fields(block: bytes, names: Collection[bytes], *, negate: bool = False) -> bytes:
    """HEADER.FIELDS and HEADER.FIELDS.NOT: the named fields, or all others, byte for byte and in
    order, then the empty line where the block has one (RFC 9051 6.4.5.1).

    `names` in any case. Lines that belong to no field go with the others. Fields behind the
    first `LINES` of a header are left out.
    """
    if not negate and 0 < len(names) <= _FEW_NAMES and len(block) <= _SMALL:
        return _named(block, tuple(names))
    wanted = {name.lower() for name in names}
    kept: list[bytes] = []
    for line in islice(_LINE.finditer(block), LINES):
        text = line[0]
        if text in _EMPTY_LINES:
            break
        name = line[1]
        if (name is not None and name.lower() in wanted) != negate:
            kept.append(text)
    return b"".join(kept) + _empty_line(block)


def _named(block: bytes, names: tuple[bytes, ...]) -> bytes:
    """The usual case, five times as fast: a client asks all messages for the same few fields."""
    found = _pattern(names).findall(b"\n" + block)
    if not found:
        return _empty_line(block)
    selected: bytes = b"\n".join(found)
    if not (b"\n" + block).endswith(b"\n" + found[-1]):
        selected += b"\n"  # the pattern leaves it to the next field
    return selected + _empty_line(block)


@lru_cache(maxsize=64)
def _pattern(names: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Finds the fields that are called one of `names`."""
    any_name = b"|".join(map(re.escape, names))
    return re.compile(rb"\n((?:%b)[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+)" % any_name, re.IGNORECASE)


def _empty_line(block: bytes) -> bytes:
    """The empty line that ends a block, or nothing."""
    found = _LAST_LINE.search(block, max(0, len(block) - 3))
    return found[1] if found is not None else b""


def message_ids(value: bytes, limit: int = 1000) -> list[str]:
    """Message ids of a References, In-Reply-To or Message-ID value, with their brackets: the
    first, and the last of the others where there are more than `limit` (RFC 5537 3.4.4).

    Quoting inside an id is removed: `<"a"@b>` and `<a@b>` are one (RFC 5256 section 3).
    """
    found = _ID.findall(value)
    if len(found) > limit:
        found = found[:1] + (found[1 - limit :] if limit > 1 else [])
    return [charsets.decode(_QUOTING.sub(b"", id) if b'"' in id else id) for id in found]
