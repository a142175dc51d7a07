"""TLS under attack: old versions, weak ciphers, renegotiation, garbage, compression bombs."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import zlib
from collections.abc import Callable

import pytest

from tests.live.conftest import User
from tests.live.outgoing import trusting
from tests.live.server import Server
from tests.live.stall import no_stall
from tests.live.wire import IMAP, SMTP, Wire
from tests.programs import program

SERVICES = ("imap", "pop3", "submission")
OPENERS = {"imap": (b"", b"a STARTTLS"), "pop3": (b"", b"STLS"), "smtp": (b"EHLO x", b"STARTTLS")}


def client(server: Server, service: str, *options: str, typed: bytes = b"Q\n") -> str:
    """What `openssl s_client` says of one connection."""
    words = ["s_client", "-connect", f"127.0.0.1:{server.port(service, 'implicit')}", *options]
    done = subprocess.run(
        [program("openssl"), *words], input=typed, capture_output=True, timeout=20, check=False
    )
    return (done.stdout + done.stderr).decode("utf-8", "replace")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(server: Server, service: str, version: str) -> None:
    # Level 0 makes the client willing, so that it is the server that refuses.
    said = client(server, service, version, "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in said
    assert "alert" in said


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_new_versions_are_taken(server: Server, service: str, version: str) -> None:
    assert "Cipher is (NONE)" not in client(server, service, version)


@pytest.mark.parametrize("ciphers", ["aNULL", "eNULL", "AES128-SHA", "CAMELLIA", "PSK", "kRSA"])
def test_weak_ciphers_are_refused(server: Server, ciphers: str) -> None:
    said = client(server, "imap", "-tls1_2", "-cipher", f"{ciphers}:@SECLEVEL=0")
    assert "Cipher is (NONE)" in said


@pytest.mark.parametrize("service", SERVICES)
def test_a_client_cannot_renegotiate(server: Server, service: str) -> None:
    said = client(server, service, "-tls1_2", typed=b"R\n")
    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\xff\xff" + b"\0" * 70_000, b"\x80\x2e\x01\0\x02\0\x15\0\0\0\x10" + b"x" * 40,
     b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x03\0\x04\x01\0\0\0", b"\x15\x03\x01\0\x02\x02\x28",
     b"\x17\x03\x03\0\x01x", bytes(range(256)) * 8, b"EHLO x\r\n" * 100],
    ids=["long record", "SSLv2 hello", "HTTP", "empty hello", "alert", "data", "octets", "SMTP"],
)  # fmt: skip
@pytest.mark.parametrize("service", SERVICES)
def test_a_broken_handshake_ends_the_connection(
    server: Server, service: str, garbage: bytes
) -> None:
    with Wire(server.port(service, "implicit")) as wire:
        with contextlib.suppress(OSError):
            wire.send(garbage)
            wire.sock.shutdown(socket.SHUT_WR)
        assert wire.closed(5)
    with Wire(server.port(service, "implicit")) as wire:
        wire.start_tls()
        assert wire.line()


@pytest.mark.parametrize("service", OPENERS)
def test_a_broken_handshake_after_starttls_ends_the_connection(
    server: Server, service: str
) -> None:
    with Wire(server.port(service, "starttls")) as wire:
        assert wire.line()
        hello, upgrade = OPENERS[service]
        if hello:
            wire.send(hello + b"\r\n")
            while wire.line()[3:4] == b"-":
                continue
        wire.send(upgrade + b"\r\n")
        assert wire.line().startswith((b"a OK", b"+OK", b"220"))
        with contextlib.suppress(OSError):
            wire.send(b"NOOP\r\n" * 10)
        assert wire.closed()


def test_what_was_said_before_tls_counts_for_nothing(server: Server, user: User) -> None:
    name, password = user.address.encode(), user.password.encode()
    with Wire(server.port("pop3")) as pop:
        pop.send(b"USER %s\r\n" % name)
        assert [pop.line()[:3] for _ in range(2)] == [b"+OK"] * 2
        pop.send(b"STLS\r\n")
        assert pop.line().startswith(b"+OK")
        pop.start_tls()
        pop.send(b"PASS %s\r\nSTLS\r\nCAPA\r\n" % password)
        assert pop.line().startswith(b"-ERR")
        assert pop.line().startswith(b"-ERR")
        assert b"STLS" not in list(iter(pop.line, b"."))
    with IMAP(server.port("imap")) as imap:
        assert b"STARTTLS" in imap.greeting
        assert b" OK" in imap.say(b"STARTTLS")[-1]
        imap.start_tls()
        assert b"STARTTLS" not in imap.say(b"CAPABILITY")[0]
        assert b" OK" not in imap.say(b"STARTTLS")[-1]
    with IMAP(server.port("imap"), user.address, user.password) as imap:
        assert b" BAD" in imap.say(b"STARTTLS")[-1]


def test_no_command_of_another_protocol_is_carried_out(server: Server, user: User) -> None:
    """A browser can be made to send a request to any port, with text of the attacker's choice."""
    body = (
        b"MAIL FROM:<a@example.org>\r\nRCPT TO:<%s>\r\nDATA\r\nevil\r\n.\r\n"
        % user.address.encode()
    )
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    for service in ("smtp", "submission", "lmtp", "imap", "pop3"):
        with Wire(server.port(service)) as wire:
            with contextlib.suppress(OSError):
                wire.send(request + b"QUIT\r\nz LOGOUT\r\n")
                wire.sock.shutdown(socket.SHUT_WR)
            while wire.line():
                continue
    with IMAP(server.port("imap"), user.address, user.password) as imap:
        assert imap.say(b"STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 0)")


# -- COMPRESS


def packed(imap: IMAP) -> Callable[[bytes], bytes]:
    """Starts compression; how to pack what is sent."""
    assert b" OK" in imap.say(b"COMPRESS DEFLATE")[-1]
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return lambda data: stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)


BOMBS = {
    "one endless line": b"a NOOP " + b"x" * (64 << 20),
    "commands": b"a NOOP\r\n" * (1 << 16),
    "a literal": b"a APPEND INBOX {%d+}\r\n" % (60 << 20) + b"\0" * (60 << 20) + b"\r\n",
    "empty lines": b"\r\n" * (1 << 20),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_compressed_bomb_costs_its_sender_only(
    server: Server, new_user: Callable[[], User], name: str
) -> None:
    user, other = new_user(), new_user()
    with IMAP(server.port("imap"), user.address, user.password, timeout=0.5) as imap:
        bomb = packed(imap)(BOMBS[name])
        assert len(bomb) < 1 << 20
        with no_stall(server, other), contextlib.suppress(OSError):
            imap.send(bomb)
            while imap.sock.recv(1 << 20):
                continue
    with IMAP(server.port("imap"), other.address, other.password) as again:
        assert b" OK" in again.say(b"NOOP")[-1]


@pytest.mark.parametrize("junk", [b"\xff" * 100, b"a NOOP\r\n", b"\x03\0", b"\0" * 5000])
def test_junk_for_compressed_data_ends_the_session(server: Server, user: User, junk: bytes) -> None:
    with IMAP(server.port("imap"), user.address, user.password) as imap:
        packed(imap)
        imap.send(junk)
        assert imap.closed()


def test_compression_within_compression_is_refused(server: Server, user: User) -> None:
    with IMAP(server.port("imap"), user.address, user.password) as imap:
        pack = packed(imap)
        imap.send(pack(b"b COMPRESS DEFLATE\r\n"))
        assert (
            zlib.decompressobj(-15)
            .decompress(imap.sock.recv(4096))
            .startswith(b"b NO [COMPRESSIONACTIVE]")
        )


def test_a_mechanism_that_binds_the_channel_notices_another_channel(
    server: Server, user: User
) -> None:
    """SCRAM-SHA-256-PLUS is offered inside TLS 1.3 only, and never beside it."""
    with SMTP(server.port("submission")) as smtp:
        assert b"-PLUS" not in smtp.hello
        assert smtp.say(b"AUTH SCRAM-SHA-256-PLUS").startswith(b"504 ")
        assert smtp.say(b"STARTTLS")[:3] == b"220"
        smtp.start_tls()
        assert isinstance(smtp.sock, ssl.SSLSocket)
        assert smtp.sock.version() == "TLSv1.3"
        assert b"SCRAM-SHA-256-PLUS" in smtp.say(b"EHLO x")
    port = server.port("imap", "implicit")
    with trusting().wrap_socket(socket.create_connection(("127.0.0.1", port))) as imap:
        assert b"SCRAM-SHA-256-PLUS" in imap.recv(1000)
