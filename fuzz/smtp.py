"""SMTP, submission and LMTP sessions of any bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fuzz import seeds as known
from fuzz.sessions import Case, play, spelled
from fuzz.stage import Defects, Stage
from mailhub.model.account import Service
from mailhub.smtp.machine import ILLEGAL, OBSOLETE, RESPONSE_LIMIT
from tests.smtp.reception import Reception
from tests.world import world

SERVICES = (Service.SMTP, Service.SUBMISSION, Service.LMTP, Service.SMTP)
HELLOS = (b"EHLO client.example\r\n", b"LHLO client.example\r\n")
WORDS = (
    *(verb.encode() for verb in (*ILLEGAL, *OBSOLETE)),
    *(b"MAIL FROM:<", b"RCPT TO:<", b"joe@example.org", b"postmaster", b"@a,@b:c@d", b'"a b"@'),
    *(b"[127.0.0.1]", b"[IPv6:::1]", b"SIZE=", b"BODY=", b"8BITMIME", b"BINARYMIME", b"SMTPUTF8"),
    *(b"RET=HDRS", b"ENVID=", b"NOTIFY=", b"NEVER", b"SUCCESS,FAILURE", b"ORCPT=rfc822;", b"AUTH="),
    *(
        b"PLAIN",
        b"LOGIN",
        b"SCRAM-SHA-256",
        b"AGpvZQBqb2U=",
        b" LAST\r\n",
        b"+3D",
        b"ADDR=",
        b"PROTO=",
    ),
    *(b"\r\n", b"\r\n.\r\n", b"\n.\n", b"\r\n..", b"\r", b"\n", b"\0", b"\xc3\xb6", b"\xff", b"*"),
)
REPLY = re.compile(rb"(\d{3})([ -])[\x20-\x7e\x80-\xff]*\r\n")
_STAGE = Stage(world)


def seeds() -> Iterator[bytes]:
    """Every dialogue, as every kind of session."""
    for number, wire in enumerate(known.dialogues("smtp")):
        for flags in range(0, 32, 3):
            yield spelled(flags, 0 if flags % 2 else number, wire)


def one(data: bytes) -> None:
    """Flags: two bits for the service, then TLS from the first byte, a hello before everything,
    trusted (relays, may say XCLIENT, sends lines of any kind and makes no error too many)."""
    case = Case.of(data)
    said = session(case)
    check(said)
    if len(case.pieces) > 1 and not case.says(b"STARTTLS"):
        assert codes(said) == codes(session(case.uncut())), "the cuts make a difference"


def session(case: Case) -> bytes:
    """What the server says to it."""
    here = _STAGE.world()
    service = SERVICES[case.flags & 3]
    trusted = bool(case.flags & 16)
    listener = Reception(
        here,
        service,
        implicit=bool(case.flags & 4),
        errors=1000 if trusted else 6,
        trusted_networks=("192.0.2.7",) if trusted else (),
        xclient_from=("192.0.2.7",) if trusted else (),
        bare_newlines="normalize" if trusted else "refuse",
        vrfy=trusted,
        line=600,
        message_size=2000,
        recipients=3,
    )
    with Defects(here) as defects:
        conversation = listener("")
        if case.flags & 8:
            conversation.send(HELLOS[service is Service.LMTP])
        said = play(conversation, case, RESPONSE_LIMIT + 2)
        defects.check()
    return said


def codes(said: bytes) -> list[bytes]:
    """All but the texts: ids and nonces differ between two sessions."""
    return [line[:4] for line in said.split(b"\r\n")]


def check(said: bytes) -> None:
    """Whole replies, and nothing else (RFC 5321 section 4.2)."""
    at, code = 0, b""
    while at < len(said):
        line = REPLY.match(said, at)
        assert line is not None, f"no line of a reply: {said[at : at + 100]!r}"
        assert len(line[0]) <= 512, f"too long for a client: {line[0]!r}"
        assert code in (b"", line[1]), f"{code!r} goes on as {line[0]!r}"
        line[0].decode()
        at, code = line.end(), line[1] if line[2] == b"-" else b""
    assert not code, "the last reply has no end"
