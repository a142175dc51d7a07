"""OpenPGP (RFC 9580) by the Sequoia library: whether mail can be encrypted to a key.

What a key says of itself without it stands in `openpgp`. The library comes with the extra
`openpgp` and is loaded when a key is first met.
"""

from __future__ import annotations

from typing import Any

from mailhub.model.errors import Invalid, Unsupported
from mailhub.wire import openpgp
from mailhub.wire.openpgp import KeyFacts


def check(armored: str) -> KeyFacts:
    """The facts of a public key that mail can be encrypted to. Raises Invalid, Unsupported (the
    library is missing)."""
    facts = openpgp.read(armored)
    library = _library()
    certificate = recipient(armored)
    if certificate.is_revoked:
        raise Invalid("The key is revoked")
    try:
        library.encrypt(b"mailhub", [certificate])
    except RuntimeError:  # its words hold traces of the library's insides
        raise Invalid("Nothing can be encrypted to this key: no valid subkey is for that") from None
    return facts


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
