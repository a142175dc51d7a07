"""A message's header as a script sees and edits it (RFC 5228 2.4.2.2, RFC 5293).

As long as nothing is edited, values are looked up in the block that came.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterator
from email.header import Header as EncodedHeader

from mailhub.policy.sieve import addresses
from mailhub.wire import header, words

_LINES = re.compile(rb"(?:([^\s:]++)[ \t]*+:)?[^\n]*+\n?(?>(?:[ \t][^\n]*+\n?)*)")
_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]+[ \t]*")
SLICE = 1000
"""Fields that are read between two chances for others to run."""
_LINE = 76
_LONGEST = 998


class Fields:
    """A header block, with its empty line where it has one. `ahead`: fields that stand before it in
    this copy alone; they are seen, and never edited."""

    def __init__(self, block: bytes, ahead: bytes = b"") -> None:
        self._block = block
        self._ahead = ahead
        self._lines: list[tuple[bytes, bytes]] | None = None
        self._changed = False
        self._edited: bytes | None = None
        self._raw: dict[str, list[bytes]] = {}
        self._values: dict[str, list[str]] = {}
        self._addresses: dict[bytes, list[tuple[str, str]]] = {}

    @property
    def edited(self) -> bytes | None:
        """The block as it is now; None where it is as it came."""
        if self._changed and self._edited is None and self._lines is not None:
            self._edited = b"".join(line for _, line in self._lines)
        return self._edited

    def raw(self, name: str) -> list[bytes]:
        """The raw values of a field, in order."""
        name = name.lower()
        known = self._raw.get(name)
        if known is None:
            wanted = name.encode("utf-8", "replace")
            known = header.values(self._ahead, wanted) if self._ahead else []
            known += header.values(self.edited or self._block, wanted)
            self._raw[name] = known
        return known

    def values(self, name: str) -> Generator[None, None, list[str]]:
        """The same as text: unfolded, trimmed, encoded words decoded. Yields between slices."""
        name = name.lower()
        known = self._values.get(name)
        if known is None:
            known = []
            for value in self.raw(name):
                known.append(words.decode(value))
                if not len(known) % SLICE:
                    yield
            self._values[name] = known
        return known

    def addresses(self, value: bytes) -> Generator[None, None, list[tuple[str, str]]]:
        """(local part, domain) of every address of a raw value; yields between slices."""
        known = self._addresses.get(value)
        if known is None:
            known = self._addresses[value] = yield from addresses.of_field(value)
        return known

    def _forget(self) -> None:
        self._changed = True
        self._edited = None
        self._raw.clear()
        self._values.clear()

    # -- editing

    def add(self, name: str, value: str, *, last: bool) -> Generator[None, None, int]:
        """A new field at the top, or at the end; how many octets it takes. Yields between slices
        of a long header."""
        line = written(name, value)
        lines = yield from self._split()
        entry = (name.lower().encode(), line)
        if not last:
            lines.insert(0, entry)
        else:
            end = len(lines)
            while end and not lines[end - 1][1].strip():
                end -= 1
            if end and not lines[end - 1][1].endswith(b"\n"):
                lines[end - 1] = (lines[end - 1][0], lines[end - 1][1] + b"\r\n")
            lines.insert(end, entry)
        self._forget()
        return len(line)

    def remove(self, name: str, chosen: Collection[int]) -> Generator[None, None, None]:
        """Removes those fields of a name whose places among them are chosen; counts from 0."""
        wanted = name.lower().encode()
        lines = yield from self._split()
        places = [at for at, (found, _) in enumerate(lines) if found == wanted]
        gone = {places[place] for place in chosen if place < len(places)}
        if gone:
            self._lines = [line for at, line in enumerate(lines) if at not in gone]
            self._forget()

    def _split(self) -> Generator[None, None, list[tuple[bytes, bytes]]]:
        if self._lines is None:
            lines: list[tuple[bytes, bytes]] = []
            for line in _lines(self._block):
                lines.append(line)
                if not len(lines) % SLICE:
                    yield
            self._lines = lines
        return self._lines


def _lines(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name in lower case or empty, whole line or lines) of everything in a block."""
    for found in _LINES.finditer(block):
        if found[0]:
            yield (found[1] or b"").lower(), found[0]


def written(name: str, value: str) -> bytes:
    """A field as it goes into a header: one field whatever the value holds, encoded where it is no
    ASCII (RFC 2047), folded."""
    text = _BREAKS.sub(" ", value).strip()
    if not text.isascii():
        text = EncodedHeader(text, "utf-8", header_name=name, maxlinelen=_LINE).encode()
        return f"{name}: {text}".replace("\r\n", "\n").replace("\n", "\r\n").encode() + b"\r\n"
    line = f"{name}: {text}"
    if len(line) <= _LINE:
        return line.encode() + b"\r\n"
    return b"\r\n ".join(_folded(line)) + b"\r\n"


def _folded(line: str) -> Iterator[bytes]:
    """Cut at spaces; a word that no line may hold is cut where it must be."""
    held = ""
    for word in line.split(" "):
        while len(word) > _LONGEST - 1:
            if held:
                yield held.encode()
            held, word = word[: _LONGEST - 1], word[_LONGEST - 1 :]
        if held and len(held) + 1 + len(word) > _LINE:
            yield held.encode()
            held = word
        else:
            held = f"{held} {word}" if held else word
    yield held.encode()
