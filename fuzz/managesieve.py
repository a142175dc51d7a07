"""ManageSieve sessions of any bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fuzz import seeds as known
from fuzz.sessions import Case, play, spelled
from fuzz.stage import Defects, Stage
from mailhub.managesieve.machine import LINE, SMALL
from mailhub.model.settings_sieve import SieveSettings
from tests.managesieve.sievers import Sievers
from tests.support import run
from tests.world import ACTOR, PASSWORD, World, world

JOE = "joe@example.org"
SIZE = 2000
"""Octets of the largest script."""
LOGIN = b'AUTHENTICATE "PLAIN" "AGpvZUBleGFtcGxlLm9yZwBjb3JyZWN0IGhvcnNl"\r\n'
WORDS = (
    *(b"CAPABILITY", b"STARTTLS", b"AUTHENTICATE ", b"UNAUTHENTICATE", b"LOGOUT", b"NOOP ", b'"*"'),
    *(b"HAVESPACE ", b"PUTSCRIPT ", b"CHECKSCRIPT ", b"LISTSCRIPTS", b"SETACTIVE ", b"GETSCRIPT "),
    *(b"DELETESCRIPT ", b"RENAMESCRIPT ", b'"PLAIN"', b'"SCRAM-SHA-256"', b'"main"', b'""', b'"'),
    *(b"{5+}\r\nkeep;", b"{5}\r\n", b"{99999+}\r\n", b"4294967296", b" ", b"\\", b"\r\n", b"\r"),
    *(b"\n", b"\0", b"\xc3\xb6", b"\xff", b"keep;", b'require "fileinto";', b"if true {}", b"x"),
)
ENDING = re.compile(rb'(?:OK|NO|BYE)(?: \([^"{]*(?:"(?:[^"\\]|\\.)*"|[^)"{])*\))?(?: .*)?\Z')
LITERAL = re.compile(rb"\{(\d+)\}\Z")
DATA = re.compile(rb'"(?:[^"\\]|\\.)*"(?: (?:ACTIVE|"(?:[^"\\]|\\.)*"))?\Z')
BEHIND = re.compile(rb'(?:\)(?: ".*")?| ACTIVE)?')
"""What may follow a literal on its line: a response code may end with one."""
NONCE = re.compile(rb'"[A-Za-z0-9+/=]{40,}"')

assert PASSWORD == "correct horse"


def _people() -> World:
    here = world(scripts=SieveSettings(size=SIZE, scripts=3, total=3000))
    joe = here.people[JOE].number
    run(here.scripts.put(joe, "main", 'require "fileinto";\r\nfileinto "Archive";', ACTOR))
    run(here.scripts.put(joe, 'odd "name" \\', "", ACTOR))
    run(here.scripts.activate(joe, "main", ACTOR))
    return here


_STAGE = Stage(_people)


def seeds() -> Iterator[bytes]:
    """Every dialogue, as every kind of session."""
    for number, wire in enumerate(known.dialogues("managesieve")):
        for flags in range(16):
            yield spelled(flags, 0 if flags % 2 else number, wire)


def one(data: bytes) -> None:
    """Flags: TLS from the first byte, logged in, few errors are borne."""
    case = Case.of(data)
    said = session(case)
    check(said)
    if len(case.pieces) > 1 and not case.says(b"STARTTLS"):
        assert plain(said) == plain(session(case.uncut())), "the cuts make a difference"


def session(case: Case) -> bytes:
    """What the server says to it."""
    here = _STAGE.world()
    sievers = Sievers(here, implicit=bool(case.flags & 3), errors=5 if case.flags & 16 else 1000)
    with Defects(here) as defects:
        conversation = sievers("")
        if case.flags & 2:
            conversation.send(LOGIN)
        said = play(conversation, case, LINE + SMALL + SIZE)
        defects.check()
    return said


def plain(said: bytes) -> bytes:
    """Without what differs between two sessions: the nonces of challenges."""
    return NONCE.sub(b'""', said)


def check(said: bytes) -> None:
    """Lines of data and responses, strings whole (RFC 5804 section 4)."""
    at = 0
    while at < len(said):
        end = said.find(b"\r\n", at)
        assert end >= 0, "the last line has no end"
        line = said[at:end]
        assert b"\n" not in line, line
        at = end + 2
        literal = LITERAL.search(line)
        if literal is not None:
            at += int(literal[1])
            end = said.find(b"\r\n", at)
            assert end >= 0, "cut short"
            assert BEHIND.fullmatch(said, at, end), said[at:end]
            at = end + 2
            continue
        assert ENDING.match(line) or DATA.match(line), line
