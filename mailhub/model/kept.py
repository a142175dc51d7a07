"""Small files that all processes of a server have in common."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kept:
    """`name`: its path below the data folder. `octets`: None where it was taken away. `version`:
    grows by one with each change, from 1; 0: nobody keeps it yet."""

    name: str
    octets: bytes | None
    version: int
