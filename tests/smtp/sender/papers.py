"""Certificates for servers in memory: right ones, and what can be wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL

from mailhub.model.route import TLSA

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Paper:
    """A certificate and its key; `above`: those that are sent behind it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    above: tuple[x509.Certificate, ...] = ()

    def tlsa(self, usage: int, selector: int = 1, matching: int = 1) -> TLSA:
        """A record that names it."""
        data = self.certificate.public_bytes(serialization.Encoding.DER)
        if selector == 1:
            data = self.certificate.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        digest = {0: lambda data: data, 1: _sha256, 2: _sha512}[matching]
        return TLSA(usage, selector, matching, digest(data))

    def context(self) -> SSL.Context:
        """A server's, that shows it."""
        made = SSL.Context(SSL.TLS_SERVER_METHOD)
        made.use_certificate(self.certificate)
        made.use_privatekey(self.key)
        for one in self.above:
            made.add_extra_chain_cert(one)
        return made

    def file(self, folder: Path) -> str:
        """As PEM, for `[sender] trusted`."""
        path = folder / "authority.pem"
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return str(path)


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _sha512(data: bytes) -> bytes:
    return hashlib.sha512(data).digest()


def issue(
    names: Sequence[str] = (),
    by: Paper | None = None,
    *,
    common: str = "",
    days: tuple[int, int] = (-1, 1),
    authority: bool = False,
    client: bool = False,
) -> Paper:
    """`by` None: it signs itself. `days`: from when to when. `client`: not for servers."""
    key = ec.generate_private_key(ec.SECP256R1())
    common = common or (names[0] if names else "authority")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        wanted = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(wanted, critical=False)
    if not authority:
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    certificate = builder.sign(key if by is None else by.key, hashes.SHA256())
    above = () if by is None else (by.certificate, *by.above)
    return Paper(certificate, key, above)


@cache
def papers() -> dict[str, Paper]:
    """All kinds, by what is said of them."""
    authority = issue(authority=True)
    other = issue(authority=True, common="another authority")
    return {
        "authority": authority,
        "other authority": other,
        "right": issue(["mx.test"], authority),
        "wildcard": issue(["*.some.test"], authority),
        "other name": issue(["mx.example"], authority),
        "expired": issue(["mx.test"], authority, days=(-3, -2)),
        "early": issue(["mx.test"], authority, days=(2, 3)),
        "untrusted": issue(["mx.test"], other),
        "self-signed": issue(["mx.test"]),
        "for clients": issue(["mx.test"], authority, client=True),
        "common name": issue((), authority, common="mx.test"),
    }
