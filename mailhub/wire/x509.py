"""X.509 certificates, keys and requests: PEM to values, with every check that needs no clock.

Pure. Which certificate is used for what, and where it is kept, is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailhub.model.certificate import Certificate, CertificateRefused, Problem
from mailhub.model.errors import Invalid

LARGEST = 64 * 1024
"""Octets of PEM text; a longer one is no certificate chain."""
LONGEST = 10
"""Certificates of one chain."""
SMALLEST_RSA = 2048
"""Bits of an RSA key that clients of today accept."""

Chain = tuple[x509.Certificate, ...]
Authority = x509.Certificate
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def read_chain(text: str) -> Chain:
    """The certificates of PEM text, in the order of a handshake: leaf first, each followed by who
    signed it, whatever their order was: authorities send them in either.

    Raises CertificateRefused (MALFORMED, UNRELATED, NAME).
    """
    given = read_certificates(text, "cert")
    if not given:
        raise CertificateRefused(Problem.MALFORMED, "There is no certificate in it")
    leaf, rest = given[0], list(dict.fromkeys(given[1:]))
    if _is_authority(leaf):
        leaf = next((one for one in rest if not _is_authority(one)), leaf)
        rest = [one for one in dict.fromkeys(given) if one != leaf]
    chain = [leaf]
    while rest and not is_self_signed(chain[-1]):
        above = next((one for one in rest if is_issued(chain[-1], one)), None)
        if above is None:
            break
        chain.append(above)
        rest.remove(above)
    if any(one != leaf for one in rest):
        raise CertificateRefused(
            Problem.UNRELATED, "The chain holds a certificate that does not belong to it", "chain"
        )
    names = names_of(leaf)
    if not names:
        raise CertificateRefused(Problem.NAME, "The certificate names no host")
    _check_use(leaf)
    return tuple(chain)


def read_certificates(text: str, field: str = "") -> Sequence[x509.Certificate]:
    """Those of PEM text, as they stand there. Raises CertificateRefused (MALFORMED)."""
    if len(text) > LARGEST:
        raise CertificateRefused(Problem.MALFORMED, "It is too long for a certificate", field)
    if not text.strip():
        return ()
    try:
        found = x509.load_pem_x509_certificates(text.encode("ascii", "replace"))
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateRefused(
            Problem.MALFORMED, "It is not a certificate in PEM format", field
        ) from None
    if len(found) > LONGEST:
        raise CertificateRefused(Problem.MALFORMED, "It holds too many certificates", field)
    return found


def read_key(text: str) -> Key:
    """A private key that servers use. Raises CertificateRefused (MALFORMED, KEY)."""
    if len(text) > LARGEST:
        raise CertificateRefused(Problem.MALFORMED, "It is too long for a key", "key")
    try:
        key = serialization.load_pem_private_key(text.encode("ascii", "replace"), None)
    except TypeError:
        raise CertificateRefused(Problem.KEY, "The key is behind a password", "key") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateRefused(Problem.MALFORMED, "It is no key in PEM format", "key") from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < SMALLEST_RSA:
        raise CertificateRefused(Problem.KEY, f"It is shorter than {SMALLEST_RSA} bits", "key")
    return usable(key)


def usable(key: PrivateKeyTypes) -> Key:
    """`key`, where servers can use its kind. Raises CertificateRefused (KEY)."""
    if isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)):
        return key
    raise CertificateRefused(Problem.KEY, "Servers do not use keys of this kind", "key")


def algorithm(key: Key) -> hashes.SHA256 | None:
    """The digest that `key` signs by; Ed25519 has its own."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def write_chain(chain: Chain) -> bytes:
    """As PEM, leaf first."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)


def write_key(key: Key) -> bytes:
    """As PEM of PKCS #8, in the clear."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def describe(chain: Chain, authorities: Sequence[x509.Certificate] | None = None) -> Certificate:
    """A chain's facts. `authorities`: those that clients know; None: nobody asks."""
    leaf = chain[0]
    own = is_self_signed(leaf)
    return Certificate(
        id=hashlib.sha256(leaf.public_bytes(serialization.Encoding.DER)).hexdigest(),
        names=names_of(leaf),
        begins=int(leaf.not_valid_before_utc.timestamp()),
        ends=int(leaf.not_valid_after_utc.timestamp()),
        issuer=_person(leaf.issuer),
        self_signed=own,
        key=public_digest(leaf.public_key()),
        problem=None if own or authorities is None else trouble(chain, authorities),
    )


def trouble(chain: Chain, authorities: Sequence[x509.Certificate]) -> Problem | None:
    """Whether an ordered chain leads to one of `authorities`: None, INCOMPLETE or UNTRUSTED."""
    top = chain[-1]
    if is_self_signed(top):
        return None if top in authorities else Problem.UNTRUSTED
    if any(is_issued(top, one) for one in authorities if one.subject == top.issuer):
        return None
    return Problem.INCOMPLETE


def is_issued(below: x509.Certificate, above: x509.Certificate) -> bool:
    """Whether `above` signed `below`."""
    if below.issuer != above.subject:
        return False
    try:
        below.verify_directly_issued_by(above)
    except Exception:  # any of four kinds, as signatures are of many
        return False
    return True


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether nobody but itself vouches for it."""
    return is_issued(certificate, certificate)


def names_of(leaf: x509.Certificate) -> tuple[str, ...]:
    """Its DNS names; a common name is none (RFC 6125 6.4.4, and what clients do)."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    names = found.get_values_for_type(x509.DNSName)
    return tuple(dict.fromkeys(name.lower().rstrip(".") for name in names))


def public_digest(key: object) -> str:
    """SHA-256 of a public key's SubjectPublicKeyInfo, in hex: the data of a TLSA record `3 1 1`
    (RFC 6698)."""
    info = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(info).hexdigest()


def request(key: Key, names: Sequence[str], country: str = "") -> bytes:
    """A certificate signing request (PKCS #10, PEM). `country`: two letters, or empty.

    Raises Invalid (`country`, `domain`).
    """
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise Invalid("A country is written in two letters", "country")
    subject = [(NameOID.COUNTRY_NAME, country.upper())] if country else []
    if len(names[0]) <= 64:  # what a common name holds (RFC 5280 appendix A)
        subject.append((NameOID.COMMON_NAME, names[0]))
    try:
        person = x509.Name([x509.NameAttribute(kind, value) for kind, value in subject])
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = x509.CertificateSigningRequestBuilder().subject_name(person)
        made = builder.add_extension(alternatives, critical=False).sign(key, algorithm(key))
    except (ValueError, TypeError):
        raise Invalid("It is not a domain name", "domain") from None
    return made.public_bytes(serialization.Encoding.PEM)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        kind = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return kind.value.ca


def _check_use(leaf: x509.Certificate) -> None:
    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    except ValueError:
        raise CertificateRefused(Problem.MALFORMED, "Its extensions cannot be read") from None
    if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & {*uses}:
        raise CertificateRefused(
            Problem.MALFORMED, "It is not a certificate for servers", "cert", names_of(leaf)
        )


def _person(name: x509.Name) -> str:
    """Whom people know as who signed it."""
    for kind in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        found = name.get_attributes_for_oid(kind)
        if found:
            return str(found[0].value)
    return name.rfc4514_string()
