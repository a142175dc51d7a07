"""Events as `text/event-stream` writes them (HTML, 9.2), and those of one feed that are still kept.

Pure: knows neither who listens, nor where events come from.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from mailhub.model.event import Place


@dataclass(slots=True)
class Written:
    """Pieces that were written: consecutive events. `first`: the number of the first one; `before`:
    what place stands before it."""

    before: Place
    first: int = 0
    octets: int = 0
    pieces: deque[tuple[Place, bytes]] = field(default_factory=deque)

    @property
    def end(self) -> int:
        """The number of the piece that comes next."""
        return self.first + len(self.pieces)

    @property
    def last(self) -> Place:
        """Of the newest piece."""
        return self.pieces[-1][0] if self.pieces else self.before

    def add(self, place: Place, piece: bytes) -> None:
        self.pieces.append((place, piece))
        self.octets += len(piece)

    def trim(self, most: int) -> None:
        """Forgets the oldest ones past `most` octets."""
        while self.octets > most and len(self.pieces) > 1:
            self.before, piece = self.pieces.popleft()
            self.octets -= len(piece)
            self.first += 1

    def behind(self, place: Place) -> int | None:
        """The number of the first piece behind `place`; None where that may be forgotten."""
        if place < self.before:
            return None
        number = self.end
        for at, _ in reversed(self.pieces):
            if at <= place:
                break
            number -= 1
        return number

    def joined(self, start: int) -> bytes:
        """All pieces from number `start` on."""
        newest = islice(reversed(self.pieces), self.end - start)
        return b"".join([data for _, data in newest][::-1])


def piece(shape: Mapping[str, object], place: Place | None = None) -> bytes:
    """One event of a stream. JSON has no line ends of its own."""
    data = json.dumps(shape, ensure_ascii=False, separators=(",", ":"))
    id = f"id: {place.text()}\n" if place is not None else ""
    return f"data: {data}\n{id}\n".encode("utf-8", "replace")


def comment(words: str, place: Place | None) -> bytes:
    """What is no event. An id without data is none either (HTML, 9.2.6), but where the client goes
    on when it comes back."""
    id = f"id: {place.text()}\n" if place is not None else ""
    return f": {words}\n{id}\n".encode()
