"""Directories that accounts come from, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from mailhub.model.change import Actor
from mailhub.model.directory import Entry, Mirror


class Entries(Protocol):
    """A directory of people that somebody else keeps."""

    def find(self, name: str) -> Awaitable[Entry | None]:
        """Who has this login name or address. Raises Unavailable: nobody knows."""
        ...

    def get(self, key: str) -> Awaitable[Entry | None]:
        """The entry with this key. Raises Unavailable."""
        ...

    def prove(self, place: str, password: str) -> Awaitable[bool]:
        """Whether the directory takes `password`, which is not empty, for the entry at `place`.
        Raises Unavailable."""
        ...

    def all(self) -> Awaitable[Sequence[Entry]]:
        """Everybody. Raises Unavailable."""
        ...


class Mirrors(Protocol):
    """Which accounts are such entries."""

    def get(self, account: int) -> Awaitable[Mirror | None]:
        """By the account's number."""
        ...

    def by_key(self, key: str) -> Awaitable[Mirror | None]:
        """By the entry's key."""
        ...

    def all(self) -> Awaitable[Sequence[Mirror]]:
        """All, in order of their accounts."""
        ...

    def put(self, mirror: Mirror, actor: Actor) -> Awaitable[None]:
        """Adds it, or what changed of it. Raises NotFound (the account)."""
        ...
