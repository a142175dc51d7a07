"""An authority for tests: certificates of every kind, made as they are needed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailhub.wire.x509 import Key


def key() -> ec.EllipticCurvePrivateKey:
    """A new one."""
    return ec.generate_private_key(ec.SECP256R1())


class Authority:
    """Signs for servers, and for other authorities."""

    now = int(time.time())

    def __init__(self, name: str, above: Authority | None = None) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = key()
        issuer, signing = (above.name, above.key) if above else (self.name, self.key)
        builder = _builder(self.name, issuer, self.key.public_key(), (-400, 4000))
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
        self.certificate = builder.sign(signing, hashes.SHA256())
        self.text = self.certificate.public_bytes(Encoding.PEM).decode()

    def below(self, name: str) -> Authority:
        """An authority that this one vouches for."""
        return Authority(name, self)

    def issue(
        self,
        names: Sequence[str],
        own: Key | None = None,
        *,
        days: tuple[int, int] = (-1, 90),
        client: bool = False,
        public: Any = None,
    ) -> str:
        """A server's certificate, PEM. `days`: from when until when, from now. `public`: its key,
        where only that is known."""
        subject = x509.Name([])
        builder = _builder(subject, self.name, public or (own or key()).public_key(), days)
        if names:
            alternatives = [x509.DNSName(name) for name in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), False)
        use = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    @staticmethod
    def self_signed(
        names: Sequence[str], own: ec.EllipticCurvePrivateKey, *, days: tuple[int, int] = (-1, 90)
    ) -> str:
        """One that nobody else vouches for."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = _builder(name, name, own.public_key(), days).add_extension(alternatives, False)
        return builder.sign(own, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _builder(
    subject: x509.Name, issuer: x509.Name, public: Any, days: tuple[int, int]
) -> x509.CertificateBuilder:
    start, end = (datetime.fromtimestamp(Authority.now, UTC) + timedelta(days=day) for day in days)
    return x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number(), start, end)
