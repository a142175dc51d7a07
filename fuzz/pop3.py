"""POP3 sessions of any bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fuzz import seeds as known
from fuzz.sessions import Case, play, spelled
from fuzz.stage import Defects, Stage
from mailhub.pop3.grammar import SASL_LINE
from tests.pop3.visits import Visits, put
from tests.world import PASSWORD, World, world

JOE = "joe@example.org"
LOGIN = f"USER {JOE}\r\nPASS {PASSWORD}\r\n".encode()
WORDS = (
    *(b"CAPA", b"LANG", b"QUIT", b"USER ", b"PASS ", b"AUTH ", b"STLS", b"UTF8", b"STAT", b"LIST"),
    *(b"UIDL", b"RETR ", b"TOP ", b"DELE ", b"RSET", b"NOOP", b"APOP ", b"PLAIN", b"SCRAM-SHA-256"),
    *(b"joe@example.org", b"correct horse", b" 1\r\n", b" 2 0\r\n", b"4294967296", b"=", b"*"),
    *(b"\r\n", b"\r", b"\n", b"\0", b"\xc3\xb6", b"\xff", b"en", b"i-default"),
)
CHALLENGE = re.compile(rb"^\+ [^\r\n]*", re.MULTILINE)
STATUS = re.compile(rb"\+OK(?: [^\r\n]*)?\Z|-ERR(?: [^\r\n]*)?\Z|\+ [A-Za-z0-9+/=]*\Z")


def _people() -> World:
    here = world()
    put(
        here,
        JOE,
        b"Subject: one\r\n\r\nfirst\r\n.dot\r\n..\r\n",
        b"Subject: two\r\n\r\nno end of line",
        b"\r\n.\r\n",
        b"Subject: f\xc3\xbcnf\r\n\r\n\x00\xff\r\r\n.\rx\r\n",
    )
    return here


_STAGE = Stage(_people)


def seeds() -> Iterator[bytes]:
    """Every dialogue, as every kind of session."""
    for number, wire in enumerate(known.dialogues("pop3")):
        for flags in range(16):
            yield spelled(flags, 0 if flags % 2 else number, wire)


def one(data: bytes) -> None:
    """Flags: TLS from the first byte, logged in, DELE moves to Trash, only two are shown, few
    errors are borne."""
    case = Case.of(data)
    said = session(case)
    check(said)
    if len(case.pieces) > 1 and not case.says(b"STLS"):
        assert plain(said) == plain(session(case.uncut())), "the cuts make a difference"


def session(case: Case) -> bytes:
    """What the server says to it."""
    here = _STAGE.world()
    visits = Visits(
        here,
        implicit=bool(case.flags & 3),
        delete="trash" if case.flags & 4 else "expunge",
        newest=2 if case.flags & 8 else 0,
        errors=5 if case.flags & 16 else 1000,
    )
    with Defects(here) as defects:
        conversation = visits("")
        if case.flags & 2:
            conversation.send(LOGIN)
        said = play(conversation, case, SASL_LINE)
        assert not here.seats._open, "the maildrop stays locked"
        defects.check()
    return said


def plain(said: bytes) -> bytes:
    """Without what differs between two sessions: the nonces of challenges."""
    return CHALLENGE.sub(b"+", said)


def check(said: bytes) -> None:
    """Status lines, each with a multi-line answer behind it or without (RFC 1939 section 3).

    Lines of a message that look like a status are taken for one; that hides nothing else.
    """
    lines = said.split(b"\r\n")
    assert not lines.pop(), "the last line has no end"
    inside = False
    for number, line in enumerate(lines):
        if inside:
            inside = line != b"."
            assert not line.startswith(b".") or line == b"." or line.startswith(b".."), line
        elif STATUS.match(line) is None:
            assert number, f"not a greeting: {line!r}"
            inside = line != b"."
    assert not inside, "an answer of several lines has no end"
