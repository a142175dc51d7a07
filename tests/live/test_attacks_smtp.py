"""Attacks on the SMTP side, byte by byte: each must be refused in SMTP's own words."""

from __future__ import annotations

import base64
import imaplib

import pytest

from tests.live.conftest import User
from tests.live.server import Server
from tests.live.wire import SMTP

ENDS = [
    first + b"." + second
    for first in (b"\r\n", b"\n", b"\r", b"")
    for second in (b"\r\n", b"\n", b"\r", b"\r\n\r\n")
    if first + b"." + second != b"\r\n.\r\n" and not (first == b"\r\n" and second == b"\r\n\r\n")
] + [b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\0.\r\n", b"\r\r\n.\n"]


def subjects(server: Server, user: User) -> list[bytes]:
    with imaplib.IMAP4("127.0.0.1", server.port("imap")) as imap:
        imap.login(user.address, user.password)
        imap.select("INBOX", readonly=True)
        _, rows = imap.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return [row[1].strip() for row in rows if isinstance(row, tuple)]


@pytest.mark.parametrize("end", ENDS)
def test_no_other_end_of_data_smuggles(server: Server, user: User, end: bytes) -> None:
    address = user.address.encode()
    smuggled = (
        b"MAIL FROM:<admin@live.test>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
        % address
    )
    with SMTP(server.port("smtp")) as smtp:
        smtp.begin(address)
        smtp.send(b"Subject: outer\r\n\r\ntext" + end + smuggled + b"\r\n.\r\n")
        answer = smtp.reply()
        smtp.send(b"QUIT\r\n")
        rest = []
        while reply := smtp.reply():
            rest.append(reply)
    assert [reply[:3] for reply in rest] == [b"221"], rest
    assert answer[:3] in (b"250", b"550", b"521"), answer
    assert b"Subject: smuggled" not in subjects(server, user)


def test_commands_before_tls_are_not_executed_after_it(server: Server, user: User) -> None:
    with SMTP(server.port("smtp")) as smtp:
        smtp.send(b"STARTTLS\r\nMAIL FROM:<injected@example.org>\r\n")
        smtp.reply()
        assert smtp.closed()


def test_starttls_forgets_everything(server: Server, user: User) -> None:
    with SMTP(server.port("smtp")) as smtp:
        smtp.say(b"MAIL FROM:<a@example.org>")
        assert smtp.say(b"STARTTLS")[:3] in (b"220", b"503")
    with SMTP(server.port("smtp")) as smtp:
        assert smtp.say(b"STARTTLS")[:3] == b"220"
        smtp.start_tls()
        assert smtp.say(b"MAIL FROM:<a@example.org>")[:3] == b"503"
        assert b"STARTTLS" not in smtp.say(b"EHLO x.example")
        assert smtp.say(b"STARTTLS")[:3] in (b"503", b"454", b"502", b"500")


RELAYS = [
    b"someone@elsewhere.test", b"<someone@elsewhere.test>", b"someone%elsewhere.test@live.test",
    b"elsewhere.test!someone@live.test", b'"someone@elsewhere.test"@live.test',
    b"@live.test:someone@elsewhere.test", b"@live.test,@mail.test:someone@elsewhere.test",
    b"someone@[192.0.2.1]", b"someone@[IPv6:2001:db8::1]", b'"someone%elsewhere.test"@live.test',
    b"someone@elsewhere.test@live.test", b"someone@live.test@elsewhere.test", b"someone@elsewhere",
    b"someone@live.test.elsewhere.test", b'"a b"@elsewhere.test',
    b"someone@localhost.elsewhere.test",
    b"root@[10.0.0.1]", b"someone%elsewhere.test@[192.0.2.1]", b"+x@elsewhere.test",
    b"someone@xn--exmple-cua.test", b"someone+live.test@elsewhere.test",
]  # fmt: skip


@pytest.mark.parametrize("path", RELAYS)
def test_the_relay_door_is_shut(server: Server, path: bytes) -> None:
    with SMTP(server.port("smtp")) as smtp:
        smtp.say(b"MAIL FROM:<postmaster@live.test>")
        answer = smtp.say(b"RCPT TO:<%s>" % path)
        assert answer[:1] == b"5", answer


@pytest.mark.parametrize(
    "line",
    [
        b"MAIL FROM:<a\0b@example.org>", b"MAIL FROM:<a@example.org>\0",
        b"RCPT TO:<\xff\xfe@live.test>", b"RCPT TO:<",
        b"MAIL FROM:<a@example.org> SIZE=99999999999999999999", b"MAIL FROM:<a@example.org> X=1",
        b"MAIL FROM:<a@example.org> SIZE=1 SIZE=2", b"MAIL FROM:a b", b"NOOP \x01\x02",
        b"MAIL FROM:<" + b"a" * 5000 + b"@example.org>", b"HELO", b"\x16\x03\x01\x02\x00",
        b"AUTH PLAIN AAAA", b"AUTH UNKNOWN", b"DATA now",
    ],
)  # fmt: skip
def test_malformed_lines_get_a_5xx_and_nothing_else(server: Server, line: bytes) -> None:
    with SMTP(server.port("smtp")) as smtp:
        assert smtp.say(line)[:1] == b"5"
        assert smtp.say(b"NOOP")[:3] == b"250"


@pytest.mark.parametrize("line", [b"BDAT", b"BDAT -1", b"BDAT 1 LAST EXTRA", b"BDAT 5\0"])
def test_a_chunk_of_unknown_size_ends_the_session(server: Server, line: bytes) -> None:
    """What follows may be its content, which must not be read as commands."""
    with SMTP(server.port("smtp")) as smtp:
        assert smtp.say(line)[:1] == b"5"
        assert smtp.say(b"NOOP") == b""


@pytest.mark.parametrize(
    "path",
    [b'""@live.test', b'"$(touch /tmp/x)"@live.test', b"`id`@live.test", b"|cat@live.test",
     b";id;@live.test", b"../../etc/passwd@live.test", b"*@live.test", b"%n%n@live.test"],
)  # fmt: skip
def test_odd_local_parts_are_only_names(server: Server, path: bytes) -> None:
    with SMTP(server.port("smtp")) as smtp:
        smtp.say(b"MAIL FROM:<>")
        assert smtp.say(b"RCPT TO:<%s>" % path)[:1] == b"5"


def test_too_many_errors_end_the_session(server: Server) -> None:
    with SMTP(server.port("smtp")) as smtp:
        for _ in range(100):
            answer = smtp.say(b"BOGUS")
            if answer[:3] == b"421":
                break
        assert answer.startswith(b"421 4.7.0")
        assert smtp.closed()


def test_an_endless_line_is_bounded(server: Server) -> None:
    with SMTP(server.port("smtp")) as smtp:
        smtp.send(b"X" * 1_000_000 + b"\r\n")
        assert smtp.reply()[:3] == b"500"
        assert smtp.say(b"NOOP")[:3] == b"250"


def test_too_large_a_message_is_read_to_its_end_and_refused(server: Server, user: User) -> None:
    with SMTP(server.port("smtp"), timeout=60) as smtp:
        answer = smtp.say(b"MAIL FROM:<a@example.org> SIZE=%d" % (65 << 20))
        assert answer.startswith(b"552 5.3.4"), answer
        smtp.begin(user.address.encode())
        chunk = b"y" * 998 + b"\r\n"
        for _ in range(66):
            smtp.send(chunk * 1024)
        smtp.send(b".\r\n")
        assert smtp.reply().startswith(b"552 5.3.4")
        assert smtp.say(b"NOOP")[:3] == b"250"


def test_a_connection_that_drops_before_the_dot_stores_nothing(server: Server, user: User) -> None:
    with SMTP(server.port("smtp")) as smtp:
        smtp.begin(user.address.encode())
        smtp.send(b"Subject: half\r\n\r\nhalf a message\r\n")
    assert subjects(server, user) == []


def test_a_loop_is_seen(server: Server, user: User) -> None:
    hops = b"".join(
        b"Received: from a by b; Sat, 21 Nov 2026 10:00:00 +0000\r\n" for _ in range(101)
    )
    with SMTP(server.port("smtp")) as smtp:
        smtp.begin(user.address.encode())
        smtp.send(hops + b"Subject: loop\r\n\r\nx\r\n.\r\n")
        assert smtp.reply().startswith(b"554 5.4.6")


def test_auth_only_under_tls_where_configured(tmp_path_factory: pytest.TempPathFactory) -> None:
    strict = Server(tmp_path_factory.mktemp("strict"), sections="")
    strict.start()
    try:
        with SMTP(strict.port("submission")) as smtp:
            assert b"AUTH" not in smtp.hello
            assert smtp.say(b"AUTH PLAIN AGEAYQ==")[:1] == b"5"
        with imaplib.IMAP4("127.0.0.1", strict.port("imap")) as imap:
            assert "LOGINDISABLED" in imap.capabilities
            with pytest.raises(imaplib.IMAP4.error):
                imap.login("a", "b")
    finally:
        strict.stop()


@pytest.mark.parametrize("authorize", ["admin@live.test", "root", "other@live.test"])
def test_a_foreign_authorization_identity_is_refused(
    server: Server, user: User, authorize: str
) -> None:
    token = base64.b64encode(f"{authorize}\0{user.address}\0{user.password}".encode())
    with SMTP(server.port("submission")) as smtp:
        assert smtp.say(b"AUTH PLAIN " + token)[:3] == b"535"


def test_submission_needs_an_owned_sender(server: Server, user: User) -> None:
    token = base64.b64encode(f"\0{user.address}\0{user.password}".encode())
    with SMTP(server.port("submission")) as smtp:
        assert smtp.say(b"AUTH PLAIN " + token)[:3] == b"235"
        assert smtp.say(b"MAIL FROM:<boss@live.test>").startswith(b"553 5.7.1")
        smtp.say(b"RSET")
        smtp.begin(user.address.encode(), user.address.encode())
        smtp.send(b"From: boss@live.test\r\nSubject: forged\r\n\r\nx\r\n.\r\n")
        assert smtp.reply()[:1] == b"5"
    assert subjects(server, user) == []
