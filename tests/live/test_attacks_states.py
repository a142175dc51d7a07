"""Every command of every protocol in every state, and aimed at another account's mail: out of
turn it is refused and changes nothing, and nothing of the other account is ever said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailhub.imap.state import State
from mailhub.imap.table import VERBS
from tests.live import web
from tests.live.doors import plain
from tests.live.server import Server
from tests.live.web import PASSWORD
from tests.live.wire import IMAP, SMTP, Wire

OWNER, THIEF, READER = "owner@live.test", "thief@live.test", "reader@live.test"
SECRET = b"Secret-Text-4711"
BOX = b"Secret-Box-4711"
FOREIGN = (BOX, b"user/%s/%s" % (OWNER.encode(), BOX), b"~owner/" + BOX, b"../owner/" + BOX)
ARGUMENTS = {
    b"ID": b'("name" "thief")',
    b"AUTHENTICATE": b"PLAIN " + plain(OWNER, "wrong"),
    b"LOGIN": b'"%s" "wrong"' % OWNER.encode(),
    b"ENABLE": b"CONDSTORE",
    b"COMPRESS": b"DEFLATE",
    b"LIST": b'"" {box}',
    b"LSUB": b'"" {box}',
    b"XLIST": b'"" {box}',
    b"CREATE": b"{box}",
    b"DELETE": b"{box}",
    b"RENAME": b"{box} Stolen",
    b"SUBSCRIBE": b"{box}",
    b"UNSUBSCRIBE": b"{box}",
    b"STATUS": b"{box} (MESSAGES UIDNEXT SIZE)",
    b"GETQUOTA": b'"%s"' % OWNER.encode(),
    b"GETQUOTAROOT": b"{box}",
    b"SETQUOTA": b'"%s" (STORAGE 1)' % OWNER.encode(),
    b"SELECT": b"{box}",
    b"EXAMINE": b"{box}",
    b"FETCH": b"1:* (FLAGS BODY.PEEK[])",
    b"SEARCH": b"TEXT Secret",
    b"SORT": b"(DATE) UTF-8 ALL",
    b"THREAD": b"REFERENCES UTF-8 ALL",
    b"STORE": b"1:* +FLAGS (\\Deleted)",
    b"COPY": b"1:* {box}",
    b"MOVE": b"1:* {box}",
    b"APPEND": b"{box} {4+}\r\nEvil",
    b"REPLACE": b"1 {box} {4+}\r\nEvil",
}
WITHOUT = frozenset(VERBS) - frozenset(ARGUMENTS) - {
    b"UID " + name for name in (*ARGUMENTS, b"EXPUNGE")
}  # fmt: skip


@pytest.fixture(scope="module")
def two(server: Server) -> Iterator[Server]:
    """The module's server with an owner of secrets and a thief."""
    web.make(server, OWNER)
    web.make(server, THIEF)
    web.make(server, READER)
    mail = b"Subject: %s\r\n\r\n%s\r\n" % (SECRET, SECRET)
    with IMAP(server.port("imap"), OWNER, PASSWORD) as imap:
        imap.say(b"CREATE " + BOX)
        for box in (BOX, b"INBOX"):
            assert b" OK" in imap.say(b"APPEND %s {%d+}\r\n%s" % (box, len(mail), mail))[-1]
        before = belongings(imap)
    yield server
    with IMAP(server.port("imap"), OWNER, PASSWORD) as imap:
        assert belongings(imap) == before


def belongings(imap: IMAP) -> list[bytes]:
    """Everything that a thief could change."""
    seen = imap.say(b'LIST "" "*" RETURN (SUBSCRIBED)')[:-1]
    for box in (BOX, b"INBOX"):
        items = b"(MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED)"
        seen += imap.say(b"STATUS %s %s" % (box, items))[:-1]
        imap.say(b"EXAMINE " + box)
        seen += imap.say(b"FETCH 1:* (UID FLAGS BODY.PEEK[])")[:-1]
    return seen + imap.say(b"GETQUOTAROOT INBOX")[:-1]


def arguments(name: bytes, box: bytes) -> bytes:
    """What the command takes, aimed at `box`."""
    if name == b"UID EXPUNGE":
        return b" 1:*"
    text = ARGUMENTS.get(name.removeprefix(b"UID "), b"")
    return b" " + text.replace(b"{box}", b'"%s"' % box) if text else b""


def attempt(imap: IMAP, command: bytes) -> list[bytes]:
    """All that the server says to one command, which may ask for more or end the session."""
    imap.send(b"t " + command + b"\r\n")
    lines = []
    while line := imap.whole_line():
        lines.append(line)
        if line.startswith(b"+"):
            imap.send(b"DONE\r\n" if command == b"IDLE" else b"*\r\n")
        if line.startswith(b"t "):
            break
    return lines


@pytest.mark.parametrize("name", sorted(VERBS), ids=bytes.decode)
def test_an_imap_command_keeps_to_its_states_and_its_account(two: Server, name: bytes) -> None:
    verb = VERBS[name]
    for state in State:
        if state is State.LOGOUT:
            continue
        logged_in = state is not State.NOT_AUTHENTICATED
        who = (THIEF, PASSWORD) if logged_in else ("", "")
        for box in FOREIGN if b"{box}" in arguments_of(name) else FOREIGN[:1]:
            with IMAP(two.port("imap"), *who) as imap:
                if state is State.SELECTED:
                    imap.say(b"SELECT INBOX")
                lines = attempt(imap, name + arguments(name, box))
                assert lines, "the connection was closed without a word"
                assert SECRET not in b"".join(lines)
                if state not in verb.states:
                    assert lines[-1].startswith(b"t BAD"), lines
                elif name in (b"LOGIN", b"AUTHENTICATE"):
                    assert lines[-1].startswith(b"t NO [AUTHENTICATIONFAILED]"), lines


def arguments_of(name: bytes) -> bytes:
    return ARGUMENTS.get(name.removeprefix(b"UID "), b"")


def test_the_table_of_imap_arguments_names_every_command() -> None:
    """A new command that takes arguments must be aimed at a foreign mailbox here too."""
    bare = b"CAPABILITY NOOP LOGOUT STARTTLS NAMESPACE IDLE UNSELECT CLOSE CHECK EXPUNGE"
    assert frozenset(bare.split()) == WITHOUT


# -- SMTP

STEPS = {
    "connected": [],
    "greeted": [b"EHLO x.example"],
    "sender": [b"EHLO x.example", b"MAIL FROM:<a@example.org>"],
    "recipient": [b"EHLO x.example", b"MAIL FROM:<a@example.org>", b"RCPT TO:<{reader}>"],
}
LEGAL = {
    b"HELO x": {"connected", "greeted", "sender", "recipient"},
    b"EHLO x": {"connected", "greeted", "sender", "recipient"},
    b"MAIL FROM:<b@example.org>": {"greeted"},
    b"RCPT TO:<{reader}>": {"sender", "recipient"},
    b"DATA": {"recipient"},
    b"BDAT 0 LAST": {"recipient"},
    b"RSET": {"connected", "greeted", "sender", "recipient"},
    b"NOOP": {"connected", "greeted", "sender", "recipient"},
    b"QUIT": {"connected", "greeted", "sender", "recipient"},
    b"AUTH PLAIN " + plain(THIEF, PASSWORD): set(),
    b"AUTH PLAIN": set(),
    b"STARTTLS": {"greeted"},
    b"XCLIENT ADDR=127.0.0.1": set(),
    b"LHLO x": set(),
    b"TURN": set(),
    b"ETRN live.test": set(),
    b"GET / HTTP/1.1": set(),
    b".": set(),
}


@pytest.mark.parametrize("line", LEGAL, ids=lambda line: line.decode()[:12])
@pytest.mark.parametrize("state", STEPS)
def test_an_smtp_command_keeps_to_its_states(two: Server, state: str, line: bytes) -> None:
    with SMTP(two.port("smtp"), hello=b"") as smtp:
        for step in STEPS[state]:
            assert smtp.say(step.replace(b"{reader}", READER.encode()))[:3] == b"250"
        answer = smtp.say(line.replace(b"{reader}", READER.encode()))
        legal = state in LEGAL[line]
        assert answer[:1] in ((b"2", b"3") if legal else (b"5",)), answer
        if not legal and not line.startswith(b"BDAT"):
            follow = b"RCPT TO:<%s>" % READER.encode()
            carries_on = b"250" if state in ("sender", "recipient") else b"503"
            assert smtp.say(follow)[:3] == carries_on


@pytest.mark.parametrize("line", [b"MAIL FROM:<%s>" % READER.encode(), b"VRFY x", b"MAIL FROM:<>"])
def test_submission_without_login_does_nothing(two: Server, line: bytes) -> None:
    with SMTP(two.port("submission")) as smtp:
        assert smtp.say(line).startswith(b"530 5.7.0")
        assert smtp.say(b"RCPT TO:<%s>" % READER.encode())[:1] == b"5"


# -- POP3

BEFORE = (b"USER thief", b"PASS x", b"AUTH PLAIN AAAA", b"STLS", b"UTF8")
AFTER = (b"STAT", b"LIST", b"LIST 1", b"UIDL", b"UIDL 1", b"RETR 1", b"TOP 1 0", b"DELE 1",
         b"RSET", b"NOOP")  # fmt: skip


@pytest.mark.parametrize("line", [*BEFORE, *AFTER], ids=bytes.decode)
def test_a_pop3_command_keeps_to_its_state(two: Server, line: bytes) -> None:
    with Wire(two.port("pop3")) as pop:
        pop.line()
        if line in BEFORE:
            pop.send(b"USER %s\r\nPASS %s\r\n" % (THIEF.encode(), PASSWORD.encode()))
            assert [pop.line()[:3] for _ in range(2)] == [b"+OK"] * 2
        pop.send(line + b"\r\nQUIT\r\n")
        assert pop.line().startswith(b"-ERR")
        assert pop.line().startswith(b"+OK")


@pytest.mark.parametrize(
    "number", [b"0", b"1", b"-1", b"2", b"4294967297", b"9" * 60, b"1e0", b"0x1", b"1 1", b"*"]
)
def test_no_number_in_pop3_reaches_another_maildrop(two: Server, number: bytes) -> None:
    with Wire(two.port("pop3")) as pop:
        pop.send(b"USER %s\r\nPASS %s\r\n" % (THIEF.encode(), PASSWORD.encode()))
        assert [pop.line()[:3] for _ in range(3)] == [b"+OK"] * 3
        for verb in (b"RETR %s", b"TOP %s 9", b"DELE %s", b"LIST %s", b"UIDL %s"):
            pop.send(verb % number + b"\r\n")
            assert pop.line().startswith(b"-ERR")
