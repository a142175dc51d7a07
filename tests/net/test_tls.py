"""Certificates: what is refused, which one a name gets, and reloading under live sessions."""

from __future__ import annotations

import contextlib
import os
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from zope.interface import directlyProvides

from mailhub.model.errors import Invalid
from mailhub.model.settings import TLSSettings
from mailhub.net.certificate import LARGEST_FILE, make_self_signed, read_pair
from mailhub.net.peer import tls_facts
from mailhub.net.tls import POLL, Certificates

pytestmark = pytest.mark.thorough


class Events:
    def __init__(self) -> None:
        self.seen: list[dict[str, object]] = []

    def event(self, verb: str, **fields: object) -> None:
        self.seen.append({"verb": verb, **fields})


def pair(folder: Path, name: str, *names: str) -> tuple[Path, Path]:
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    make_self_signed(certificate, key, names or (name,))
    return certificate, key


def handshake(
    server: SSL.Connection, name: str = "", version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> ssl.SSLObject:
    """A client's half of a handshake with `server`, in memory."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if version < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")  # the client would refuse by itself
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=name or None)
    server.set_accept_state()
    for _ in range(6):
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        if to_server.pending:
            server.bio_write(to_server.read())
        with contextlib.suppress(SSL.WantReadError):
            server.do_handshake()
        with contextlib.suppress(SSL.WantReadError):
            to_client.write(server.bio_read(1 << 16))
    return client


def leaf_names(client: ssl.SSLObject) -> list[str]:
    der = client.getpeercert(binary_form=True)
    assert der is not None
    leaf = x509.load_der_x509_certificate(der)
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return san.get_values_for_type(x509.DNSName)


def connection(certificates: Certificates) -> SSL.Connection:
    factory: Any = certificates.context_factory()
    made: SSL.Connection = factory.serverConnectionForTLS(None)
    return made


# -- files


def test_a_self_signed_pair_is_made_once_and_private(tmp_path: Path) -> None:
    certificates = Certificates(TLSSettings(), tmp_path, "mail.example.org", Events())
    certificates.load()
    key = tmp_path / "tls" / "system.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700
    before = key.read_bytes()
    Certificates(TLSSettings(), tmp_path, "other.example.org", Events()).load()
    assert key.read_bytes() == before
    leaf = read_pair(certificates.certificate, key).chain[0]
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == ["mail.example.org", "localhost"]
    assert [str(ip) for ip in san.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    certificate, _ = pair(tmp_path, "a")
    _, key = pair(tmp_path, "b")
    with pytest.raises(Invalid, match=r"not the key of .*a\.crt"):
        read_pair(certificate, key)


def test_what_is_no_pair_is_named(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "a")
    junk = tmp_path / "junk"
    junk.write_text("nothing of the sort")
    with pytest.raises(Invalid, match=r"junk: not a PEM certificate chain"):
        read_pair(junk, key)
    with pytest.raises(Invalid, match=r"junk: not a PEM private key"):
        read_pair(certificate, junk)
    with pytest.raises(Invalid, match=r"missing: No such file"):
        read_pair(tmp_path / "missing", key)
    junk.write_bytes(certificate.read_bytes() + b"\n" * LARGEST_FILE)
    with pytest.raises(Invalid, match=r"longer than"):
        read_pair(junk, key)


def test_an_encrypted_key_is_refused_without_a_prompt(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "a")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(Invalid, match=r"encrypted"):
        read_pair(certificate, key)


def test_a_chain_in_the_wrong_order_is_refused(tmp_path: Path) -> None:
    first, key = pair(tmp_path, "a")
    second, _ = pair(tmp_path, "b")
    both = tmp_path / "both.crt"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    with pytest.raises(Invalid, match=r"not in order"):
        read_pair(both, key)


def test_rsa_keys_serve_too(tmp_path: Path) -> None:
    """Certificates from elsewhere are often RSA; the context takes them as they are."""
    from cryptography.hazmat.primitives import hashes

    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rsa.example.org")])
    certificate, _ = pair(tmp_path, "a")
    old = x509.load_pem_x509_certificate(certificate.read_bytes())
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 7)
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(old.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "a.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    settings = TLSSettings(certificate=str(certificate), key=str(tmp_path / "a.key"))
    certificates = Certificates(settings, tmp_path, "x", Events())
    certificates.load()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client = handshake(connection(certificates), version=version)
        assert client.version() is not None


# -- which one


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    certificate, key = pair(tmp_path, "default", "mail.example.org")
    folder = tmp_path / "more"
    folder.mkdir()
    pair(folder, "one", "one.example.org", "uno.example.org")
    pair(folder, "wild", "*.wild.example.org")
    settings = TLSSettings(certificate=str(certificate), key=str(key), directory=str(folder))
    made = Certificates(settings, tmp_path, "mail.example.org", Events())
    made.load()
    return made


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("", "mail.example.org"),
        ("mail.example.org", "mail.example.org"),
        ("unknown.example.net", "mail.example.org"),
        ("one.example.org", "one.example.org"),
        ("UNO.example.org", "one.example.org"),
        ("a.wild.example.org", "*.wild.example.org"),
        ("a.b.wild.example.org", "mail.example.org"),
        ("wild.example.org", "mail.example.org"),
    ],
)
def test_the_name_chooses(certificates: Certificates, asked: str, got: str) -> None:
    assert leaf_names(handshake(connection(certificates), asked))[0] == got


@pytest.mark.filterwarnings("ignore:.*TLSv1_1")
def test_old_versions_are_refused(certificates: Certificates) -> None:
    with pytest.raises(SSL.Error, match="unsupported protocol"):
        handshake(connection(certificates), version=ssl.TLSVersion.TLSv1_1)


@pytest.mark.parametrize(
    ("version", "size"), [(ssl.TLSVersion.TLSv1_3, 32), (ssl.TLSVersion.TLSv1_2, 0)]
)
def test_facts_of_a_layer(certificates: Certificates, version: ssl.TLSVersion, size: int) -> None:
    class Transport:
        def __init__(self, handle: object) -> None:
            self.handle = handle

        def getHandle(self) -> object:
            return self.handle

    server = connection(certificates)
    transport = Transport(server)
    assert tls_facts(transport) is None
    directlyProvides(transport, ISSLTransport)
    before = tls_facts(transport)
    assert before is not None
    assert before.version == ""
    client = handshake(server, version=version)
    facts = tls_facts(transport)
    assert facts is not None
    assert facts.version == client.version()
    assert len(facts.exporter) == size


# -- reloading


def test_a_changed_file_is_used_and_live_sessions_stay(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "a", "old.example.org")
    events = Events()
    settings = TLSSettings(certificate=str(certificate), key=str(key))
    certificates = Certificates(settings, tmp_path, "x", events)
    certificates.load()
    reactor = Clock()
    certificates.start(reactor)
    server = connection(certificates)
    client = handshake(server)

    make_self_signed(certificate, key, ["new.example.org"])
    reactor.advance(POLL)
    assert leaf_names(handshake(connection(certificates))) == ["new.example.org"]
    assert leaf_names(client) == ["old.example.org"]
    server.send(b"still here")
    certificates.stop()
    assert reactor.getDelayedCalls() == []


def test_a_broken_file_is_told_once_and_the_old_one_stays(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "a", "old.example.org")
    events = Events()
    settings = TLSSettings(certificate=str(certificate), key=str(key))
    certificates = Certificates(settings, tmp_path, "x", events)
    certificates.load()
    reactor = Clock()
    certificates.start(reactor)
    good = certificate.read_bytes()
    certificate.write_bytes(b"half of a fi")
    for _ in range(3):
        reactor.advance(POLL)
    refused = [event for event in events.seen if event.get("outcome") == "refused"]
    assert len(refused) == 1
    assert leaf_names(handshake(connection(certificates))) == ["old.example.org"]
    certificate.write_bytes(good)
    os.utime(certificate, (1, 1))
    reactor.advance(POLL)
    assert events.seen[-1]["outcome"] == "loaded"


def test_a_new_pair_in_the_directory_is_found(certificates: Certificates, tmp_path: Path) -> None:
    reactor = Clock()
    certificates.start(reactor)
    pair(tmp_path / "more", "late", "late.example.org")
    reactor.advance(POLL)
    assert leaf_names(handshake(connection(certificates), "late.example.org")) == [
        "late.example.org"
    ]


def test_a_bad_pair_in_the_directory_hurts_no_other(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "default")
    folder = tmp_path / "more"
    folder.mkdir()
    pair(folder, "one", "one.example.org")
    (folder / "bad.crt").write_text("no")
    events = Events()
    settings = TLSSettings(certificate=str(certificate), key=str(key), directory=str(folder))
    certificates = Certificates(settings, tmp_path, "x", events)
    certificates.load()
    assert [event["outcome"] for event in events.seen] == ["refused", "loaded"]
    assert leaf_names(handshake(connection(certificates), "one.example.org")) == ["one.example.org"]
