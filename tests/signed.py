"""Keys, a DNS that knows them, and messages in pieces: for tests of what is signed here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from mailhub.core.signing import record, record_name
from mailhub.model.dkim import DkimKey, KeyState
from mailhub.net import keymaking

MESSAGE = (
    b"Received: from client.example ([192.0.2.7])\r\n\tby mx.example.org with ESMTPSA id 1;\r\n"
    b"\tSat, 21 Nov 2026 10:00:00 +0000\r\n"
    b"From: Ann \t <ann@example.org>\r\n"
    b"To: bob@example.com,\r\n  carl@example.com\r\n"
    b"Subject: a  subject\r\n\tin two lines \r\n"
    b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"\r\n"
    b"Hello  there, \t\r\n\r\n  this is all. \r\n\r\n\r\n"
)


@cache
def pair(domain: str = "example.org", base: str = "m202611a") -> tuple[DkimKey, DkimKey]:
    """An RSA and an Ed25519 key, active; the same ones for the same names."""
    made = []
    for algorithm, selector in (("rsa", base), ("ed25519", f"{base}e")):
        private, public = keymaking.make(algorithm)
        key = DkimKey(domain, selector, algorithm, private, public, KeyState.ACTIVE, 0, 0)
        made.append(key)
    return made[0], made[1]


def lookup(keys: Iterable[DkimKey]) -> Callable[..., bytes | None]:
    """dkimpy's `dnsfunc` over a zone that has these keys' records."""
    zone = {f"{record_name(key)}.": record(key) for key in keys}

    def ask(name: bytes | str, timeout: int = 5) -> bytes | None:
        text = name.decode() if isinstance(name, bytes) else name
        found = zone.get(text)
        return found.encode() if found is not None else None

    return ask


class Pieces:
    """`ports.Message` over bytes; `reads` are the ranges that were asked for."""

    plain = False

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads: list[tuple[int, int]] = []

    @property
    def size(self) -> int:
        return len(self.data)

    async def read(self, start: int, stop: int) -> bytes:
        self.reads.append((start, stop))
        return self.data[start:stop]


class Workshop:
    """`ports.KeyMaking` with a few keys made once: finding primes is slow."""

    def __init__(self) -> None:
        self._number = 0

    async def make(self, algorithm: str) -> tuple[str, str]:
        if algorithm == "ecdsa":
            return keymaking.make(algorithm)
        self._number += algorithm == "rsa"
        key = pair("workshop.example", f"s{self._number % 3}")[algorithm == "ed25519"]
        return key.private, key.public
