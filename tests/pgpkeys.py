"""OpenPGP keys made for tests, and what they open."""

from __future__ import annotations

import re
from functools import cached_property

import pysequoia

_ARMORED = re.compile(
    rb"(-----BEGIN PGP MESSAGE-----\r\n\r\n(?:[A-Za-z0-9+/]{1,76}={0,2}\r\n)+"
    rb"(?:=[A-Za-z0-9+/]{4}\r\n)?-----END PGP MESSAGE-----\r\n)\r\n--(=-[0-9a-f]{32})--\r\n\Z"
)


class Key:
    """A key pair of its own."""

    def __init__(self, user: str = "Joe <joe@example.org>") -> None:
        self._secret = pysequoia.Tsk.generate(user)

    @cached_property
    def public(self) -> str:
        return str(self._secret.extract_certificate())

    def opened(self, message: bytes) -> bytes:
        """What a PGP/MIME message of ours holds; fails where its frame is not as it should be."""
        header, _, body = message.partition(b"\r\n\r\n")
        found = _ARMORED.search(message)
        assert found is not None, message
        assert b'boundary="%b"' % found[2] in header
        assert body.count(b"--%b" % found[2]) == 3
        return self.decrypted(found[1])

    def decrypted(self, armored: bytes) -> bytes:
        opened: bytes = pysequoia.decrypt(armored, decryptor=self._secret.decryptor()).bytes
        return opened
