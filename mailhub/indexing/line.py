"""The server at the other end of standard input and output.

It says that there is something new, with an empty line, and that it ends, by closing; what the
process does it hears in lines. Where the process cannot read all bodies itself, it asks for them:
`bodies [[segment, offset, length], …]`; the answer is a line with the octets of each, -1 for one
that is missing, and the octets; or `away`. What is secret (where a database is) the server says
first, in a line of JSON: others could read it among the words of the command.
"""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mailhub.model.message import BlobRef

ASKED = "bodies "
"""Begins the line in which bodies are asked for."""
BEHIND = "behind "
"""Begins the line that says how many messages wait."""
AWAY = "away"
PIECE = 1 << 20
"""Octets that are asked for at once: the server has them in memory."""
Say = Callable[[str], None]


class EndedError(Exception):
    """The server is gone."""


class AwayError(Exception):
    """Bodies cannot be had just now."""


class Line:
    """Both directions. `source`, `target`: descriptors."""

    def __init__(self, source: int = 0, target: int = 1) -> None:
        self._source = source
        self._target = target
        self._read = bytearray()
        self._said = ""

    def told(self) -> Any:
        """The first line, which is JSON. Raises EndedError."""
        return json.loads(self._line())

    def say(self, what: str) -> None:
        """What is being done; once. Raises BrokenPipeError."""
        if what != self._said:
            self._said = what
            self._write(what)

    def behind(self, count: int) -> None:
        """How many messages are to be taken in. Raises BrokenPipeError."""
        self._write(f"{BEHIND}{count}")

    def ended(self, seconds: float) -> bool:
        """Waits so long for a word; whether the server is gone."""
        ready, _, _ = select.select([self._source], [], [], seconds)
        return bool(ready) and not os.read(self._source, 4096)

    def bodies(self, refs: Sequence[BlobRef]) -> list[bytes | None]:
        """What stands there; None for what is missing. Raises AwayError, EndedError,
        BrokenPipeError."""
        found: list[bytearray | None] = [bytearray() for _ in refs]
        for group in _groups(refs):
            answer = self._ask([part for _, part in group])
            for (place, _), octets in zip(group, answer, strict=True):
                one = found[place]
                if octets is None or one is None:
                    found[place] = None
                else:
                    one += octets
        return [None if one is None else bytes(one) for one in found]

    def _ask(self, refs: Sequence[BlobRef]) -> list[bytes | None]:
        wanted = [(ref.segment, ref.offset, ref.length) for ref in refs]
        self._write(ASKED + json.dumps(wanted, separators=(",", ":")))
        while not (line := self._line()):
            continue  # news that came meanwhile: there is work under way
        if line == AWAY:
            raise AwayError
        return [None if size < 0 else self._octets(size) for size in map(int, line.split())]

    def _write(self, line: str) -> None:
        data = line.encode("utf-8", "replace").replace(b"\n", b" ") + b"\n"
        while data:
            data = data[os.write(self._target, data) :]

    def _line(self) -> str:
        while (end := self._read.find(b"\n")) < 0:
            self._fill()
        line = self._octets(end + 1)
        return line[:-1].decode()

    def _octets(self, count: int) -> bytes:
        while len(self._read) < count:
            self._fill()
        found = bytes(self._read[:count])
        del self._read[:count]
        return found

    def _fill(self) -> None:
        data = os.read(self._source, 1 << 18)
        if not data:
            raise EndedError
        self._read += data


def _groups(refs: Sequence[BlobRef]) -> Iterator[list[tuple[int, BlobRef]]]:
    """What is asked for at once: parts of bodies, each with its body's place."""
    group: list[tuple[int, BlobRef]] = []
    room = PIECE
    for place, ref in enumerate(refs):
        for start in range(0, ref.length, PIECE):
            length = min(PIECE, ref.length - start)
            if length > room and group:
                yield group
                group, room = [], PIECE
            group.append((place, BlobRef(ref.segment, ref.offset + start, length)))
            room -= length
    if group:
        yield group
