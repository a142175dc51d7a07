"""A security key in software, for tests: makes ES256 credentials and signs challenges."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, WITH_CREDENTIAL = 0x01, 0x40


@dataclass
class SoftwareKey:
    """`origin`: the page that asks. `uses`: None for one that does not count."""

    origin: str = "https://mail.example.org"
    party: str = "mail.example.org"
    uses: int | None = 0
    credential: bytes = field(default_factory=lambda: os.urandom(32))

    def __post_init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())

    def register(self, challenge: str) -> dict[str, str]:
        """What a page sends after `navigator.credentials.create`; hexadecimal."""
        numbers = self._private.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        about = bytes(16) + len(self.credential).to_bytes(2) + self.credential
        data = self._data(PRESENT | WITH_CREDENTIAL) + about + cbor2.dumps(public)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return {
            "challenge": challenge,
            "rawId": self.credential.hex(),
            "clientDataJSON": self._client("webauthn.create", challenge).hex(),
            "attestationObject": attestation.hex(),
        }

    def sign(self, challenge: str) -> dict[str, str]:
        """What a page sends after `navigator.credentials.get`."""
        if self.uses is not None:
            self.uses += 1
        data, client = self._data(PRESENT), self._client("webauthn.get", challenge)
        signed = data + hashlib.sha256(client).digest()
        return {
            "challenge": challenge,
            "rawId": self.credential.hex(),
            "clientDataJSON": client.hex(),
            "authenticatorData": data.hex(),
            "signature": self._private.sign(signed, ec.ECDSA(hashes.SHA256())).hex(),
        }

    def _data(self, flags: int) -> bytes:
        party = hashlib.sha256(self.party.encode()).digest()
        return party + bytes([flags]) + (self.uses or 0).to_bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        text = urlsafe_b64encode(bytes.fromhex(challenge)).rstrip(b"=").decode()
        about = {"type": kind, "challenge": text, "origin": self.origin, "crossOrigin": False}
        return json.dumps(about).encode()
