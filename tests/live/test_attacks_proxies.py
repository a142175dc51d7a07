"""Whose word counts about where a client is: PROXY headers, XCLIENT and trusted networks; and
limits on guessing that many addresses cannot get round."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from tests.live import web
from tests.live.doors import plain
from tests.live.server import PLAIN, Server
from tests.live.web import PASSWORD
from tests.live.wire import IMAP, SMTP, Wire

PROXY, STRANGER, TEACHER = "127.0.0.2", "127.0.0.9", "127.0.0.3"
IN_ALL = 20
SETTINGS = f"""
connections_per_network = 3
guesses_per_address = 4
guesses_per_network = 8
guesses_in_all = {IN_ALL}
""" + PLAIN.replace(
    "[smtp]", f'[smtp]\ntrusted_networks = ["203.0.113.0/24"]\nxclient_from = ["{TEACHER}"]'
)
# Who these clients say they are is made up: no DNS is to be asked about them.
SETTINGS += "\n[policy]\nauthenticate = false\n"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server behind a proxy at one address, that takes XCLIENT from another."""
    server = Server(
        tmp_path_factory.mktemp("hub"), SETTINGS, exempt=["127.0.0.1/32"], proxies=[PROXY + "/32"]
    )
    server.start()
    web.make(server, "user@live.test")
    yield server
    assert server.stop() == 0


def v1(source: str) -> bytes:
    family = "TCP6" if ":" in source else "TCP4"
    here = "::1" if ":" in source else "127.0.0.1"
    return f"PROXY {family} {source} {here} 4711 25\r\n".encode()


class Proxied(Wire):
    """A connection that the proxy opened for `client`."""

    def __init__(self, port: int, client: str) -> None:
        super().__init__(port, source=PROXY)
        self.send(v1(client))


def test_a_strangers_proxy_header_is_a_bad_command(behind: Server) -> None:
    with SMTP(behind.port("smtp"), hello=b"", source=STRANGER) as smtp:
        assert smtp.say(v1("203.0.113.5").strip())[:1] == b"5"
        smtp.say(b"EHLO x.example")
        smtp.say(b"MAIL FROM:<a@example.org>")
        assert smtp.say(b"RCPT TO:<someone@elsewhere.test>").startswith(b"550 5.7.1")
    with IMAP(behind.port("imap"), source=STRANGER) as imap:
        imap.send(v1("203.0.113.5"))
        assert imap.line().split()[1] == b"BAD"


def test_the_proxys_word_is_what_relays_and_what_is_traced(behind: Server) -> None:
    for client, code in (("203.0.113.5", b"250"), ("198.51.100.5", b"550")):
        with Proxied(behind.port("smtp"), client) as wire:
            assert wire.line().startswith(b"220")
            wire.send(b"HELO x.example\r\nMAIL FROM:<a@example.org>\r\n")
            wire.send(b"RCPT TO:<someone@elsewhere.test>\r\nRCPT TO:<user@live.test>\r\n")
            assert [wire.line()[:3] for _ in range(3)] == [b"250", b"250", code]
            assert wire.line()[:3] == b"250"
            wire.send(b"DATA\r\n")
            assert wire.line()[:3] == b"354"
            wire.send(b"From: a@example.org\r\nSubject: traced\r\n\r\nx\r\n.\r\n")
            assert wire.line()[:3] == b"250"
        with IMAP(behind.port("imap"), "user@live.test", PASSWORD) as imap:
            imap.say(b"SELECT INBOX")
            fields = imap.say(b"FETCH * BODY[HEADER.FIELDS (RECEIVED)]")[0]
        assert f"[{client}]".encode() in fields
        assert PROXY.encode() not in fields


HEADERS = {
    "no header": b"EHLO x.example\r\n",
    "a name for an address": b"PROXY TCP4 localhost 127.0.0.1 1 2\r\n",
    "the wrong family": b"PROXY TCP4 ::1 ::1 1 2\r\n",
    "a port too many": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
    "octal": b"PROXY TCP4 0300.0.2.1 192.0.2.2 1 2\r\n",
    "no end": b"PROXY TCP4 192.0.2.1 " + b"1" * 200,
    "a bare newline": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
    "version 3": b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c" + bytes(12),
    "a short address": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04" + bytes(4),
    "a huge block": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" + bytes(2000),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_broken_proxy_header_ends_the_connection_without_a_word(
    behind: Server, name: str
) -> None:
    with Wire(behind.port("smtp"), source=PROXY) as wire:
        wire.send(HEADERS[name] + (b"\r\n" * 60 if name == "a bare newline" else b""))
        assert wire.line() == b""


def test_a_binary_proxy_header_counts_as_well(behind: Server) -> None:
    block = struct.pack("!4s4sHH", bytes([198, 51, 100, 9]), bytes([127, 0, 0, 1]), 4711, 25)
    with Wire(behind.port("smtp"), source=PROXY) as wire:
        wire.send(b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(block)) + block)
        assert wire.line().startswith(b"220")
        wire.send(b"EHLO x.example\r\n")
        assert wire.line().startswith(b"250-")


def test_connections_count_against_the_client_and_not_the_proxy(behind: Server) -> None:
    port = behind.port("imap")
    held = [Proxied(port, f"2001:db8:1::{number}") for number in range(3)]
    assert all(one.line().startswith(b"* OK") for one in held)
    with Proxied(port, "2001:db8:1::ffff") as same_network:
        assert same_network.line().startswith(b"* BYE [UNAVAILABLE]")
    with Proxied(port, "2001:db8:2::1") as other_network:
        assert other_network.line().startswith(b"* OK")
    for one in held:
        one.close()


def test_xclient_is_for_configured_peers_only(behind: Server) -> None:
    with SMTP(behind.port("smtp"), source=STRANGER) as smtp:
        assert b"XCLIENT" not in smtp.hello
        assert smtp.say(b"XCLIENT ADDR=203.0.113.5").startswith(b"550 5.7.0")
        assert smtp.say(b"XCLIENT LOGIN=user@live.test").startswith(b"550 5.7.0")
        smtp.say(b"MAIL FROM:<a@example.org>")
        assert smtp.say(b"RCPT TO:<someone@elsewhere.test>").startswith(b"550 5.7.1")
    with SMTP(behind.port("smtp"), source=TEACHER) as smtp:
        assert b"XCLIENT" in smtp.hello
        assert smtp.say(b"XCLIENT ADDR=203.0.113.5")[:3] == b"220"
        smtp.say(b"EHLO x.example")
        smtp.say(b"MAIL FROM:<a@example.org>")
        assert smtp.say(b"RCPT TO:<someone@elsewhere.test>")[:3] == b"250"


@pytest.mark.parametrize(
    "words",
    [b"ADDR=no.address", b"ADDR=203.0.113.5+0D+0AEHLO", b"HELO=x+0D+0ARCPT", b"PORT=99999",
     b"NAME=+00", b"ADDR=", b"BOGUS=1", b"ADDR", b"LOGIN=nobody@live.test", b"HELO=+1B+5B2J"],
)  # fmt: skip
def test_a_false_xclient_gives_no_rights(behind: Server, words: bytes) -> None:
    with SMTP(behind.port("smtp"), source=TEACHER) as smtp:
        smtp.say(b"XCLIENT " + words)
        smtp.say(b"EHLO x.example")
        assert smtp.say(b"MAIL FROM:<a@example.org>")[:3] == b"250"
        assert smtp.say(b"RCPT TO:<someone@elsewhere.test>").startswith(b"550 5.7.1")


def test_one_ipv6_network_is_one_guesser(behind: Server) -> None:
    codes = []
    for number in range(6):
        with Proxied(behind.port("submission"), f"2001:db8:3::{number}") as wire:
            wire.send(b"EHLO x\r\nAUTH PLAIN " + plain("nobody", "wrong") + b"\r\nQUIT\r\n")
            heard = [line[:3] for line in iter(wire.line, b"")]
            codes.append(next(code for code in heard if code in (b"535", b"454")))
    assert codes == [b"535"] * 4 + [b"454"] * 2


def test_a_password_sprayed_from_everywhere_is_noticed(behind: Server) -> None:
    """The last test of this module, for it uses the minute's guesses up."""

    def guess(client: str, name: str, password: str) -> bytes:
        with Proxied(behind.port("imap"), client) as wire:
            wire.line()
            wire.send(f'a LOGIN "{name}" "{password}"\r\n'.encode())
            return wire.line()

    assert guess("192.0.2.1", "user@live.test", PASSWORD).startswith(b"a OK")
    answers = [guess(f"100.{n}.7.1", f"victim{n}@live.test", "Spring2026") for n in range(IN_ALL)]
    assert any(b"[LIMIT]" in answer for answer in answers)
    assert b"[LIMIT]" in guess("100.99.7.1", "user@live.test", PASSWORD)
    assert guess("192.0.2.200", "user@live.test", PASSWORD).startswith(b"a OK")
