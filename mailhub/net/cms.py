"""Signs documents with the server's TLS certificate (CMS, RFC 5652), as the `cryptography` library
does it."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
)

from mailhub.model.errors import Invalid
from mailhub.model.settings import TLSSettings
from mailhub.net.certificate import read_pair
from mailhub.ports import Log


class CertificateSigning:
    """`ports.Signing`. Files are read anew each time: they change, and profiles are rare. Nobody
    trusts the pair that the server makes for itself, so that one signs nothing."""

    def __init__(self, settings: TLSSettings, log: Log) -> None:
        self._settings = settings
        self._log = log

    async def sign(self, data: bytes) -> bytes:
        """DER of a signed message that holds `data` and the whole chain; `data` as it is where no
        certificate can sign."""
        settings = self._settings
        if not settings.certificate:
            return data
        try:
            pair = read_pair(Path(settings.certificate), Path(settings.key or settings.certificate))
        except Invalid as error:
            self._log.event("signing", outcome="refused", reason=error.text)
            return data
        if not isinstance(pair.key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
            return data
        builder = PKCS7SignatureBuilder().set_data(data)
        builder = builder.add_signer(pair.chain[0], pair.key, hashes.SHA256())
        for above in pair.chain[1:]:
            builder = builder.add_certificate(above)
        return builder.sign(Encoding.DER, [PKCS7Options.Binary])
