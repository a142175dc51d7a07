"""TLS to Redis: whose certificates are believed, under which name, and which one we show.

Knows no connection. Files are read for each connection, so that renewed ones are used by the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL.crypto import X509
from twisted.internet.ssl import (
    Certificate,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)

from mailhub.model.errors import Invalid
from mailhub.model.settings import RedisSettings


@dataclass(frozen=True, slots=True)
class Trust:
    """`authority`: PEM file of who may sign; empty: whom the system trusts. `certificate`, `key`:
    PEM files of what we show; empty: nothing. `name`: that is in all certificates; empty: each
    has the name or address that is connected to."""

    authority: str = ""
    certificate: str = ""
    key: str = ""
    name: str = ""

    @classmethod
    def of(cls, settings: RedisSettings) -> Trust:
        """As the settings say. Raises Invalid where the files cannot be used."""
        trust = cls(settings.authority, settings.certificate, settings.key, settings.server_name)
        trust.options("localhost")
        return trust

    def options(self, host: str) -> Any:
        """What makes TLS connections to `host` that end unless its certificate verifies. Raises
        Invalid."""
        more: dict[str, Any] = {"raiseMinimumTo": TLSVersion.TLSv1_2}
        root = self._root() if self.authority else platformTrust()
        if self.certificate:
            more |= self._own()
        return optionsForClientTLS(self.name or host, trustRoot=root, extraCertificateOptions=more)

    def _root(self) -> Any:
        return trustRootFromCertificates(
            [
                Certificate(X509.from_cryptography(one))
                for one in _certificates("redis.authority", self.authority)
            ]
        )

    def _own(self) -> dict[str, Any]:
        own, *above = _certificates("redis.certificate", self.certificate)
        setting, path = ("key", self.key) if self.key else ("certificate", self.certificate)
        try:
            key = load_pem_private_key(_read(f"redis.{setting}", path), None)
        except (TypeError, ValueError):
            raise Invalid(
                f"redis.{setting}: {path} has no private key without a password"
            ) from None
        if key.public_key() != own.public_key():
            raise Invalid(f"redis.{setting}: the key in {path} is not the certificate's")
        return {
            "privateKey": key,
            "certificate": own,
            "extraCertChain": above,
        }


def _certificates(setting: str, path: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(setting, path))
    except ValueError:
        raise Invalid(f"{setting}: {path} has no certificate") from None


def _read(setting: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Invalid(f"{setting}: {path}: {error.strerror}") from None
