"""The thin line through every layer: a message handed in over SMTP is read over IMAP and POP3."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import ssl

from tests.live.conftest import User
from tests.live.server import Server

MESSAGE = (
    b"From: Ada <ada@example.org>\r\n"
    b"To: Grace <grace@example.org>\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Fri, 21 Nov 2025 09:00:00 +0000\r\n"
    b"Message-ID: <spine@example.org>\r\n"
    b"\r\n"
    b"The first line.\r\n"
    b".A line that begins with a dot.\r\n"
    b"\tand a last one \xc3\xa9\r\n"
)


def trusting() -> ssl.SSLContext:
    """The server's certificate is self-signed, and this is not about certificates."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def hand_in(server: Server, user: User) -> None:
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=20) as smtp:
        smtp.starttls(context=trusting())
        refused = smtp.sendmail("ada@example.org", [user.address], MESSAGE, ["BODY=8BITMIME"])
        assert refused == {}


def after_trace(message: bytes) -> bytes:
    """The message from its author's first field on; before it stand this server's."""
    trace, found, rest = message.partition(b"From: Ada")
    assert trace.startswith(b"Return-Path: <ada@example.org>\r\n")
    assert b"Received: from " in trace
    return found + rest


def test_smtp_to_imap_to_pop3(server: Server, user: User) -> None:
    hand_in(server, user)

    port = server.port("imap", "implicit")
    with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusting(), timeout=20) as imap:
        imap.login(user.address, user.password)
        assert imap.select("INBOX") == ("OK", [b"1"])
        kind, answer = imap.uid("FETCH", "1:*", "(UID BODY.PEEK[])")
        assert kind == "OK"
        assert isinstance(answer[0], tuple)
        by_imap = answer[0][1]

    pop3 = poplib.POP3_SSL(
        "127.0.0.1", server.port("pop3", "implicit"), context=trusting(), timeout=20
    )
    pop3.user(user.address)
    pop3.pass_(user.password)
    assert pop3.stat()[0] == 1
    _, lines, octets = pop3.retr(1)
    pop3.quit()
    by_pop3 = b"".join(line + b"\r\n" for line in lines)

    assert after_trace(by_imap) == MESSAGE
    assert by_pop3 == by_imap
    assert octets == len(by_imap)


def test_mail_stays_over_a_restart(server: Server, user: User) -> None:
    hand_in(server, user)
    assert server.stop() == 0
    server.start()
    port = server.port("imap", "implicit")
    with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusting(), timeout=20) as imap:
        imap.login(user.address, user.password)
        assert imap.select("INBOX") == ("OK", [b"1"])
