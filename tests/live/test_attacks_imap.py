"""Attacks on the IMAP and POP3 side: bombs, other people's mail, injection at STARTTLS."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import pytest

from tests.live.conftest import User
from tests.live.pace import prompt
from tests.live.peers import until
from tests.live.server import Server
from tests.live.stall import no_stall
from tests.live.wire import IMAP, SMTP, Wire


def test_commands_before_tls_are_not_executed_after_it(server: Server) -> None:
    with IMAP(server.port("imap")) as imap:
        imap.send(b"a STARTTLS\r\nb NOOP\r\n")
        imap.line()
        assert imap.closed()
    with Wire(server.port("pop3")) as pop:
        pop.line()
        pop.send(b"STLS\r\nNOOP\r\n")
        pop.line()
        assert pop.closed()


@pytest.mark.parametrize("size", [4097, 1 << 20, 1 << 31, 1 << 63, 10**30])
def test_a_literal_before_login_is_refused_unread(server: Server, size: int) -> None:
    with IMAP(server.port("imap")) as imap:
        imap.send(b"a LOGIN {%d}\r\n" % size)
        answer = imap.line()
        assert answer.startswith((b"a NO", b"a BAD", b"* BYE")), answer


def test_too_large_an_append_is_refused_unread(server: Server, user: User) -> None:
    with IMAP(server.port("imap"), user.address, user.password) as imap:
        imap.send(b"x APPEND INBOX {%d}\r\n" % (1 << 30))
        assert imap.line().startswith(b"x NO [TOOBIG]")
        assert b" OK" in imap.say(b"NOOP")[-1]


def test_endless_pre_authentication_input_is_cut_off(server: Server) -> None:
    with IMAP(server.port("imap")) as imap, pytest.raises(OSError, match=r"."):  # noqa: PT012
        for _ in range(2000):
            imap.send(b"a NOOP " + b"x" * 8000)
            time.sleep(0.001)
        if imap.closed(1):
            raise OSError("closed")


BOMBS = {
    "nested search": lambda: b"SEARCH " + b"(" * 5000 + b"ALL" + b")" * 5000,
    "nested NOT": lambda: b"SEARCH " + b"NOT " * 10000 + b"ALL",
    "OR chain": lambda: b"SEARCH " + b"OR SEEN " * 5000 + b"ALL",
    "many terms": lambda: b"SEARCH " + b"TEXT x " * 8000,
    "wide set": lambda: b"FETCH 1:4294967295 (FLAGS)",
    "many ranges": lambda: b"FETCH " + b",".join(b"%d:*" % n for n in range(1, 9000)) + b" (FLAGS)",
    "wildcards": lambda: b'LIST "" "' + b"*%" * 2000 + b'x"',
    "many fields": lambda: b"FETCH 1 BODY.PEEK[HEADER.FIELDS (" + b"a " * 20000 + b"b)]",
    "deep section": lambda: b"FETCH 1 BODY.PEEK[" + b"1." * 10000 + b"1]",
    "deep mailbox": lambda: b'CREATE "' + b"a/" * 20000 + b'b"',
    "long name": lambda: b'CREATE "' + b"a" * 60000 + b'"',
    "flags": lambda: b"STORE 1 +FLAGS (" + b" ".join(b"k%d" % n for n in range(8000)) + b")",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_or_done_and_stalls_nobody(
    server: Server, new_user: Callable[[], User], name: str
) -> None:
    user, other = new_user(), new_user()
    with IMAP(server.port("imap"), user.address, user.password) as imap:
        imap.say(b"APPEND INBOX {12+}\r\nSubject: x\r\n")
        imap.say(b"SELECT INBOX")
        with no_stall(server, other), prompt(1, server.pid):
            answer = imap.say(BOMBS[name]())[-1]
        assert answer, "the connection was closed"
        assert b" OK" in imap.say(b"NOOP")[-1]


def mime_bombs() -> dict[str, bytes]:
    head = b"From: a@example.org\r\nMIME-Version: 1.0\r\n"
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(3000)
    )
    parts = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\ny\r\n" * 100_000
    parameters = b"Content-Type: text/plain" + b"".join(
        b";\r\n name*%d*=utf-8''%%41" % n for n in range(20000)
    )
    rfc822 = b"Content-Type: message/rfc822\r\n\r\n" * 3000
    comments = b"To: " + b"(" * 50_000 + b"a" + b")" * 50_000 + b"\r\n\r\n"
    addresses = b"To: " + b",\r\n ".join(b"a%d@example.org" % n for n in range(100_000))
    words = b"Subject: " + b"\r\n ".join([b"=?utf-8?q?=41?="] * 50_000)
    return {
        "nested multiparts": head + nested,
        "many parts": head + parts,
        "many parameters": head + parameters + b"\r\n\r\n",
        "nested messages": head + rfc822,
        "nested comments": head + comments,
        "many addresses": head + addresses + b"\r\n\r\n",
        "encoded words": head + words + b"\r\n\r\n",
        "many fields": head + b"X: y\r\n" * 300_000 + b"\r\n",
        "one long field": head + b"Subject: " + b"x" * 3_000_000 + b"\r\n\r\n",
        "references": head + b"References: " + b"<a@b>\r\n " * 100_000 + b"\r\n\r\n",
    }


@pytest.mark.parametrize("name", mime_bombs())
def test_a_mime_bomb_stalls_nobody(server: Server, new_user: Callable[[], User], name: str) -> None:
    user, other = new_user(), new_user()
    bomb = mime_bombs()[name]
    with IMAP(server.port("imap"), user.address, user.password, timeout=30) as imap:
        with no_stall(server, other):
            answer = imap.say(b"APPEND INBOX {%d+}\r\n%s" % (len(bomb), bomb))[-1]
            assert b" OK" in answer, answer
            imap.say(b"SELECT INBOX")
            for item in (b"ENVELOPE", b"BODYSTRUCTURE", b"BODY.PEEK[1.1.1]", b"PREVIEW"):
                assert b" OK" in imap.say(b"FETCH 1 " + item)[-1]
            for key in (b"SUBJECT zq", b"TO zq", b"TEXT zq", b"HEADER X zq"):
                assert b" OK" in imap.say(b"SEARCH " + key)[-1]
        size = imap.say(b"FETCH 1 RFC822.SIZE")[0]
        assert b"RFC822.SIZE %d" % len(bomb) in size


NAMES = [
    b'"../other"', b'"/etc/passwd"', b'"~root/INBOX"', b'"a//b"', b'"#news.x"', b'"INBOX/../../x"',
    b"{3+}\r\na\0b", b'"a\x01b"', b'"&Jjo!"', b'"&"', b'""', b'"*"', b'"%"', b'"\xff"',
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_never_leaves_the_account(server: Server, user: User, name: bytes) -> None:
    with IMAP(server.port("imap"), user.address, user.password) as imap:
        imap.say(b"CREATE " + name)
        for verb in (b"SELECT ", b"STATUS ", b"DELETE "):
            tail = b" (MESSAGES)" if verb == b"STATUS " else b""
            assert imap.say(verb + name + tail)[-1]
        assert b" OK" in imap.say(b"NOOP")[-1]
    outside = {path.name for path in server.folder.iterdir()}
    assert outside <= {"var", "mailhub.toml", "server.log", "lmtp.sock", "lmtp.sock.lock"}


@pytest.mark.parametrize(
    "command",
    [b'SELECT "%s"', b'EXAMINE "%s"', b'STATUS "%s" (MESSAGES)', b'DELETE "%s"', b'RENAME "%s" x',
     b'APPEND "%s" {1+}\r\nx', b'COPY 1 "%s"', b'MOVE 1 "%s"', b'GETQUOTAROOT "%s"'],
)  # fmt: skip
def test_another_accounts_mailbox_cannot_be_named(
    server: Server, new_user: Callable[[], User], command: bytes
) -> None:
    owner, thief = new_user(), new_user()
    with IMAP(server.port("imap"), owner.address, owner.password) as imap:
        imap.say(b"CREATE Secret")
    with IMAP(server.port("imap"), thief.address, thief.password) as imap:
        imap.say(b"APPEND INBOX {1+}\r\nx")
        imap.say(b"SELECT INBOX")
        for name in (
            b"Secret",
            b"user/%s/Secret" % owner.address.encode(),
            b"~%s/Secret" % b"user",
        ):
            assert b" NO" in imap.say(command % name)[-1], name


def test_a_foreign_authorization_identity_is_refused(server: Server, user: User) -> None:
    token = base64.b64encode(f"admin@live.test\0{user.address}\0{user.password}".encode())
    with IMAP(server.port("imap")) as imap:
        assert b" NO [AUTHENTICATIONFAILED]" in imap.say(b"AUTHENTICATE PLAIN " + token)[-1]
    with Wire(server.port("pop3")) as pop:
        pop.line()
        pop.send(b"AUTH PLAIN " + token + b"\r\n")
        assert pop.line().startswith(b"-ERR [AUTH]")


@pytest.mark.parametrize("password", ["", "x" * 5000, "nul\0here"])
def test_odd_passwords_are_refused_like_wrong_ones(
    server: Server, user: User, password: str
) -> None:
    token = base64.b64encode(f"\0{user.address}\0{password}".encode())
    with IMAP(server.port("imap")) as imap:
        imap.send(b"a AUTHENTICATE PLAIN " + token + b"\r\n")
        assert imap.line().startswith((b"a NO", b"a BAD", b"* BYE"))
    with SMTP(server.port("submission")) as smtp:
        assert smtp.say(b"AUTH PLAIN " + token)[:1] == b"5"


def test_unknown_and_known_users_take_the_same_time(server: Server, user: User) -> None:
    # Of each the quickest, in turns: whatever else the machine does, slows both alike in the end.
    def seconds(name: str) -> float:
        with IMAP(server.port("imap")) as imap:
            began = time.monotonic()
            imap.say(b'LOGIN "%s" "wrong"' % name.encode())
            return time.monotonic() - began

    took: dict[str, list[float]] = {user.address: [], "nobody-here@live.test": []}

    def alike() -> bool:
        for name, times in took.items():
            times.append(seconds(name))
        known, unknown = map(min, took.values())
        return len(took[user.address]) >= 9 and 0.5 < known / unknown < 2

    assert until(alike), took
