"""What TLS with another server must prove, and whether it did: WebPKI, MTA-STS names, DANE.

OpenSSL checks chains and signatures, service-identity names; what is here is which of that counts
at which level (RFC 7672, RFC 8461, RFC 7435). Knows no transport.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL, crypto
from service_identity import CertificateError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import DNS_ID, CertificatePattern, DNSPattern, IPAddress_ID

from mailhub.model.route import TLSA, Hop, Security, TLSLevel
from mailhub.model.tlsreport import TLSResult
from mailhub.smtp.sender.link import Layer

DANE_TA, DANE_EE = 2, 3
"""Certificate usages that SMTP takes (RFC 7672 3.1.3 leaves out the others)."""
_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}
_EXPIRED = frozenset({9, 10, 11, 12})
"""X509_V_ERR of a time outside of the certificate's."""
_BROAD = b"ALL:!aNULL:!eNULL:@SECLEVEL=0"
"""For TLS that is better than none: weak ciphers and small keys still beat clear text."""
_STRICT = b"HIGH:!aNULL:!eNULL:!3DES"


class Proof:
    """What OpenSSL found wrong with one chain. `enforced`: the handshake fails with it."""

    __slots__ = ("enforced", "error")

    def __init__(self, *, enforced: bool) -> None:
        self.enforced = enforced
        self.error: tuple[int, str] | None = None

    @property
    def result(self) -> TLSResult:
        """As reports name it."""
        if self.error is None:
            return TLSResult.SUCCESS
        return TLSResult.EXPIRED if self.error[0] in _EXPIRED else TLSResult.NOT_TRUSTED


class Trust:
    """Contexts, made once. `authorities`: a PEM file; empty: the system's."""

    def __init__(self, authorities: str) -> None:
        self._authorities = authorities
        self._contexts: dict[tuple[bool, bool], SSL.Context] = {}

    def connection(self, hop: Hop, proof: Proof) -> SSL.Connection:
        """The client's half of a handshake with `hop`."""
        security = hop.security
        broad = security.level is TLSLevel.OPPORTUNISTIC
        verifies = security.level is TLSLevel.VERIFIED or (
            bool(security.names) and security.level is not TLSLevel.DANE
        )
        connection = SSL.Connection(self._context(broad, verifies), None)
        connection.set_app_data(proof)
        name = server_name(hop)
        if name:
            connection.set_tlsext_host_name(name.encode("ascii"))
        return connection

    def _context(self, broad: bool, verifies: bool) -> SSL.Context:
        context = self._contexts.get((broad, verifies))
        if context is None:
            context = self._contexts[broad, verifies] = self._make(broad, verifies)
        return context

    def _make(self, broad: bool, verifies: bool) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_VERSION if broad else SSL.TLS1_2_VERSION)
        context.set_cipher_list(_BROAD if broad else _STRICT)
        # The end of a message is said inside SMTP; servers that close without close_notify abound.
        context.set_options(
            SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_IGNORE_UNEXPECTED_EOF
        )
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        if verifies:
            if self._authorities:
                context.load_verify_locations(self._authorities)
            else:
                context.set_default_verify_paths()
            context.set_verify(SSL.VERIFY_PEER, _verify)
        return context


def _verify(
    connection: SSL.Connection, certificate: crypto.X509, number: int, depth: int, fine: int
) -> bool:
    """OpenSSL's callback, once a certificate or error; the first error is the telling one."""
    proof: Proof = connection.get_app_data()
    if not fine and proof.error is None:
        proof.error = (number, f"{error_text(number)} (certificate {depth})")
    return bool(fine) or not proof.enforced


def error_text(number: int) -> str:
    """OpenSSL's words for a verification error."""
    return _ERRORS.get(number, f"certificate verification error {number}")


_ERRORS = {
    9: "certificate is not valid yet",
    10: "certificate has expired",
    18: "self-signed certificate",
    19: "self-signed certificate in the chain",
    20: "issuer is not known",
    21: "issuer is not known",
    24: "invalid authority",
    26: "certificate is not for servers",
}


def server_name(hop: Hop) -> str:
    """What SNI says: the first name that is one, else the host's (RFC 7672 8.1); never an address
    (RFC 6066 section 3)."""
    for name in (*hop.security.names, hop.host):
        if name and name.isascii() and not name.startswith("*.") and not _is_address(name):
            return name.rstrip(".")
    return ""


def proof_for(security: Security) -> Proof:
    """An empty one."""
    return Proof(enforced=security.level is TLSLevel.VERIFIED)


def judge(hop: Hop, connection: SSL.Connection, proof: Proof) -> Layer:
    """What a finished handshake is worth. `Layer.result` is not SUCCESS where the certificate does
    not prove what `hop.security` has; whether that matters depends on its level."""
    security = hop.security
    version = connection.get_protocol_version_name()
    if security.level is TLSLevel.DANE:
        chain = connection.get_peer_cert_chain(as_cryptography=True) or []
        return Layer(version, *_dane(security, chain))
    names = security.names
    if security.level is TLSLevel.VERIFIED and not names:
        names = (hop.host,)
    if not names:
        return Layer(version, TLSResult.SUCCESS)
    if proof.error is not None:
        return Layer(version, proof.result, proof.error[1])
    leaf = connection.get_peer_certificate(as_cryptography=True)
    if leaf is None or not named(leaf, names):
        return Layer(version, TLSResult.HOST_MISMATCH, f"certificate is not for {names[0]}")
    return Layer(version, TLSResult.SUCCESS)


# -- names


def named(leaf: x509.Certificate, names: Sequence[str], *, common: bool = False) -> bool:
    """Whether the certificate is for one of `names`. `common`: its common name counts where it
    has no DNS names (RFC 7672 3.2.3)."""
    try:
        patterns = list(extract_patterns(leaf))
    except CertificateError:
        return False
    if common and not any(isinstance(one, DNSPattern) for one in patterns):
        for attribute in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[-1:]:
            try:
                patterns.append(DNSPattern.from_bytes(str(attribute.value).encode("ascii")))
            except (CertificateError, UnicodeEncodeError):
                return False
    return any(_matches(name, pattern) for name in names for pattern in patterns)


def _matches(name: str, pattern: CertificatePattern) -> bool:
    if _is_address(name):
        return IPAddress_ID(name).verify(pattern)
    if not name.startswith("*."):
        return DNS_ID(name).verify(pattern)
    # RFC 8461 4.1: one label, whichever, below the rest; the certificate may be a wildcard, too.
    if not isinstance(pattern, DNSPattern):
        return False
    label, _, parent = pattern.pattern.decode("ascii", "replace").lower().partition(".")
    return (label == "*" or "*" not in label) and parent == name[2:].lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


# -- DANE


def _dane(security: Security, chain: Sequence[x509.Certificate]) -> tuple[TLSResult, str]:
    """RFC 7672 section 3.1: any usable record that matches is enough."""
    if not chain:
        return TLSResult.VALIDATION_FAILURE, "no certificate was shown"
    leaf, *above = chain
    # DANE-EE first: neither dates nor names of the certificate count (RFC 7672 3.1.1).
    if any(record.usage == DANE_EE and _has(record, leaf) for record in security.tlsa):
        return TLSResult.SUCCESS, ""
    failure = (TLSResult.VALIDATION_FAILURE, "no TLSA record matches the certificate")
    for record in security.tlsa:
        if record.usage == DANE_TA:
            for anchor in _anchors(record, above):
                failure = _below(anchor, leaf, above, security.names)
                if failure[0] is TLSResult.SUCCESS:
                    return failure
    return failure


def _anchors(record: TLSA, above: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Certificates that a DANE-TA record names: one the server sent, or the record itself."""
    found = [one for one in above if _has(record, one)]
    if not found and record.selector == 0 and record.matching == 0:
        try:
            found.append(x509.load_der_x509_certificate(record.data))
        except ValueError:
            return []
    return found


def _has(record: TLSA, certificate: x509.Certificate) -> bool:
    """RFC 6698 2.1: the whole certificate or its key, raw or as a digest."""
    if record.selector == 0:
        data = certificate.public_bytes(serialization.Encoding.DER)
    elif record.selector == 1:
        data = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    else:
        return False
    if record.matching == 0:
        return data == record.data
    digest = _DIGESTS.get(record.matching)
    return digest is not None and digest(data).digest() == record.data


def _below(
    anchor: x509.Certificate,
    leaf: x509.Certificate,
    above: Sequence[x509.Certificate],
    names: Sequence[str],
) -> tuple[TLSResult, str]:
    """Whether `leaf` comes from `anchor`, is valid now, for servers, and for one of `names`."""
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(anchor))
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    store.set_time(datetime.now(UTC))
    others = [crypto.X509.from_cryptography(one) for one in above]
    context = crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf), others)
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError as error:
        expired = error.errors[0] in _EXPIRED
        result = TLSResult.EXPIRED if expired else TLSResult.NOT_TRUSTED
        return result, str(error)
    if not _for_servers(leaf):
        return TLSResult.NOT_TRUSTED, "certificate is not for servers"
    if not named(leaf, names, common=True):
        return TLSResult.HOST_MISMATCH, f"certificate is not for {names[0] if names else 'it'}"
    return TLSResult.SUCCESS, ""


def _for_servers(leaf: x509.Certificate) -> bool:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return (
        ExtendedKeyUsageOID.SERVER_AUTH in usage
        or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage
    )
