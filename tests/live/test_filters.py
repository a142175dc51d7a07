"""Lists, hello rules, greylisting, limits and tarpit in a whole server that asks a real DNS."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Iterator

import pytest

from tests.dns import DNSServer
from tests.live.conftest import DOMAIN
from tests.live.peers import until
from tests.live.server import PLAIN, Server

SECTIONS = """
[resolver]
servers = ["{dns}"]
[policy]
authenticate = false
exempt_networks = []
[hello]
ours = "reject"
unresolvable = 3.0
[reverse]
missing = 4.0
[[dnsbl]]
zone = "bad.test"
found = "reject"
codes = {{ "127.0.0.10-11" = "junk" }}
[[dnsbl]]
zone = "good.test"
found = -5
[[dnsbl]]
zone = "closed.test"
found = "reject"
[greylist]
enabled = true
delay = 1
[rate]
domain = 4
[tarpit]
score = 7.0
wait = 0.6
"""
ZONES = {
    "bad.test": "7.2.0.192 IN A 127.0.0.2\n8.2.0.192 IN A 127.0.0.10\n",
    "good.test": "9.2.0.192 IN A 127.0.0.2\n",
    "closed.test": "7.2.0.192 IN A 127.255.255.254\n",
    "client.test": "mx IN A 192.0.2.9\n",
    "2.0.192.in-addr.arpa": "".join(f"{host} IN PTR mx.client.test.\n" for host in (7, 8, 9, 10)),
    "b.example": "@ IN TXT none\n",
}
LETTER = b"From: Ada <ada@b.example>\r\nSubject: Hello\r\n\r\nHello\r\n"


@pytest.fixture(scope="module")
def filtering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose clients say through XCLIENT who they are."""
    with DNSServer(ZONES) as dns:
        plain = PLAIN.replace("[smtp]\n", '[smtp]\nxclient_from = ["127.0.0.1"]\n')
        folder = tmp_path_factory.mktemp("hub")
        server = Server(folder, plain + SECTIONS.format(dns=dns.address))
        server.start()
        try:
            server.add_domain(DOMAIN)
            server.add_user(f"joe@{DOMAIN}", "Live-Passw0rd-1")
            yield server
        finally:
            assert server.stop() == 0, server.log.read_text()[-3000:]
    assert "Traceback" not in server.log.read_text()


def client(server: Server, address: str, hello: str = "mx.client.test") -> smtplib.SMTP:
    smtp = smtplib.SMTP("127.0.0.1", server.port("smtp"), "proxy.test", timeout=20)
    smtp.ehlo()
    assert smtp.docmd("XCLIENT", f"ADDR={address} NAME=[UNAVAILABLE]")[0] == 220
    smtp.ehlo(hello)
    return smtp


def said(answer: tuple[int, bytes]) -> str:
    return f"{answer[0]} {answer[1].decode()}"


def test_who_is_listed(filtering: Server) -> None:
    with client(filtering, "192.0.2.7") as smtp:
        answer = said(smtp.mail("ada@b.example"))
        assert answer == "550 5.7.1 Your address 192.0.2.7 is listed by bad.test"
    with client(filtering, "192.0.2.9") as smtp:
        assert smtp.mail("ada@b.example")[0] == 250
        assert smtp.rcpt(f"joe@{DOMAIN}")[0] == 250, "a good list lets pass"
    found = '"found":"dnsbl=bad.test dnsbl=unavailable"'
    assert until(lambda: found in filtering.log.read_text())


def test_who_says_to_be_us(filtering: Server) -> None:
    with client(filtering, "192.0.2.10", "mail.test") as smtp:
        assert said(smtp.mail("ada@b.example")) == "550 5.7.1 You are not who your hello says"
    with client(filtering, "192.0.2.10", DOMAIN) as smtp:
        assert smtp.mail("ada@b.example")[0] == 550


def test_who_is_unknown_comes_again_and_listed_mail_goes_into_junk(filtering: Server) -> None:
    with client(filtering, "192.0.2.8") as smtp:
        smtp.mail("grey@c.example")
        first = said(smtp.rcpt(f"joe@{DOMAIN}"))
        assert first == "451 4.7.1 Greylisted, try again in 1 seconds"
        smtp.rset()
        time.sleep(1.1)
        assert smtp.mail("grey@c.example")[0] == 250
        assert smtp.rcpt(f"joe@{DOMAIN}")[0] == 250
        assert smtp.data(LETTER)[0] == 250
    cause = '"cause":"dnsbl=bad.test=127.0.0.10-11"'
    assert until(lambda: cause in filtering.log.read_text())


def test_who_has_points_waits(filtering: Server) -> None:
    with client(filtering, "192.0.2.77", "nowhere.client.test") as smtp:
        began = time.monotonic()
        assert smtp.mail("ada@d.example")[0] == 250
        assert smtp.noop()[0] == 250
        assert time.monotonic() - began > 1.1


def test_a_domain_that_sends_too_much(filtering: Server) -> None:
    with client(filtering, "192.0.2.9") as smtp:
        codes = []
        for number in range(6):
            codes.append(smtp.mail(f"a{number}@e.example")[0])
            smtp.rset()
    assert codes == [250] * 4 + [451] * 2
