"""What stands in envelopes and headers: forged authors, null senders, loops, hostile parameters."""

from __future__ import annotations

import itertools

import pytest

from tests.live import web
from tests.live.doors import plain
from tests.live.server import Server
from tests.live.web import PASSWORD
from tests.live.wire import IMAP, SMTP

_numbers = itertools.count(1)


def account(server: Server) -> str:
    address = f"mail{next(_numbers)}@live.test"
    web.make(server, address)
    return address


def inbox(server: Server, address: str) -> list[bytes]:
    """The headers in the account's INBOX."""
    with IMAP(server.port("imap"), address, PASSWORD) as imap:
        imap.say(b"SELECT INBOX")
        lines = imap.say(b"FETCH 1:* BODY.PEEK[HEADER]")
    return [line for line in lines if line.startswith(b"* ") and b"FETCH (" in line]


# -- submission: who may stand as the author

FORGED = {
    "no From": b"Sender: {me}\r\n\r\n",
    "two From": b"From: {me}\r\nFrom: boss@live.test\r\n",
    "two From, the other way": b"From: boss@live.test\r\nFrom: {me}\r\n",
    "From in another case": b"From: {me}\r\nFROM: boss@live.test\r\n",
    "From with a space": b"From: {me}\r\nFrom : boss@live.test\r\n",
    "From with a tab": b"From: {me}\r\nFrom\t: boss@live.test\r\n",
    "a folded From": b"From: {me}\r\nFrom:\r\n boss@live.test\r\n",
    "several authors": b"From: {me}, boss@live.test\r\n",
    "a group": b"From: Bosses: boss@live.test;\r\n",
    "an empty group": b"From: Nobody:;\r\n",
    "a route": b"From: <@live.test:boss@live.test>\r\n",
    "a quoted address": b'From: "{me}@x"@live.test\r\n',
    "an encoded address": b"From: =?utf-8?q?boss=40live=2Etest?=\r\n",
    "an encoded word before": b"From: =?utf-8?q?{me}_=3C?= <boss@live.test>\r\n",
    "a comment that looks right": b"From: boss@live.test ({me})\r\n",
    "a name that looks right": b'From: "{me}" <boss@live.test>\r\n',
    "two addresses in a row": b"From: <{me}> <boss@live.test>\r\n",
    "a foreign Sender": b"From: {me}\r\nSender: boss@live.test\r\n",
    "two Sender": b"From: {me}\r\nSender: {me}\r\nSender: boss@live.test\r\n",
    "no address": b"From: The Boss\r\n",
    "nothing": b"From:\r\n",
    "a NUL": b"From: {me}\0boss@live.test\r\n",
    "a NUL in the name": b"From: {me}\r\nFrom\0: boss@live.test\r\n",
    "an address as the name": b"From: boss@live.test <{me}>\r\n",
    "an address before": b"From: boss@live.test {me}\r\n",
    "an unfinished comment": b"From: {me} (boss@live.test\r\n",
    "a domain beside": b"From: {me}.evil.test\r\n",
    "an unfinished bracket": b"From: <{me}\r\nX-Y: > boss@live.test\r\n",
    "8-bit": b"From: b\xf6ss@live.test\r\n",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_user_cannot_write_in_anothers_name(server: Server, name: str) -> None:
    me = account(server)
    header = FORGED[name].replace(b"{me}", me.encode())
    with SMTP(server.port("submission")) as smtp:
        assert smtp.say(b"AUTH PLAIN " + plain(me, PASSWORD))[:3] == b"235"
        smtp.begin(me.encode(), me.encode())
        smtp.send(header + b"Subject: forged\r\n\r\nx\r\n.\r\n")
        answer = smtp.reply()
    stored = inbox(server, me)
    if name == "no From":  # completed with the sender's own address (RFC 6409 section 8)
        assert answer[:3] == b"250"
        assert b"From: <%s>" % me.encode() in stored[0]
    else:
        assert answer[:1] == b"5", answer
        assert stored == []


@pytest.mark.parametrize(
    "sender",
    [b"boss@live.test", b"{me}@live.test", b"@live.test:{me}", b'"{me}"@live.test', b"+{me}",
     b"boss@elsewhere.test"],
)  # fmt: skip
def test_a_user_cannot_send_from_anothers_address(server: Server, sender: bytes) -> None:
    me = account(server)
    with SMTP(server.port("submission")) as smtp:
        smtp.say(b"AUTH PLAIN " + plain(me, PASSWORD))
        answer = smtp.say(b"MAIL FROM:<%s>" % sender.replace(b"{me}", me.encode()))
        if sender == b"@live.test:{me}":  # the route is dropped, and what is left is the user's
            assert answer[:3] == b"250"
        else:
            assert answer[:1] == b"5", answer


def test_blind_copies_and_forged_return_paths_do_not_leave_a_submission(server: Server) -> None:
    me = account(server)
    with SMTP(server.port("submission")) as smtp:
        smtp.say(b"AUTH PLAIN " + plain(me, PASSWORD))
        smtp.begin(me.encode(), me.encode())
        smtp.send(b"Bcc: hidden@live.test\r\nReturn-Path: <boss@live.test>\r\n")
        smtp.send(b"From: %s\r\nBcc:\r\n folded@live.test\r\n\r\nx\r\n.\r\n" % me.encode())
        assert smtp.reply()[:3] == b"250"
    header = inbox(server, me)[0]
    assert b"hidden@" not in header
    assert b"folded@" not in header
    assert header.count(b"Return-Path: <%s>" % me.encode()) == 1
    assert header.count(b"Return-Path:") == 1


# -- envelopes


@pytest.mark.parametrize("hello", [b"EHLO x.example", b"HELO x.example"])
def test_the_null_sender_is_taken_and_traced(server: Server, hello: bytes) -> None:
    me = account(server)
    with SMTP(server.port("smtp"), hello) as smtp:
        smtp.begin(me.encode(), b"")
        assert smtp.say(b"Subject: bounce\r\n\r\nx\r\n.")[:3] == b"250"
    assert b"Return-Path: <>\r\n" in inbox(server, me)[0]


@pytest.mark.parametrize(
    "mail",
    [b"MAIL FROM:<> RET=FULL RET=HDRS", b"MAIL FROM:<> RET=ALL", b"MAIL FROM:<> RET",
     b"MAIL FROM:<> ENVID=+0D+0AX", b"MAIL FROM:<> ENVID=" + b"x" * 101, b"MAIL FROM:<> ENVID=a+zz",
     b"MAIL FROM:<> BODY=9BIT", b"MAIL FROM:<> SIZE=-1", b"MAIL FROM:<> SIZE=1e3",
     b"MAIL FROM:< >", b"MAIL FROM:<>>", b"MAIL FROM:", b"MAIL FROM:<a@b@c>", b"MAIL FROM:<a@>",
     b"MAIL FROM:<@b>", b"MAIL FROM:<a..b@example.org>", b"MAIL FROM:<.a@example.org>",
     b"MAIL FROM:<a@-b.org>", b"MAIL FROM:<a@b_c.org>x", b"MAIL FROM:<a@[1.2.3.256]>",
     b"MAIL FROM:<a@" + b"b" * 64 + b".org>",
     b"MAIL FROM:<a\r@b.org>"],
)  # fmt: skip
def test_a_malformed_sender_or_parameter_is_refused(server: Server, mail: bytes) -> None:
    with SMTP(server.port("smtp")) as smtp:
        assert smtp.say(mail)[:1] == b"5"
        assert smtp.say(b"RCPT TO:<postmaster>")[:3] == b"503"


@pytest.mark.parametrize(
    "words",
    [b"NOTIFY=NEVER,FAILURE", b"NOTIFY=", b"NOTIFY=ALWAYS", b"NOTIFY=FAILURE NOTIFY=DELAY",
     b"ORCPT=rfc822", b"ORCPT=rfc822;a+0D+0ARCPT", b"ORCPT=;x", b"ORCPT=rfc822;" + b"x" * 600,
     b"SIZE=1", b"RET=FULL", b"X-Y=1"],
)  # fmt: skip
def test_a_malformed_recipient_parameter_is_refused(server: Server, words: bytes) -> None:
    with SMTP(server.port("smtp")) as smtp:
        smtp.say(b"MAIL FROM:<>")
        assert smtp.say(b"RCPT TO:<postmaster> " + words)[:1] == b"5"
        assert smtp.say(b"DATA")[:3] in (b"503", b"554")


@pytest.mark.parametrize("word", [b"postmaster", b"nobody-here", b"<{me}>", b"{me}", b"Real Name"])
def test_vrfy_and_expn_tell_nobody_who_exists(server: Server, word: bytes) -> None:
    me = account(server)
    word = word.replace(b"{me}", me.encode())
    with SMTP(server.port("smtp")) as smtp:
        assert smtp.say(b"VRFY " + word) == smtp.say(b"VRFY unheard-of@live.test")
        assert smtp.say(b"VRFY " + word).startswith(b"252 ")
        assert smtp.say(b"EXPN " + word)[:3] in (b"252", b"502", b"550")
        assert smtp.say(b"EXPN " + word) == smtp.say(b"EXPN unheard-of@live.test")


# -- loops and header bombs


def test_mail_that_was_here_before_is_a_loop(server: Server) -> None:
    me = account(server)
    with SMTP(server.port("smtp")) as smtp:
        smtp.begin(me.encode())
        smtp.send(b"Delivered-To: %s\r\nSubject: again\r\n\r\nx\r\n.\r\n" % me.upper().encode())
        assert smtp.reply().startswith(b"554 5.4.6")
        smtp.begin(me.encode())
        smtp.send(b"Delivered-To: other@live.test\r\nSubject: once\r\n\r\n"
                  b"Delivered-To: %s\r\n.\r\n" % me.encode())  # fmt: skip
        assert smtp.reply()[:3] == b"250"
    assert len(inbox(server, me)) == 1


def test_a_hello_cannot_forge_trace_fields(server: Server) -> None:
    me = account(server)
    for hello in (
        b"EHLO (a) by live.test;",
        b"EHLO x\tby y",
        b"EHLO <script>",
        b"EHLO " + b"x" * 999,
    ):
        with SMTP(server.port("smtp"), hello) as smtp:
            if smtp.hello[:3] != b"250":
                continue
            smtp.begin(me.encode())
            smtp.say(b"Subject: trace\r\n\r\nx\r\n.")
    for header in inbox(server, me):
        received = header.partition(b"Received: ")[2].partition(b"Subject:")[0]
        assert received.startswith(b"from ")
        assert b"\tby mail.test with ESMTP id " in received
        assert received.count(b"by ") == 1
        assert b"<script>" not in received


HEADERS = {
    "a header of 9 MiB": b"X-Long: " + (b"y" * 990 + b"\r\n ") * 9500 + b"z\r\n",
    "a line of 1 MiB": b"X-Long: " + b"y" * (1 << 20) + b"\r\n",
    "no header at all": b"",
    "only continuations": b" x\r\n" * 5000,
    "no field names": b": x\r\n" * 5000,
    "a colon that never comes": b"x" * 100_000 + b"\r\n",
    "every octet": bytes(n for n in range(1, 256) if n not in (10, 13)) + b": x\r\n",
}


@pytest.mark.parametrize("name", HEADERS)
def test_an_odd_header_is_kept_as_it_is_or_refused(server: Server, name: str) -> None:
    me = account(server)
    with SMTP(server.port("smtp"), timeout=30) as smtp:
        smtp.begin(me.encode())
        smtp.send(HEADERS[name] + b"\r\nbody\r\n.\r\n")
        answer = smtp.reply()
        assert answer[:3] in (b"250", b"550", b"552", b"554"), answer
        assert smtp.say(b"NOOP")[:3] == b"250"
    with IMAP(server.port("imap"), me, PASSWORD, timeout=30) as imap:
        imap.say(b"SELECT INBOX")
        if answer[:3] != b"250":
            assert imap.say(b"FETCH 1:* BODY.PEEK[]")[-1].endswith(
                b"BAD No message has this number"
            )
            return
        stored = imap.say(b"FETCH 1:* BODY.PEEK[]")[0]
        assert HEADERS[name] + b"\r\nbody\r\n" in stored
        for item in (b"ENVELOPE", b"BODYSTRUCTURE", b"BODY.PEEK[HEADER.FIELDS (X-Long)]"):
            assert b" OK" in imap.say(b"FETCH 1:* " + item)[-1]
