"""JSON Web Tokens (RFC 7519) of one kind: signed with HMAC and SHA-256. Pure.

The algorithm is pinned: what a token says of itself decides nothing (RFC 8725 section 3.1).
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

HEAD = {"alg": "HS256", "typ": "JWT"}
LONGEST = 2048
"""Characters of a token."""


def encode(claims: Mapping[str, object], secret: bytes) -> str:
    """A token with these claims."""
    body = f"{_part(HEAD)}.{_part(claims)}"
    return f"{body}.{_base64(_mac(body, secret))}"


def decode(token: str, secret: bytes) -> Mapping[str, Any] | None:
    """The claims of a token that is signed with this secret; None: it is not. What they say, such
    as that it has ended, is not looked at."""
    if len(token) > LONGEST or not token.isascii():
        return None
    body, _, signature = token.rpartition(".")
    try:
        head, given = (json.loads(_octets(part)) for part in body.split("."))
        right = hmac.compare_digest(_octets(signature), _mac(body, secret))
    except (ValueError, RecursionError):
        return None
    if not right or not isinstance(head, dict) or head.get("alg") != HEAD["alg"]:
        return None
    return given if isinstance(given, dict) else None


def _part(value: Mapping[str, object]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _mac(body: str, secret: bytes) -> bytes:
    return hmac.digest(secret, body.encode(), "sha256")


def _base64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
