"""What the other server says of folders and messages, as values: made from what the IMAP library
gives, without any input or output but a message's own file."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import Any

from mailhub.switching.following import FlagNames, folded

RUN = 500
"""Messages of which one command asks something small."""
TOGETHER = 2 << 20
"""Octets of bodies that one command asks for, and from which on a message is read in pieces."""
PIECE = 1 << 20
UNREADABLE = 0
"""INTERNALDATE of a message whose date cannot be read: the epoch is no date of mail."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder that is open. `modseq`: 0 where the server has none (RFC 7162)."""

    validity: int
    uidnext: int
    modseq: int
    messages: int


@dataclass(frozen=True, slots=True)
class Facts:
    """A message without its body. `names`: its flags as they are spelled there; `date`:
    INTERNALDATE, epoch seconds; `size`: as the server says it."""

    names: tuple[str, ...]
    size: int
    date: int

    @property
    def flags(self) -> FlagNames:
        """As they are compared."""
        return folded(self.names)


class Body:
    """A message whose octets came, to be closed. Damaged ones have `why` and none."""

    def __init__(
        self, uid: int, source: bytes | SpooledTemporaryFile[bytes], size: int, why: str = ""
    ) -> None:
        self.uid = uid
        self.size = size
        self.why = why
        self._source = source

    def pieces(self) -> Iterator[bytes]:
        """All of it, from the start."""
        if isinstance(self._source, bytes):
            yield self._source
            return
        self._source.seek(0)
        while piece := self._source.read(PIECE):
            yield piece

    def digest(self) -> bytes:
        """What tells it from other messages."""
        total = hashlib.sha256()
        for piece in self.pieces():
            total.update(piece)
        return total.digest()[:16]

    def close(self) -> None:
        """Lets go of it."""
        if not isinstance(self._source, bytes):
            self._source.close()


def runs(
    uids: Sequence[int], facts: Mapping[int, Facts], alone: Collection[int]
) -> Iterator[list[int]]:
    """UIDs whose bodies are asked for together. `alone`: those that are asked for by themselves."""
    run: list[int] = []
    total = 0
    for uid in uids:
        if uid not in facts:
            continue
        size = facts[uid].size
        if run and (total + size > TOGETHER or len(run) >= RUN or uid in alone or run[-1] in alone):
            yield run
            run, total = [], 0
        run.append(uid)
        total += size
    if run:
        yield run


def names_of(row: Mapping[bytes, Any]) -> tuple[str, ...]:
    return tuple(text_of(one) for one in row.get(b"FLAGS") or ())


def attributes(flags: Sequence[bytes]) -> frozenset[str]:
    return frozenset(text_of(one).lower() for one in flags)


def date_of(value: object) -> int:
    return int(value.timestamp()) if isinstance(value, datetime) else UNREADABLE


def modseq_of(value: object) -> int:
    """The library gives a number, or a list of one."""
    found = value[0] if isinstance(value, (list, tuple)) and value else value
    return int(found) if isinstance(found, (int, bytes)) and found else 0


def text_of(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
