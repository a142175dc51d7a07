"""Certificates from an authority, and real clients that see the new one while sessions go on."""

from __future__ import annotations

import contextlib
import hashlib
import imaplib
import json
import poplib
import smtplib
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.authority import Authority
from tests.dns import DNSServer
from tests.live.chromium import Chromium
from tests.live.looking import faults, fill, form, send
from tests.live.pebble import Pebble
from tests.live.server import PLAIN, Server
from tests.ports import free_port

pytestmark = pytest.mark.live
KINDS = ("autoconfig", "autodiscover", "mta-sts")
HOST, NAME = "box.acme.test", "acme.test"
HERE = "".join(
    f"{name} A 127.0.0.1\n"
    for bare in ("@", "box")
    for name in (bare, *(f"{kind}.{bare}".removesuffix(".@") for kind in KINDS))
)
ZONES = {
    NAME: f"{HERE}www A 203.0.113.9\n",
    "blocked.test": "@ A 127.0.0.1\n",
    "page.test": "@ A 127.0.0.1\n",
}
PASSWORD = "Correct-Horse-7"
SETTINGS = """
[dns]
listen = ["127.0.0.1:{own}"]
addresses = ["127.0.0.1"]

[resolver]
servers = ["{dns}"]

[tls]
authorities = "{root}"

[acme]
agree = true
directory = "{directory}"
contact = "root@acme.test"
trusted = "{trusted}"
patience = 30
names = ["*.acme.test"]

[[listener]]
service = "http"
endpoint = "tcp:{http}:interface=127.0.0.1"

[[listener]]
service = "http"
endpoint = "tcp:0:interface=127.0.0.1"
tls = "implicit"
"""


@pytest.fixture(scope="module")
def pebble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pebble, int]]:
    with DNSServer(ZONES) as dns:
        http, folder = free_port(), tmp_path_factory.mktemp("pebble")
        # The authority asks our own name server, for addresses and for proofs; we ask another.
        own = f"127.0.0.1:{free_port()}"
        made = Pebble(folder, http, own, nonces=15, blocked=("blocked.test",))
        made.resolver = dns.address
        try:
            made.start()
            yield made, http
        finally:
            made.stop()


@pytest.fixture(scope="module")
def company() -> Authority:
    """An authority that the server is told to believe."""
    return Authority("A company's own")


@pytest.fixture(scope="module")
def hub(
    pebble: tuple[Pebble, int], company: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    authority, http = pebble
    believed = tmp_path_factory.mktemp("believed") / "roots.pem"
    believed.write_text(authority.root.read_text() + company.text)
    sections = PLAIN + SETTINGS.format(
        dns=authority.resolver,
        own=authority.dns.rpartition(":")[2],
        root=believed,
        directory=authority.directory,
        trusted=authority.trusted,
        http=http,
    )
    server = Server(tmp_path_factory.mktemp("hub"), sections, hostname=HOST)
    server.start()
    server.add_domain(NAME)
    server.add_user(f"ada@{NAME}", PASSWORD)
    try:
        yield server
    finally:
        server.stop()


class Client:
    """What each kind of client is shown, by the SHA-256 of the certificate; it verifies as clients
    do, with the authority's root and the name."""

    def __init__(self, hub: Server, root: Path) -> None:
        self.hub = hub
        self.context = ssl.create_default_context(cafile=str(root))

    def all(self, name: str) -> dict[str, str]:
        """By service. Raises SSLError where any does not verify."""
        ways: dict[str, Callable[[str], str]] = {
            "smtp": self.smtp,
            "imap": self.imap,
            "pop3": self.pop3,
            "https": self.https,
        }
        return {service: way(name) for service, way in ways.items()}

    def smtp(self, name: str) -> str:
        with smtplib.SMTP("127.0.0.1", self.hub.port("smtp"), timeout=10) as client:
            client._host = name  # type: ignore[attr-defined]
            client.starttls(context=self.context)
            return _shown(client.sock)

    def imap(self, name: str) -> str:
        with imaplib.IMAP4("127.0.0.1", self.hub.port("imap", "starttls"), timeout=10) as client:
            client.host = name
            client.starttls(self.context)
            return _shown(client.sock)

    def pop3(self, name: str) -> str:
        client = poplib.POP3("127.0.0.1", self.hub.port("pop3", "starttls"), timeout=10)
        client.host = name
        client.stls(self.context)
        with contextlib.closing(client.sock) as channel:
            return _shown(channel)

    def https(self, name: str) -> str:
        port = self.hub.port("http", "implicit")
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            self.context.wrap_socket(plain, server_hostname=name) as channel,
        ):
            channel.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert channel.recv(12) == b"HTTP/1.1 200"
            return _shown(channel)


def _shown(channel: object) -> str:
    der = channel.getpeercert(binary_form=True)  # type: ignore[attr-defined]
    return hashlib.sha256(der).hexdigest()


def rows(hub: Server) -> dict[str, dict[str, str]]:
    """What `mailhub tls status` says, by name."""
    return {one["name"]: one for one in json.loads(hub.command("tls", "status", "--json").stdout)}


def test_issued_renewed_and_revoked(pebble: tuple[Pebble, int], hub: Server) -> None:
    authority, _ = pebble
    client = Client(hub, authority.root)
    with pytest.raises(ssl.SSLCertVerificationError):
        client.https(NAME)
    session = imaplib.IMAP4("127.0.0.1", hub.port("imap", "starttls"), timeout=10)
    lax = ssl._create_unverified_context()
    session.starttls(lax)
    first = _shown(session.sock)
    session.login(f"ada@{NAME}", PASSWORD)

    done = hub.command("tls", "provision")
    shown = client.all(NAME)  # at once: nothing is waited for
    assert len(set(shown.values())) == 1
    assert "installed: " in done.stdout
    assert "skipped: www.acme.test\n  The domain name does not resolve to this machine:" in (
        done.stdout
    )
    assert client.all(HOST) == client.all("any.acme.test") == shown
    told = rows(hub)
    assert told[HOST]["status"] == told[NAME]["status"] == "success"
    assert told["www.acme.test"]["status"] == "success"  # by the wildcard
    assert hub.command("tls", "provision", NAME).stdout == "every certificate is good\n"

    # Renewed: another certificate of the same key, on every listener, and nobody is interrupted.
    hub.command("tls", "provision", "--force", NAME, HOST)
    again = client.all(NAME)
    assert len(set(again.values())) == 1
    assert set(again.values()).isdisjoint(shown.values())
    assert session.noop()[0] == "OK"
    assert _shown(session.sock) == first
    kept = {path.stem: path for path in (hub.var / "tls" / "installed").glob("*.crt")}
    assert {*shown.values(), *again.values()} <= set(kept)
    assert not list((hub.var / "tls" / "installed").glob("*.key"))
    session.logout()

    # Revoked: the authority knows, and the one before is shown again.
    id = again["https"]
    serial = x509.load_pem_x509_certificate(kept[id].read_bytes()).serial_number
    assert authority.status(serial) == "Valid"
    hub.command("tls", "revoke", id)
    assert authority.status(serial) == "Revoked"
    assert set(client.all(NAME).values()) == set(shown.values())


def test_what_the_authority_refuses_is_told_with_its_words(
    pebble: tuple[Pebble, int], hub: Server
) -> None:
    hub.add_domain("blocked.test")
    done = hub.command("tls", "provision", "blocked.test", check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("error: blocked.test\n")
    assert "policy" in done.stdout
    assert rows(hub)["blocked.test"]["failure"]
    none = hub.command("tls", "provision", "example.com", check=False)
    assert "not served here" in none.stderr


def test_a_certificate_from_elsewhere_is_installed_by_hand(
    pebble: tuple[Pebble, int], hub: Server, tmp_path: Path
) -> None:
    private = Authority("Nobody knows")
    request = x509.load_pem_x509_csr(hub.command("tls", "csr", NAME).stdout.encode())
    file = tmp_path / "own.pem"
    file.write_text(private.issue([NAME], public=request.public_key()) + private.text)
    refused = hub.command("tls", "install", NAME, str(file), check=False)
    assert "authority is not known" in refused.stderr
    hub.command("tls", "remove", "0" * 64, check=False)
    assert Client(hub, pebble[0].root).imap(NAME)


def test_what_was_installed_is_shown_at_once_on_every_listener(
    hub: Server, company: Authority, tmp_path: Path
) -> None:
    hub.add_domain("byhand.test")
    request = x509.load_pem_x509_csr(hub.command("tls", "csr", "byhand.test").stdout.encode())
    between = company.below("between")
    file, chain, root = (tmp_path / name for name in ("own.pem", "chain.pem", "root.pem"))
    file.write_text(between.issue(["byhand.test"], public=request.public_key()))
    chain.write_text(between.text)
    root.write_text(company.text)
    client = Client(hub, root)
    with pytest.raises(ssl.SSLCertVerificationError):
        client.https("byhand.test")
    lone = hub.command("tls", "install", "byhand.test", str(file), check=False)
    assert "is missing" in lone.stderr
    other = hub.command("tls", "install", NAME, str(file), "--chain", str(chain), check=False)
    assert "for byhand.test" in other.stderr
    hub.command("tls", "install", "byhand.test", str(file), "--chain", str(chain))
    shown = client.all("byhand.test")  # nothing is waited for
    mine = x509.load_pem_x509_certificate(file.read_bytes()).fingerprint(hashes.SHA256()).hex()
    assert set(shown.values()) == {mine}
    hub.command("tls", "remove", mine)
    with pytest.raises(ssl.SSLCertVerificationError):
        client.https("byhand.test")


def test_a_challenge_that_nobody_made_is_not_answered(
    hub: Server, pebble: tuple[Pebble, int]
) -> None:
    for token in ("x", "..%2f..%2fsystem.key", "a" * 600):
        url = f"http://127.0.0.1:{pebble[1]}/.well-known/acme-challenge/{token}"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url, timeout=10)
        assert refused.value.code == 404


def test_a_browser_asks_for_certificates_and_installs_them(hub: Server, company: Authority) -> None:
    """With what is good and with what is not; what was typed is still there then."""
    for name in ("page.test", "typed.test"):
        hub.add_domain(name)
    hub.add_user(f"root@{NAME}", PASSWORD, "--role", "admin")
    between = company.below("between pages")
    place = "POST /panel/certificates"
    base = f"http://127.0.0.1:{hub.port('http', 'none')}"
    with Chromium() as chromium, chromium.window(base) as window:
        page = window.page
        window.sign_in(f"root@{NAME}", PASSWORD)
        window.go("/panel/certificates")
        due = form(page, f"{place}/provision")
        due.locator("[name=csrf]").evaluate("it => { it.value = 'forged' }")
        assert send(window, due) == 403
        window.go("/panel/certificates")
        assert send(window, form(page, f"{place}/provision")) == 200
        assert page.locator(".done", has_text="page.test").count() == 1, page.inner_text("main")
        assert rows(hub)["page.test"]["status"] == "success"

        fill(form(page, f"{place}/request"), {"domain": "typed.test", "country": "DE"})
        assert send(window, form(page, f"{place}/request")) == 200
        request = x509.load_pem_x509_csr(page.inner_text("pre").encode())
        made = between.issue(["typed.test"], public=request.public_key())
        typed = {"domain": "typed.test", "certificate": made}
        for wrong, words in (
            (typed, "is missing"),
            ({**typed, "domain": NAME, "chain": between.text}, "for typed.test"),
            ({**typed, "certificate": "<script>ran(1)</script>"}, ""),
        ):
            window.go("/panel/certificates")
            fill(form(page, place), wrong)
            assert send(window, form(page, place)) == 400
            assert words in page.inner_text("[role=alert]")
            for name, value in wrong.items():
                shown = form(page, place).locator(f"[name={name}]").input_value()
                assert shown.strip() == value.strip()
        assert faults(window) == []
        fill(form(page, place), {**typed, "chain": between.text})
        assert send(window, form(page, place)) == 200
        assert not page.locator("[role=alert]").count()
        assert rows(hub)["typed.test"]["status"] == "success"
        window.calm()
