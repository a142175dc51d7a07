"""What an OpenPGP public key says of itself (RFC 9580): its fingerprint and its first user id.

Only the armor and the packet headers are read, and no signature is checked: that is the work of
whoever encrypts with the key.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parseaddr

from mailhub.model.errors import Invalid

LIMIT = 256 * 1024
"""Longest armored key in characters."""
PACKETS = 1000
_ARMOR = re.compile(
    r"\s*-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t]*\r?\n"
    r"(?:[A-Za-z]+: [^\r\n]*\r?\n)*[ \t]*\r?\n"
    r"([A-Za-z0-9+/\r\n \t]+={0,2})\s*(?:=[A-Za-z0-9+/]{4}\s*)?"
    r"-----END PGP PUBLIC KEY BLOCK-----\s*"
)
_PUBLIC_KEY, _USER_ID = 6, 13


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """`fingerprint`: lower-case hex. `name` and `address`: of the first user id, maybe empty."""

    fingerprint: str
    name: str = ""
    address: str = ""


def read(armored: str) -> KeyFacts:
    """The facts of one armored public key. Raises Invalid."""
    found = _ARMOR.fullmatch(armored) if len(armored) <= LIMIT else None
    if found is None:
        raise Invalid("Not an armored PGP public key")
    try:
        data = b64decode("".join(found.group(1).split()), validate=True)
    except binascii.Error:
        raise Invalid("The key's armor is damaged") from None
    fingerprint, user = "", ""
    for tag, body in _packets(data):
        if not fingerprint:
            if tag != _PUBLIC_KEY:
                raise Invalid("The block does not begin with a public key")
            fingerprint = _fingerprint(body)
        elif tag == _USER_ID:
            user = body.decode("utf-8", "replace")
            break
    if not fingerprint:
        raise Invalid("The block holds no key")
    name, address = parseaddr(user)
    return KeyFacts(fingerprint, name, address)


def _fingerprint(body: bytes) -> str:
    """RFC 9580 section 5.5.4: version 4 and version 6 keys."""
    version = body[0] if body else 0
    if version == 4:
        head = b"\x99" + len(body).to_bytes(2, "big")
        return hashlib.sha1(head + body, usedforsecurity=False).hexdigest()
    if version == 6:
        return hashlib.sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest()
    raise Invalid("The key's version is not supported")


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, body) of each packet (RFC 9580 section 4.2). Raises Invalid."""
    at = 0
    for _ in range(PACKETS):
        if at >= len(data):
            return
        head = data[at]
        if not head & 0x80:
            raise Invalid("The key's packets are damaged")
        at += 1
        if head & 0x40:
            tag, (length, at) = head & 0x3F, _new_length(data, at)
        else:
            size = (1, 2, 4, 0)[head & 3]
            tag, length = (head >> 2) & 15, int.from_bytes(data[at : at + size], "big")
            at += size
        if length > len(data) - at or length < 1:
            raise Invalid("The key's packets are damaged")
        yield tag, data[at : at + length]
        at += length


def _new_length(data: bytes, at: int) -> tuple[int, int]:
    """(length, where the body begins). Partial lengths are not for keys (section 4.2.1.4)."""
    first = data[at] if at < len(data) else 0
    if first < 192:
        return first, at + 1
    if first < 224:
        second = data[at + 1] if at + 1 < len(data) else 0
        return ((first - 192) << 8) + second + 192, at + 2
    if first == 255:
        return int.from_bytes(data[at + 1 : at + 5], "big"), at + 5
    raise Invalid("The key's packets are damaged")
