"""Clients that take too much: connections, time, recipients, messages. Each is told why."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live import web
from tests.live.server import PLAIN, Server
from tests.live.web import PASSWORD
from tests.live.wire import IMAP, SMTP, Wire

PER_NETWORK = 5
DEADLINE = 2
"""Seconds that this server gives a client for a message, a login or a word."""
LATEST = 15.0
"""Seconds after which it must be over on the busiest machine: the server's own 10 to close."""
SETTINGS = f"""
connections_per_network = {PER_NETWORK}

[smtp]
idle_timeout = {DEADLINE}
data_timeout = {DEADLINE}
recipients = 3
messages = 2
plaintext_auth = true

[imap]
idle_timeout = {DEADLINE}
login_timeout = {DEADLINE}
plaintext_auth = true

[pop3]
idle_timeout = {DEADLINE}
login_timeout = {DEADLINE}
plaintext_auth = true

[managesieve]
idle_timeout = {DEADLINE}
login_timeout = {DEADLINE}
plaintext_auth = true

[http]
idle_timeout = {DEADLINE}
"""
USER = "slow@live.test"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without patience; only 127.0.0.1 may have any number of connections."""
    server = Server(tmp_path_factory.mktemp("hub"), SETTINGS, exempt=["127.0.0.1/32"])
    server.start()
    web.make(server, USER)
    yield server
    assert server.stop() == 0


# -- connections


@pytest.mark.parametrize(
    ("service", "refusal"),
    [
        ("smtp", b"421 4.7.0 "),
        ("submission", b"421 4.7.0 "),
        ("lmtp", b"421 4.7.0 "),
        ("imap", b"* BYE [UNAVAILABLE] "),
        ("pop3", b"-ERR [SYS/TEMP] "),
        ("http", b"HTTP/1.1 503 "),
    ],
)
def test_one_address_cannot_take_every_connection(
    strict: Server, service: str, refusal: bytes
) -> None:
    port, source = strict.port(service), f"127.7.{len(service)}.{ord(service[0])}"
    with contextlib.ExitStack() as held:
        first = [held.enter_context(Wire(port, source=source)) for _ in range(PER_NETWORK)]
        if service != "http":
            for one in first:
                assert one.line()
        with Wire(port, source=source) as late:
            assert late.line().startswith(refusal)
            assert late.closed()
        with Wire(port, source="127.7.99.9") as stranger:
            stranger.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" if service == "http" else b"")
            assert not stranger.line().startswith(refusal)
        first[0].close()
        assert _greeted_again(port, source, service)


def _greeted_again(port: int, source: str, service: str) -> bool:
    """One left, so one may come: as soon as the server has seen the end."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        with Wire(port, source=source) as next_one:
            if service == "http":
                next_one.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            if next_one.line().startswith((b"220 ", b"* OK ", b"+OK ", b"HTTP/1.1 200 ")):
                return True
        time.sleep(0.05)
    return False


def test_with_tls_from_the_first_byte_the_limit_costs_no_handshake(strict: Server) -> None:
    port, source = strict.port("imap", "implicit"), "127.7.50.1"
    with contextlib.ExitStack() as held:
        for _ in range(PER_NETWORK):
            held.enter_context(Wire(strict.port("imap"), source=source)).line()
        with Wire(port, source=source) as late:
            assert late.closed(1)


# -- time: every attack runs at once, so that all together take as long as the slowest


def _drip(wire: Wire, piece: bytes, gap: float = 0.25) -> tuple[float, bytes]:
    """Sends `piece` again and again; seconds until the server had enough, and what it said."""
    began = time.monotonic()
    heard = b""
    wire.sock.settimeout(gap)
    while time.monotonic() - began < LATEST:
        with contextlib.suppress(OSError):
            wire.send(piece)
        try:
            data = wire.sock.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            break
        if not data:
            break
        heard += data
        time.sleep(gap)
    return time.monotonic() - began, heard


def slow_command(server: Server) -> tuple[float, bytes]:
    with SMTP(server.port("smtp")) as smtp:
        return _drip(smtp, b"N")


def slow_data(server: Server) -> tuple[float, bytes]:
    with SMTP(server.port("smtp")) as smtp:
        smtp.begin(USER.encode())
        return _drip(smtp, b"slow data\r\n")


def slow_chunk(server: Server) -> tuple[float, bytes]:
    with SMTP(server.port("smtp")) as smtp:
        smtp.say(b"MAIL FROM:<a@example.org>")
        smtp.say(b"RCPT TO:<%s>" % USER.encode())
        smtp.send(b"BDAT 1000000 LAST\r\n")
        return _drip(smtp, b"slow chunk\r\n")


def silent_smtp(server: Server) -> tuple[float, bytes]:
    with SMTP(server.port("smtp"), hello=b"") as smtp:
        return _drip(smtp, b"")


def imap_without_login(server: Server) -> tuple[float, bytes]:
    with IMAP(server.port("imap")) as imap:
        return _drip(imap, b"n NOOP\r\n")


def imap_half_a_literal(server: Server) -> tuple[float, bytes]:
    with IMAP(server.port("imap")) as imap:
        imap.send(b"a LOGIN {2000+}\r\n")
        return _drip(imap, b"x")


def imap_silent_idle(server: Server) -> tuple[float, bytes]:
    with IMAP(server.port("imap"), USER, PASSWORD) as imap:
        imap.send(b"i IDLE\r\n")
        return _drip(imap, b"")


def pop3_without_login(server: Server) -> tuple[float, bytes]:
    with Wire(server.port("pop3")) as pop:
        return _drip(pop, b"CAPA\r\n")


def http_half_a_request(server: Server) -> tuple[float, bytes]:
    with Wire(server.port("http")) as web_client:
        web_client.send(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        return _drip(web_client, b"X-Slow: y\r\n")


def http_half_a_body(server: Server) -> tuple[float, bytes]:
    with Wire(server.port("http")) as web_client:
        web_client.send(
            b"POST /wildduck/users HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n\r\n"
        )
        return _drip(web_client, b" ")


def half_a_handshake(service: str) -> Callable[[Server], tuple[float, bytes]]:
    def attack(server: Server) -> tuple[float, bytes]:
        with Wire(server.port(service, "implicit")) as wire:
            wire.send(b"\x16\x03\x01\x02\x00\x01")
            return _drip(wire, b"\0", 0.5)

    return attack


SLOW: Mapping[str, tuple[Callable[[Server], tuple[float, bytes]], bytes]] = {
    "a command byte by byte": (slow_command, b"421 4.4.2 "),
    "DATA line by line": (slow_data, b"421 4.4.2 "),
    "BDAT line by line": (slow_chunk, b"421 4.4.2 "),
    "nothing in SMTP": (silent_smtp, b"421 4.4.2 "),
    "IMAP commands but no login": (imap_without_login, b"* BYE "),
    "an IMAP literal byte by byte": (imap_half_a_literal, b"* BYE "),
    "an IDLE that nobody reads": (imap_silent_idle, b"* BYE "),
    "POP3 commands but no login": (pop3_without_login, b""),
    "an HTTP header line by line": (http_half_a_request, b""),
    "an HTTP body byte by byte": (http_half_a_body, b""),
    "half a handshake with IMAP": (half_a_handshake("imap"), b""),
    "half a handshake with POP3": (half_a_handshake("pop3"), b""),
    "half a handshake with submission": (half_a_handshake("submission"), b""),
}


@pytest.fixture(scope="module")
def outcomes(strict: Server) -> Mapping[str, tuple[float, bytes]]:
    """Of every slow attack: seconds until its end, and what it was told."""
    with ThreadPoolExecutor(len(SLOW)) as pool:
        running = {name: pool.submit(attack, strict) for name, (attack, _) in SLOW.items()}
        return {name: future.result() for name, future in running.items()}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_client_has_an_absolute_deadline(
    outcomes: Mapping[str, tuple[float, bytes]], name: str
) -> None:
    seconds, heard = outcomes[name]
    assert DEADLINE * 0.9 < seconds < LATEST, heard
    assert SLOW[name][1] in heard


def test_what_a_slow_client_began_is_nowhere(
    strict: Server, outcomes: Mapping[str, tuple[float, bytes]]
) -> None:
    assert outcomes
    with IMAP(strict.port("imap"), USER, PASSWORD) as imap:
        assert b"* STATUS INBOX (MESSAGES 0)" in imap.say(b"STATUS INBOX (MESSAGES)")


def test_a_mail_client_that_is_slow_in_pop3_loses_its_marks_only(strict: Server) -> None:
    address = "marks@live.test"
    web.make(strict, address)
    with SMTP(strict.port("smtp")) as smtp:
        smtp.begin(address.encode())
        assert smtp.say(b"Subject: kept\r\n\r\nx\r\n.")[:3] == b"250"
    with Wire(strict.port("pop3")) as pop:
        pop.send(b"USER %s\r\nPASS %s\r\nDELE 1\r\n" % (address.encode(), PASSWORD.encode()))
        assert [pop.line()[:3] for _ in range(4)] == [b"+OK"] * 4
        assert pop.closed(LATEST)
    with IMAP(strict.port("imap"), address, PASSWORD) as imap:
        assert b"* STATUS INBOX (MESSAGES 1)" in imap.say(b"STATUS INBOX (MESSAGES)")


# -- recipients and messages


def test_recipients_past_the_limit_wait_for_another_message(strict: Server) -> None:
    for number in range(4):
        web.make(strict, f"many{number}@live.test")
    with SMTP(strict.port("smtp")) as smtp:
        assert b"LIMITS" in smtp.hello
        assert b"RCPTMAX=3" in smtp.hello
        smtp.say(b"MAIL FROM:<a@example.org>")
        answers = [smtp.say(b"RCPT TO:<many%d@live.test>" % number) for number in range(4)]
        assert [answer[:3] for answer in answers[:3]] == [b"250"] * 3
        assert answers[3].startswith(b"452 4.5.3 ")
        smtp.say(b"DATA")
        assert smtp.say(b"Subject: three\r\n\r\nx\r\n.")[:3] == b"250"
    for number, expected in enumerate((1, 1, 1, 0)):
        with IMAP(strict.port("imap"), f"many{number}@live.test", PASSWORD) as imap:
            status = imap.say(b"STATUS INBOX (MESSAGES)")[0]
            assert status == b"* STATUS INBOX (MESSAGES %d)" % expected


def test_messages_past_the_limit_need_another_connection(strict: Server) -> None:
    with SMTP(strict.port("smtp")) as smtp:
        for _ in range(2):
            assert smtp.say(b"MAIL FROM:<a@example.org>")[:3] == b"250"
            assert smtp.say(b"RSET")[:3] == b"250"
        assert smtp.say(b"MAIL FROM:<a@example.org>").startswith(b"421 4.7.0 ")
        assert smtp.closed()


@pytest.mark.parametrize("service", ["imap", "pop3"])
def test_too_many_errors_end_a_session_before_login(strict: Server, service: str) -> None:
    with Wire(strict.port(service)) as wire:
        with contextlib.suppress(OSError):
            wire.send(b"x BOGUS\r\n" * 5000)
        assert wire.closed()


def test_plain_settings_are_those_of_the_other_live_tests() -> None:
    """What this module spells out must not fall behind what the others are given."""
    assert all(line in SETTINGS for line in PLAIN.splitlines())
