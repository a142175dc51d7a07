"""Texts that are stored so that only this server reads them: AES-256-GCM, as the `cryptography`
library does it.

A sealed text is bound to its purpose and its owner: moved to another row it does not open. Where
the secret is kept, and what is sealed, is not known here.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailhub.model.errors import Corrupt

NONCE = 12
"""Octets of a nonce (NIST SP 800-38D section 8.2), which is never used twice."""
_VERSION = "1:"


def seal(secret: bytes, purpose: str, owner: int, text: str, nonce: bytes) -> str:
    """`text` as only who has `secret` can read it. `nonce`: `NONCE` unpredictable octets."""
    sealed = AESGCM(_key(secret, purpose)).encrypt(nonce, text.encode(), _bound(purpose, owner))
    return _VERSION + base64.b64encode(nonce + sealed).decode()


def unseal(secret: bytes, purpose: str, owner: int, sealed: str) -> str:
    """What was sealed. Raises Corrupt: another secret, another owner, or changed."""
    try:
        octets = base64.b64decode(sealed.removeprefix(_VERSION), validate=True)
        opened = AESGCM(_key(secret, purpose)).decrypt(
            octets[:NONCE], octets[NONCE:], _bound(purpose, owner)
        )
    except (InvalidTag, ValueError, binascii.Error):
        raise Corrupt("A stored secret cannot be read with this server's key") from None
    return opened.decode()


def _key(secret: bytes, purpose: str) -> bytes:
    return hmac.digest(secret, purpose.encode(), "sha256")


def _bound(purpose: str, owner: int) -> bytes:
    return f"{_VERSION}{purpose}:{owner}".encode()
