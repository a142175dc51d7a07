"""Signs documents with the server's TLS certificate (CMS, RFC 5652), as the `cryptography` library
does it."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
)

from mailhub.model.errors import MailhubError
from mailhub.net.certificate_files import CertificateFolder
from mailhub.ports import Log


class CertificateSigning:
    """`ports.Signing`, with the certificate that the server's own name is shown with. Nobody trusts
    the one that the server makes for itself, so that one signs nothing."""

    def __init__(self, files: CertificateFolder, log: Log) -> None:
        self._files = files
        self._log = log

    async def sign(self, data: bytes) -> bytes:
        """DER of a signed message that holds `data` and the whole chain; `data` as it is where no
        certificate can sign."""
        try:
            pair = self._files.vouching()
        except MailhubError as error:
            self._log.event("signing", outcome="refused", reason=error.text)
            return data
        if pair is None or not isinstance(
            pair.key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)
        ):
            return data
        builder = PKCS7SignatureBuilder().set_data(data)
        builder = builder.add_signer(pair.chain[0], pair.key, hashes.SHA256())
        for above in pair.chain[1:]:
            builder = builder.add_certificate(above)
        return builder.sign(Encoding.DER, [PKCS7Options.Binary])
