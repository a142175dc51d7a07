"""Little to send, much to do: floods of commands, chunks and literals. Other sessions notice
nothing, and what is over a limit is refused before it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.live import web
from tests.live.conftest import User
from tests.live.pace import prompt
from tests.live.server import Server
from tests.live.stall import no_stall
from tests.live.test_attacks_imap import mime_bombs
from tests.live.web import PASSWORD
from tests.live.wire import IMAP, SMTP, Wire

USER = "target@live.test"


@pytest.fixture(scope="module")
def watcher(server: Server) -> User:
    """Who must not notice."""
    web.make(server, "watcher@live.test")
    web.make(server, USER)
    return User("watcher@live.test", PASSWORD)


def flood(wire: Wire, data: bytes) -> threading.Thread:
    """Sends in the background, as a client must that reads the answers meanwhile."""

    def send() -> None:
        try:
            wire.sock.sendall(data)
        except OSError:  # the server has had enough, and what it said is read by the test
            return

    thread = threading.Thread(target=send)
    thread.start()
    return thread


# -- SMTP


@pytest.mark.parametrize(
    ("line", "count", "code"),
    [(b"NOOP", 20_000, b"250"), (b"RSET", 20_000, b"250"), (b"HELP", 5_000, b"214"),
     (b"EHLO x.example", 5_000, b"250"), (b"VRFY x", 10_000, b"252")],
)  # fmt: skip
def test_a_flood_of_commands_is_answered_in_turn(
    server: Server, watcher: User, line: bytes, count: int, code: bytes
) -> None:
    with no_stall(server, watcher), SMTP(server.port("smtp"), timeout=30) as smtp:
        sending = flood(smtp, (line + b"\r\n") * count)
        assert all(smtp.reply()[:3] == code for _ in range(count))
        sending.join()


def test_a_message_in_chunks_of_one_octet_is_a_message(server: Server, watcher: User) -> None:
    body = b"Subject: tiny\r\n\r\n" + b"x" * 5_000 + b"\r\n"
    chunks = b"".join(b"BDAT 1\r\n%c" % octet for octet in body) + b"BDAT 0 LAST\r\n"
    with no_stall(server, watcher), SMTP(server.port("smtp"), timeout=30) as smtp:
        smtp.say(b"MAIL FROM:<a@example.org>")
        smtp.say(b"RCPT TO:<%s>" % USER.encode())
        sending = flood(smtp, chunks)
        assert all(smtp.reply()[:3] == b"250" for _ in range(len(body) + 1))
        sending.join()
    with IMAP(server.port("imap"), USER, PASSWORD) as imap:
        imap.say(b"SELECT INBOX")
        assert body in imap.say(b"FETCH * BODY.PEEK[]")[0]


def test_a_thousand_recipients_that_are_one_get_one_copy(server: Server, watcher: User) -> None:
    with no_stall(server, watcher), SMTP(server.port("smtp"), timeout=30) as smtp:
        smtp.say(b"MAIL FROM:<a@example.org>")
        recipients = b"".join(b"RCPT TO:<target+%d@live.test>\r\n" % n for n in range(1000))
        sending = flood(smtp, recipients)
        assert all(smtp.reply()[:3] == b"250" for _ in range(1000))
        sending.join()
        assert smtp.say(b"RCPT TO:<%s>" % USER.encode()).startswith(b"452 4.5.3")
        smtp.say(b"DATA")
        assert smtp.say(b"Subject: thousandfold\r\n\r\nx\r\n.")[:3] == b"250"
    with IMAP(server.port("imap"), USER, PASSWORD) as imap:
        imap.say(b"SELECT INBOX")
        assert len(imap.say(b"SEARCH SUBJECT thousandfold")[0].split()) == 3


@pytest.mark.parametrize("name", mime_bombs())
def test_a_mime_bomb_by_smtp_is_taken_and_stalls_nobody(
    server: Server, watcher: User, name: str
) -> None:
    bomb = mime_bombs()[name]
    with no_stall(server, watcher), SMTP(server.port("smtp"), timeout=30) as smtp:
        smtp.begin(USER.encode())
        with prompt(5, server.pid):
            smtp.send(bomb + b"\r\n.\r\n")
            assert smtp.reply()[:3] in (b"250", b"552", b"554")
    with no_stall(server, watcher), Wire(server.port("pop3")) as pop:
        pop.send(b"USER %s\r\nPASS %s\r\n" % (USER.encode(), PASSWORD.encode()))
        assert [pop.line()[:3] for _ in range(3)] == [b"+OK"] * 3
        pop.send(b"STAT\r\n")
        pop.send(b"TOP %s 1\r\n" % pop.line().split()[1])
        assert pop.line().startswith(b"+OK")
        while pop.line() != b".":
            continue


# -- IMAP

LITERALS = {
    "one too large": (b"x SEARCH TEXT {65537+}\r\n" + b"a" * 65537 + b"\r\n", b"x "),
    "many that are too large together": (
        b"x SEARCH TEXT {1000+}\r\n" + (b"a" * 1000 + b" TEXT {1000+}\r\n") * 99
        + b"a" * 1000 + b"\r\n",
        b"x ",
    ),
    "a thousand empty ones": (b"x SEARCH " + b"TEXT {0+}\r\n " * 1000 + b"ALL\r\n", b"x "),
    "a number beyond 64 bits": (b"x SEARCH TEXT {99999999999999999999}\r\n", b"x "),
    "a negative one": (b"x SEARCH TEXT {-1}\r\n", b"x "),
    "within a name": (b"x CREATE a{3+}\r\nbcd\r\n", b"x "),
    "of a flag": (b"x STORE 1 +FLAGS ({3+}\r\nabc)\r\n", b"x "),
}  # fmt: skip


@pytest.mark.parametrize("name", LITERALS)
def test_a_literal_after_login_is_bounded_too(server: Server, watcher: User, name: str) -> None:
    sent, tag = LITERALS[name]
    with IMAP(server.port("imap"), USER, PASSWORD) as imap:
        imap.say(b"SELECT INBOX")
        with no_stall(server, watcher), prompt(1, server.pid):
            imap.send(sent)
            answer = imap.until(tag.strip())[-1]
        assert answer.startswith((b"x BAD", b"x NO")), answer
        assert b" OK" in imap.say(b"NOOP")[-1]


@pytest.mark.parametrize("size", [(64 << 20) + 1, 1 << 40, 1 << 63, 10**19])
def test_a_message_over_the_limit_is_not_read(server: Server, watcher: User, size: int) -> None:
    with IMAP(server.port("imap"), USER, PASSWORD) as imap:
        assert b"APPENDLIMIT=%d" % (64 << 20) in imap.say(b"CAPABILITY")[0]
        for announced in (b"{%d}", b"~{%d}"):
            imap.send(b"x APPEND INBOX " + announced % size + b"\r\n")
            assert imap.line().startswith((b"x NO [TOOBIG]", b"x BAD"))
        assert b" OK" in imap.say(b"NOOP")[-1]


FLOODS: dict[str, Callable[[int], bytes]] = {
    "NOOP": lambda n: b"t%d NOOP\r\n" % n,
    "LIST": lambda n: b't%d LIST "" "*%%*%%*"\r\n' % n,
    "STATUS": lambda n: b"t%d STATUS INBOX (MESSAGES SIZE)\r\n" % n,
    "SELECT": lambda n: b"t%d SELECT INBOX\r\n" % n,
    "SEARCH": lambda n: b"t%d SEARCH OR TEXT zq NOT BODY zq\r\n" % n,
    "FETCH": lambda n: b"t%d FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)\r\n" % n,
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_imap_commands_is_answered_in_turn(
    server: Server, watcher: User, name: str
) -> None:
    count = 300 if name in ("SEARCH", "FETCH") else 2000
    web_user = f"flood-{name.lower()}@live.test"
    web.make(server, web_user)
    with IMAP(server.port("imap"), web_user, PASSWORD, timeout=30) as imap:
        imap.say(b"APPEND INBOX {12+}\r\nSubject: x\r\n")
        imap.say(b"SELECT INBOX")
        with no_stall(server, watcher):
            sending = flood(imap, b"".join(FLOODS[name](number) for number in range(count)))
            for number in range(count):
                assert b" OK" in imap.until(b"t%d" % number)[-1]
            sending.join()


def test_a_flood_of_bad_commands_ends_the_session(server: Server, watcher: User) -> None:
    with IMAP(server.port("imap"), USER, PASSWORD) as imap, no_stall(server, watcher):
        sending = flood(imap, b"t BOGUS\r\n" * 20_000)
        lines = list(iter(imap.line, b""))
        sending.join()
    assert lines[0].startswith(b"t BAD")
    assert len(lines) < 1000
    assert lines[-1].startswith(b"* BYE")


# -- POP3


@pytest.mark.parametrize("line", [b"CAPA", b"LIST", b"UIDL", b"NOOP", b"RETR 1", b"TOP 1 0"])
def test_a_flood_of_pop3_commands_is_answered_in_turn(
    server: Server, watcher: User, line: bytes
) -> None:
    name = f"pop{line.lower().decode().replace(' ', '-')}@live.test"
    web.make(server, name)
    with SMTP(server.port("smtp")) as smtp:
        smtp.begin(name.encode())
        assert smtp.say(b"Subject: x\r\n\r\n..x\r\n.")[:3] == b"250"
    with Wire(server.port("pop3"), timeout=30) as pop:
        pop.send(b"USER %s\r\nPASS %s\r\n" % (name.encode(), PASSWORD.encode()))
        assert [pop.line()[:3] for _ in range(3)] == [b"+OK"] * 3
        with no_stall(server, watcher):
            sending = flood(pop, (line + b"\r\n") * 2000)
            for _ in range(2000):
                assert pop.line().startswith(b"+OK")
                while line != b"NOOP" and pop.line() != b".":
                    continue
            sending.join()
