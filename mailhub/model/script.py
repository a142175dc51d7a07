"""Sieve scripts of accounts, as values. What a script means is `wire.sieve`'s."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Script:
    """One script. `active`: it runs on mail that comes; one of an account's at most. `size`: octets
    of its source in UTF-8. Times are epoch seconds. `failure`: what its last run that failed said,
    with its place; empty where none did since it was written. `failed`: when that was.
    """

    account: int
    name: str
    source: str
    active: bool = False
    created: int = 0
    modified: int = 0
    failure: str = ""
    failed: int = 0

    @property
    def size(self) -> int:
        """Octets of the source."""
        return len(self.source.encode())


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one account may keep: scripts, octets of one, octets of all together."""

    scripts: int
    size: int
    total: int
