"""The order in which domains are shown: what is of this server's own zone comes first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from mailhub.wire import address as grammar

_Row = TypeVar("_Row")


def zone_of(name: str, names: Collection[str]) -> str:
    """The topmost of `names` that `name` is, or is below."""
    labels = name.split(".")
    for start in range(max(0, len(labels) - 1), -1, -1):
        candidate = ".".join(labels[start:])
        if candidate in names:
            return candidate
    return name


def ordered(names: Iterable[str], hostname: str) -> list[str]:
    """Domains by zone, that of this server first; a zone before what is below it."""
    known = set(names)
    home = zone_of(hostname, known)

    def place(name: str) -> tuple[bool, str, list[str]]:
        zone = zone_of(name, known)
        return zone != home, zone, name.split(".")[::-1]

    return sorted(known, key=place)


def by_domain(
    rows: Sequence[_Row], address: Callable[[_Row], str], hostname: str
) -> list[tuple[str, list[_Row]]]:
    """Rows under the domain of their address, in the order of domains, else in their own."""
    grouped: dict[str, list[_Row]] = {}
    for row in rows:
        grouped.setdefault(address(row).rpartition("@")[2], []).append(row)
    return [(name, grouped[name]) for name in ordered(grouped, hostname)]


def readable_domain(name: str) -> str:
    """A domain as people read it."""
    return grammar.readable(f"a@{name}")[2:]
