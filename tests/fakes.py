"""A clock, randomness and a log that tests hold in their hands."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator

import pysequoia


class FakeClock:
    """`ports.Clock` that stands still; `pauses` counts the turns given to others."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._seconds = 1000.0
        self.pauses = 0

    def seconds(self) -> float:
        return self._seconds

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Both clocks go on."""
        self._now += seconds
        self._seconds += seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self._now += seconds

    def pause(self) -> Awaitable[None]:
        self.pauses += 1
        return _nothing()

    def sleep(self, seconds: float) -> Awaitable[None]:
        self.advance(seconds)
        return _nothing()


async def _nothing() -> None:
    return None


class SeededRandomness:
    """`ports.Randomness` from a seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)


class InlineEncrypting:
    """`ports.Encrypting` at once; `count`: how often it was asked."""

    def __init__(self) -> None:
        self.count = 0

    async def encrypt(
        self, key: bytes, pieces: Iterator[bytes], take: Callable[[bytes], None]
    ) -> None:
        self.count += 1
        certificate = pysequoia.Cert.from_bytes(key)
        take(pysequoia.encrypt(b"".join(pieces), [certificate]).replace(b"\n", b"\r\n"))


class ListLog:
    """`ports.Log` that keeps its events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def event(self, verb: str, **fields: object) -> None:
        self.events.append((verb, fields))

    def named(self, verb: str) -> list[dict[str, object]]:
        """The fields of every event called `verb`."""
        return [fields for name, fields in self.events if name == verb]
