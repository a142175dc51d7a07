"""Certificate files: reading them with every check, and making a self-signed pair.

Pure but for the file access; knows X.509, not connections.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailhub.model.errors import Invalid
from mailhub.wire.x509 import algorithm, usable, write_key

LARGEST_FILE = 64 * 1024
"""Bytes; a longer file is no certificate chain."""
LIFETIME = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Pair:
    """A chain (leaf first) with the key of its leaf. `names`: DNS names of the leaf, lower-case,
    wildcards as `*.example.org`."""

    chain: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes
    names: tuple[str, ...]

    @property
    def ends(self) -> datetime:
        """When the leaf expires."""
        return self.chain[0].not_valid_after_utc


def read_pair(certificate: Path, key: Path) -> Pair:
    """Reads and checks both files. Raises Invalid, saying which file is at fault and why."""
    try:
        chain = tuple(x509.load_pem_x509_certificates(_read(certificate)))
    except ValueError as error:
        raise Invalid(f"{certificate}: not a PEM certificate chain ({error})") from None
    private = read_key(key)
    for below, above in pairwise(chain):
        try:
            below.verify_directly_issued_by(above)
        except Exception as error:
            raise Invalid(f"{certificate}: the chain is not in order, leaf first") from error
    if _spki(chain[0].public_key()) != _spki(private.public_key()):
        raise Invalid(f"{key}: not the key of {certificate}")
    return Pair(chain, private, names_of(chain[0]))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise Invalid(f"{path}: {error.strerror}") from None
    if len(data) > LARGEST_FILE:
        raise Invalid(f"{path}: longer than {LARGEST_FILE} bytes")
    return data


def read_key(path: Path) -> PrivateKeyTypes:
    """Raises Invalid, saying which file is at fault and why."""
    data = _read(path)
    try:
        return serialization.load_pem_private_key(data, password=None)
    except TypeError:
        raise Invalid(f"{path}: the key is encrypted; a server needs it without") from None
    except ValueError as error:
        raise Invalid(f"{path}: not a PEM private key ({error})") from None


def _spki(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def names_of(leaf: x509.Certificate) -> tuple[str, ...]:
    """DNS names of a certificate, lower-case; its common name where it has no such list."""
    try:
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names: Sequence[str] = san.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = [str(a.value) for a in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return tuple(name.lower().rstrip(".") for name in names)


def make_key(path: Path) -> None:
    """Writes a new P-256 key, 0600."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, write_key(new_key()))


def new_key() -> ec.EllipticCurvePrivateKey:
    """A P-256 key: every client verifies it, and its signatures cost a tenth of RSA's."""
    return ec.generate_private_key(ec.SECP256R1())


def make_self_signed(certificate: Path, key: Path, names: Sequence[str]) -> None:
    """Writes a certificate for `names` (DNS names and IP addresses), and its key where there is
    none yet.

    Each file appears whole or not at all, the key first: a certificate always has its key.
    """
    if not key.exists():
        make_key(key)
    private = usable(read_key(key))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    now = datetime.now(UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(private, algorithm(private))
    )
    certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_public(certificate, leaf.public_bytes(serialization.Encoding.PEM))


def write_private(path: Path, data: bytes) -> None:
    """A file that appears whole or not at all, 0600. Raises OSError."""
    _write(path, data, 0o600)


def write_public(path: Path, data: bytes) -> None:
    """The same, 0644. Raises OSError."""
    _write(path, data, 0o644)


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, data: bytes, mode: int) -> None:
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
