"""Signing with the server's certificate."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

from mailhub.model.settings import TLSSettings
from mailhub.net.certificate import make_self_signed, read_pair
from mailhub.net.certificate_files import CertificateFolder
from mailhub.net.cms import CertificateSigning
from mailhub.wire.x509 import describe, read_chain
from tests.authority import Authority
from tests.fakes import ListLog
from tests.support import run

pytestmark = pytest.mark.thorough

DATA = b"<plist>\r\n\0binary\n</plist>"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    certificate, key = tmp_path / "c.crt", tmp_path / "c.key"
    make_self_signed(certificate, key, ["mx.example.org"])
    return certificate, key


def test_what_is_signed_holds_the_data_and_the_chain(files: tuple[Path, Path]) -> None:
    certificate, key = files
    signing = CertificateSigning(folder(certificate.parent, certificate, key), ListLog())
    signed = run(signing.sign(DATA))
    assert load_der_pkcs7_certificates(signed) == list(read_pair(certificate, key).chain)
    message = certificate.with_name("signed.der")
    message.write_bytes(signed)
    assert verify(message, certificate) == (0, DATA)
    message.write_bytes(signed.replace(b"binary", b"BINARY"))
    assert verify(message, certificate)[0] != 0


def verify(message: Path, certificate: Path) -> tuple[int, bytes]:
    """What OpenSSL's own command makes of a signed message: its exit status, and the data."""
    words = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any"]
    done = subprocess.run(
        [*words, "-in", message, "-CAfile", certificate],
        capture_output=True,
        check=False,
        timeout=20,
    )
    return done.returncode, done.stdout


def folder(
    data: Path, certificate: Path | None = None, key: Path | None = None
) -> CertificateFolder:
    settings = TLSSettings(certificate=str(certificate or ""), key=str(key or ""))
    return CertificateFolder(settings, data, "mx.example.org", ListLog())


def test_what_was_installed_signs(tmp_path: Path) -> None:
    root = Authority("Root")
    (tmp_path / "roots.pem").write_text(root.text)
    settings = TLSSettings(authorities=str(tmp_path / "roots.pem"))
    files = CertificateFolder(settings, tmp_path, "mx.example.org", ListLog())
    own = files.system_key()
    for name, days in (("other.example.org", 99), ("mx.example.org", 50), ("mx.example.org", 90)):
        text = root.issue([name], own, days=(-1, days))
        files.keep(describe(read_chain(text)).id, text.encode())
    signed = run(CertificateSigning(files, ListLog()).sign(DATA))
    assert load_der_pkcs7_certificates(signed) == list(read_chain(text))


def test_without_a_certificate_nothing_is_signed(files: tuple[Path, Path], tmp_path: Path) -> None:
    log = ListLog()
    assert run(CertificateSigning(folder(tmp_path), log).sign(DATA)) == DATA
    assert log.events == []
    broken = folder(tmp_path, files[0], files[0])
    assert run(CertificateSigning(broken, log).sign(DATA)) == DATA
    assert log.named("signing")
