"""Cookies (RFC 7873): who shows one that we gave has the address that it asks from. Pure.

Laid out as RFC 9018 4 has it, but for the hash: keyed BLAKE2s instead of SipHash, which matters
only where several servers share a secret.
"""

from __future__ import annotations

import hmac
import struct
from hashlib import blake2s

CODE = 10
"""Of the option in an OPT record."""
CLIENT = 8
"""Octets of what a client sends first; ours follow it."""
OURS = 16
OLDEST = 3600.0
"""Seconds that one is worth something (RFC 9018 4.3)."""
RENEWED = 1800.0
"""Seconds after which its owner gets another."""
_VERSION = 1
_HEAD = struct.Struct("!BxxxI")


def malformed(data: bytes) -> bool:
    """Whether the option cannot be (RFC 7873 5.2.2)."""
    return len(data) != CLIENT and not 2 * CLIENT <= len(data) <= 5 * CLIENT


class Cookies:
    """`secret`: random octets, 32 at most."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def judge(self, data: bytes, address: str, now: float) -> tuple[bool, bytes]:
        """Of an option that came from `address`: whether it proves that, and the option that goes
        back. `now`: seconds of a clock that never goes back."""
        client, ours = data[:CLIENT], data[CLIENT:]
        age = self._age(client, ours, address, now)
        if age is None or age > RENEWED:
            ours = self._made(client, address, int(now))
        option = struct.pack("!HH", CODE, CLIENT + OURS) + client + ours
        return age is not None, option

    def _age(self, client: bytes, ours: bytes, address: str, now: float) -> float | None:
        """Seconds since we gave it; None: it is none of ours, or too old."""
        if len(ours) != OURS:
            return None
        _, then = _HEAD.unpack_from(ours)
        if not hmac.compare_digest(ours, self._made(client, address, then)):
            return None
        age = now - then
        return age if age <= OLDEST else None

    def _made(self, client: bytes, address: str, then: int) -> bytes:
        head = _HEAD.pack(_VERSION, then & 0xFFFFFFFF)
        seen = client + head + address.encode()
        return head + blake2s(seen, key=self._secret, digest_size=CLIENT).digest()
