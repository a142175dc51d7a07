"""Which node of a Redis Cluster has which key: hash slots, the map of them, and redirections.

Pure; who asks nodes is `coord.redis.cluster`.
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

SLOTS = 16384
Place = tuple[str, int]
"""Host and port."""


def slot_of(key: str) -> int:
    """The hash slot of a key: of what stands between the first brace and the next closing one,
    where that is anything, else of all of it."""
    start = key.find("{")
    end = key.find("}", start + 1)
    tag = key[start + 1 : end] if start >= 0 and end > start + 1 else key
    return crc_hqx(tag.encode(), 0) % SLOTS


@dataclass(frozen=True, slots=True)
class Range:
    """Slots `first` to `last`, both included, at the master `place`."""

    first: int
    last: int
    place: Place


@dataclass(frozen=True, slots=True)
class SlotMap:
    """Who has which slots. Later ranges go before earlier ones. `replicas`: where else nodes are
    that can be asked."""

    ranges: Sequence[Range] = ()
    replicas: Sequence[Place] = ()

    def owner(self, slot: int) -> Place | None:
        """The master that has it; None where nobody does."""
        for one in reversed(self.ranges):
            if one.first <= slot <= one.last:
                return one.place
        return None

    def owners(self) -> Sequence[Place]:
        """All masters with slots, each once."""
        return list(dict.fromkeys(one.place for one in self.ranges))

    def moved(self, slot: int, place: Place) -> SlotMap:
        """The same, but for one slot."""
        return replace(self, ranges=(*self.ranges, Range(slot, slot, place)))


def parse_slots(reply: Any, asked: Place) -> SlotMap:
    """The answer to CLUSTER SLOTS of the node at `asked`. Raises ValueError.

    A node whose address is not known there, or is the one that was asked by a name of its own, is
    told with an empty or null host: then it is the one of `asked`. One told as `?` cannot be
    reached, and has no place here.
    """
    ranges: list[Range] = []
    replicas: list[Place] = []
    if not isinstance(reply, list):
        raise ValueError("no map of slots")
    for row in reply:
        try:
            first, last, *nodes = row
            places = [_place(one, asked) for one in nodes]
            master = places[0]
        except (IndexError, TypeError, ValueError):
            raise ValueError("no map of slots") from None
        if master is not None:
            ranges.append(Range(int(first), int(last), master))
        replicas += [place for place in places[1:] if place is not None]
    return SlotMap(tuple(ranges), tuple(dict.fromkeys(replicas)))


def _place(node: Sequence[Any], asked: Place) -> Place | None:
    host = _text(node[0])
    return None if host == "?" else (host or asked[0], int(node[1]))


def _text(word: object) -> str:
    if word is None:
        return ""
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)


@dataclass(frozen=True, slots=True)
class Redirection:
    """Where a command should go. `once`: this one alone, with ASKING before it; else the slot has
    moved for good."""

    slot: int
    place: Place
    once: bool


def parse_redirection(error: str, asked: Place) -> Redirection | None:
    """Of an error like `MOVED 3999 127.0.0.1:6381` or `ASK 3999 [::1]:6381` that the node at
    `asked` answered; None of any other."""
    words = error.split(" ")
    if len(words) < 3 or words[0] not in ("MOVED", "ASK") or not words[1].isdecimal():
        return None
    host, _, port = words[2].rpartition(":")
    if not port.isdecimal() or int(words[1]) >= SLOTS:
        return None
    place = (host.strip("[]") or asked[0], int(port))
    return Redirection(int(words[1]), place, words[0] == "ASK")
