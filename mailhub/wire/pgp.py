"""OpenPGP (RFC 9580) by the Sequoia library: whether mail can be encrypted to a key, and doing so.

What a key says of itself without it stands in `openpgp`. The library comes with the extra
`openpgp` and is loaded when a key is first met.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mailhub.model.errors import Invalid, Unsupported
from mailhub.wire import openpgp
from mailhub.wire.openpgp import KeyFacts


def check(armored: str) -> KeyFacts:
    """The facts of a public key that mail can be encrypted to. Raises Invalid, Unsupported (the
    library is missing)."""
    facts = openpgp.read(armored)
    encrypted(b"", armored)
    return facts


def encrypted(data: bytes, armored: str) -> bytes:
    """An OpenPGP message, without armor, that holds `data`. About 20 ms for 1 MiB, in which no
    thread of this process does anything else. Raises Invalid (nothing can be encrypted to the
    key, or not any more), Unsupported."""
    certificate = recipient(armored)
    if certificate.is_revoked:
        raise Invalid("The key is revoked")
    try:
        found: bytes = _library().encrypt(data, [certificate], armor=False)
    except RuntimeError:  # its words hold traces of the library's insides
        raise Invalid("Nothing can be encrypted to this key: no valid subkey is for that") from None
    return found


@lru_cache(maxsize=256)
def recipient(armored: str) -> Any:
    """The key as the library takes it. Raises Invalid, Unsupported."""
    library = _library()
    try:
        return library.Cert.from_bytes(armored.encode())
    except (RuntimeError, ValueError):
        raise Invalid("The key cannot be read") from None


def _library() -> Any:
    try:
        import pysequoia  # heavy, and few servers have keys
    except ImportError:
        raise Unsupported("This server has no OpenPGP: the extra mailhub[openpgp]") from None
    return pysequoia
