"""Two mailhubs that report to each other: mail and forged mail flow, each is told what the other
saw, and the command shows the right counts. A web server takes TLS reports, too."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailhub.net.certificate import make_self_signed
from mailhub.wire import tlsrpt
from tests.dns import DNSServer
from tests.live.outgoing import PASSWORD, QUEUE
from tests.live.peers import ROOT, answers, new_address, open_folder, until
from tests.live.server import PLAIN, Server

pytestmark = [pytest.mark.live, ROOT]
SETTINGS = """
{plain}
[queue]
{queue}

[resolver]
servers = ["{dns}"]

[sender]
away = 1
connect_timeout = 5

[policy]
exempt_networks = []

[reports]
sender = "reports@{domain}"
receive = "reports@{domain}"
organization = "The people of {domain}"

[[listener]]
service = "smtp"
endpoint = "tcp:25:interface={address}"
tls = "starttls"
"""
MAIL = (
    "From: Ada <ada@a.test>\r\nTo: ada@b.test\r\nSubject: {subject}\r\n"
    "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{subject}@a.test>\r\n\r\nA word.\r\n"
)


@dataclass
class Site:
    """A domain with its server; `address` is where it takes mail and where it sends from."""

    domain: str
    server: Server
    address: str

    def ask(self, *words: str) -> Any:
        """What `mailhub report` prints."""
        return json.loads(self.server.command("report", *words, "--json").stdout)

    def submit(self, message: str, recipient: str) -> None:
        port = self.server.port("submission", "starttls")
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as smtp:
            smtp.login(f"ada@{self.domain}", PASSWORD)
            smtp.sendmail(f"ada@{self.domain}", [recipient], message.encode())


class Website:
    """An HTTPS server at port 443 of an address, that keeps what is posted. Its certificate
    proves nothing to anybody."""

    def __init__(self, address: str, folder: Path) -> None:
        self.posted: list[bytes] = []
        pair = folder / "cert.pem", folder / "key.pem"
        make_self_signed(*pair, ["somebody.else"])
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*pair)
        self._socket = socket.create_server((address, 443))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._talk(self._socket.accept()[0])

    def _talk(self, plain: socket.socket) -> None:
        plain.settimeout(5)
        wrapped = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with contextlib.suppress(OSError), wrapped as secure:
            secure.do_handshake()
            request = b""
            while not _whole(request):
                request += secure.recv(65536)
            self.posted.append(request)
            secure.sendall(b"HTTP/1.1 201 Taken\r\nContent-Length: 0\r\n\r\n")

    def close(self) -> None:
        self._socket.close()


def _whole(request: bytes) -> bool:
    header, end, body = request.partition(b"\r\n\r\n")
    said = re.search(rb"content-length: (\d+)", header.lower())
    return bool(end) and said is not None and len(body) >= int(said[1])


@dataclass
class Two:
    a: Site
    b: Site
    web: Website


@pytest.fixture(scope="module")
def two() -> Iterator[Two]:
    with ExitStack() as stack:
        dns = stack.enter_context(DNSServer({"test": '@ IN TXT "no policy"\n'}))
        folder = stack.enter_context(open_folder())
        web = Website(new_address(), folder)
        stack.callback(web.close)
        web_address = web._socket.getsockname()[0]
        sites = []
        for domain in ("a.test", "b.test"):
            folder = stack.enter_context(open_folder())
            address = new_address()
            queue = "\n".join(f"{key} = {value}" for key, value in QUEUE.items())
            settings = SETTINGS.format(
                plain=PLAIN, queue=queue, dns=dns.address, domain=domain, address=address
            )
            server = Server(folder, settings, hostname=f"mx.{domain}")
            stack.callback(server.kill)
            server.start()
            assert until(lambda address=address: answers(address))  # type: ignore[misc]
            site = Site(domain, server, address)
            prepare(site, dns, web_address)
            sites.append(site)
        yield Two(*sites, web)
        for site in sites:
            assert site.server.stop() == 0, site.server.log.read_text()[-3000:]


def prepare(site: Site, dns: DNSServer, web: str) -> None:
    """Its people, and the zone that it asks for; b.test wants TLS reports by web, too."""
    server = site.server
    server.add_domain(site.domain)
    for name in ("ada", "reports"):
        server.add_user(f"{name}@{site.domain}", PASSWORD)
    server.command("routes", "add", "*", "--source", site.address)
    server.command("dkim", "activate", site.domain)
    zone = server.command("domain", "dns", site.domain).stdout
    assert f"rua=mailto:reports@{site.domain}" in zone
    if site.domain == "b.test":
        mail = "rua=mailto:reports@b.test"
        tls = "_smtp._tls.b.test"
        zone = "\n".join(
            line.replace(mail, f"{mail},https://web.b.test/tlsrpt") if tls in line else line
            for line in zone.splitlines()
        )
        zone += f"\nweb IN A {web}"
    dns.load(site.domain, f"{zone}\nmx IN A {site.address}\n")


def sent(site: Site) -> list[tuple[str, str, str, str]]:
    rows = site.ask("send", "--today")
    return sorted((row["kind"], row["domain"], row["outcome"], row["where"]) for row in rows)


def forge(to: Site, subject: str, source: str) -> None:
    """Mail in the name of a.test, from a server that it knows nothing of."""
    with smtplib.SMTP(to.address, 25, "forger.test", 20, (source, 0)) as smtp:
        smtp.sendmail("x@forger.test", ["ada@b.test"], MAIL.format(subject=subject))


def arrived(site: Site, kind: str = "", count: int = 1) -> list[Any]:
    """The reports that came, of one kind or any, once there are so many."""
    found: list[Any] = []

    def look() -> bool:
        found[:] = [row for row in site.ask("list") if kind in ("", row["kind"])]
        return len(found) >= count

    assert until(look), site.server.log.read_text()[-3000:]
    return found


def test_what_one_saw_the_other_is_told(two: Two) -> None:
    for number in range(3):
        two.a.submit(MAIL.format(subject=f"honest{number}"), "ada@b.test")
    queue = two.a.server.command
    assert until(lambda: "none" in queue("queue", "list").stdout)
    address = new_address()
    for number in range(2):
        forge(two.b, f"forged{number}", address)

    # b.test saw mail in the name of a.test, and tells it.
    assert ("dmarc", "a.test", "sent", "reports@a.test") in sent(two.b)
    [report] = arrived(two.a, "dmarc")
    assert (report["domain"], report["reporter"]) == ("a.test", "The people of b.test")
    assert (report["passed"], report["failed"]) == (3, 2)
    summary = two.a.ask("show", "a.test")
    assert (summary["reports"], summary["passed"], summary["failed"]) == (1, 3, 2)
    sources = {row["address"]: row for row in summary["sources"]}
    assert sources[two.a.address]["dkim"] == sources[two.a.address]["spf"] == 3
    assert (sources[address]["failed"], sources[address]["quarantined"]) == (2, 2)

    # a.test spoke to the server of b.test, and tells it, by mail and by web.
    assert [one for one in sent(two.a) if one[0] == "tlsrpt"] == [
        ("tlsrpt", "b.test", "sent", "https://web.b.test/tlsrpt"),
        ("tlsrpt", "b.test", "sent", "reports@b.test"),
    ]
    [told] = arrived(two.b, "tls")
    assert (told["domain"], told["reporter"]) == ("b.test", "The people of a.test")
    assert told["passed"] + told["failed"] >= 1
    [request] = two.web.posted
    header, _, data = request.partition(b"\r\n\r\n")
    assert b"application/tlsrpt+gzip" in header
    [counts] = tlsrpt.read(gzip.decompress(data)).policies
    assert (counts.successful, counts.failed) == (told["passed"], told["failed"])

    # People read it, too; reading all again changes nothing.
    shown = two.a.server.command("report", "show", "a.test").stdout
    assert two.a.address in shown
    assert two.a.ask("read") == [{"outcome": "known", "messages": 1}]
    assert two.a.ask("show", "a.test")["failed"] == 2


def test_a_report_passes_dmarc_where_it_arrives(two: Two, tmp_path: Path) -> None:
    """RFC 9990 3.5.2, RFC 8460 3: signed as the sender's domain."""
    two.a.server.command("export", "mbox", "reports@a.test", str(tmp_path))
    mail = "".join(file.read_text() for file in tmp_path.rglob("*") if file.is_file())
    assert mail.count("\nSubject: Report Domain: a.test") == 1
    [results] = re.findall(r"\nAuthentication-Results: mx.a.test;(?:.*\n[ \t])+.*", mail)
    assert "dmarc=pass" in results
    assert "dkim=pass" in results


def test_counts_outlive_a_stop(two: Two) -> None:
    forge(two.b, "late", new_address())
    assert two.b.server.stop() == 0
    two.b.server.start()
    assert ("dmarc", "a.test", "sent", "reports@a.test") in sent(two.b)
    reports = arrived(two.a, "dmarc", 2)
    assert sum(row["failed"] for row in reports) == 3


@pytest.mark.parametrize(
    "words", [("list",), ("show", "a.test"), ("list", "a.test", "--days", "1")]
)
def test_the_command_works_without_the_server(two: Two, words: tuple[str, ...]) -> None:
    before = two.a.ask(*words)
    assert two.a.server.stop() == 0
    try:
        assert two.a.ask(*words) == before
    finally:
        two.a.server.start()
