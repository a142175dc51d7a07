"""Makes signing keys (RFC 6376 3.3, RFC 8463 4, RFC 6605 4), RSA ones on a thread: finding their
primes takes a tenth of a second on a good day. OpenSSL lets go of the interpreter meanwhile.
"""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from twisted.internet.threads import deferToThreadPool

from mailhub.model.errors import Unavailable

BITS = 2048
"""More does not fit one DNS answer over UDP, and some verifiers stop there (RFC 8301 3.2)."""
QUEUE = 50
"""Keys under way past which no more are begun: some seconds of work."""


class ThreadKeyMaking:
    """`ports.KeyMaking` on the reactor's own threads."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pending = 0

    async def make(self, algorithm: str) -> tuple[str, str]:
        """See `ports.KeyMaking.make`."""
        if algorithm != "rsa":
            return make(algorithm)
        if self._pending >= QUEUE:
            raise Unavailable("Too many keys are being made, try again later")
        self._pending += 1
        try:
            pool = self._reactor.getThreadPool()
            return await deferToThreadPool(self._reactor, pool, make, algorithm)
        finally:
            self._pending -= 1


class InlineKeyMaking:
    """`ports.KeyMaking` that computes where it is called: for tests."""

    async def make(self, algorithm: str) -> tuple[str, str]:
        """See `ports.KeyMaking.make`."""
        return make(algorithm)


def make(algorithm: str) -> tuple[str, str]:
    """A new pair: (PEM, base64)."""
    key: RSAPrivateKey | Ed25519PrivateKey | ec.EllipticCurvePrivateKey
    if algorithm == "rsa":
        key = generate_private_key(65537, BITS)
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    elif algorithm == "ecdsa":
        key = ec.generate_private_key(ec.SECP256R1())
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        public = point[1:]  # without what says that it is not compressed (RFC 6605 4)
    else:
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode(), base64.b64encode(public).decode()
