"""IMAP sessions of any bytes."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import replace

from fuzz import seeds as known
from fuzz.sessions import Case, play, spelled
from fuzz.stage import Defects, Stage
from mailhub.imap.framing import LITERAL_SPAN
from mailhub.imap.table import VERBS
from tests.imap.listener import JOE, LOGGED_IN, SELECTED, IMAPListener
from tests.world import World, world

LINE = 2000
ENABLED = SELECTED + b"i2 ENABLE QRESYNC UTF8=ACCEPT IMAP4rev2\r\n"
STEPS = (b"", LOGGED_IN, SELECTED, ENABLED)
PACKED = b"i3 COMPRESS DEFLATE\r\n"
WORDS = (
    *VERBS,
    *(b"INBOX", b"Drafts", b"&AOQ-", b"a/b", b"%", b"*", b"1:*", b"$", b"NIL", b"()", b"{3}\r\n"),
    *(b"{3+}\r\n", b"~{1+}\r\n\0", b'"', b"\\", b"\\Seen", b"FLAGS.SILENT", b"BODY[", b"BINARY["),
    *(b"HEADER.FIELDS (Subject)", b"TEXT]", b"MIME]", b"<0.10>", b"ENVELOPE", b"BODYSTRUCTURE"),
    *(b"PREVIEW (LAZY)", b"RFC822.SIZE", b"MODSEQ", b"EMAILID", b"CHANGEDSINCE 1", b"VANISHED"),
    *(b"UNCHANGEDSINCE 1", b"RETURN (", b"SAVE", b"MIN", b"PARTIAL 1:2", b"ESEARCH", b"CHARSET "),
    *(b"UTF-8", b"SUBJECT", b"OR ", b"NOT ", b"SINCE 1-Jan-2020", b"OLDER 5", b"FUZZY", b"REVERSE"),
    *(b"REFERENCES", b"REFS", b"ORDEREDSUBJECT", b"QRESYNC (1 1)", b"CONDSTORE", b"STATUS ("),
    *(b"SPECIAL-USE", b"CHILDREN", b"SUBSCRIBED", b"RECURSIVEMATCH", b"MESSAGES", b"DONE\r\n"),
    *(b"UTF8 (~{3+}\r\n", b'"17-Jul-1996 02:44:25 -0700"', b"STORAGE", b"PLAIN", b"\r\n", b"\xff"),
)
ANSWER = re.compile(rb"\* |\+ |[^\x00-\x20\x7f-\xff(){%*\"\\+]+ (?:OK|NO|BAD) ")
COMPRESSED = re.compile(rb"[^ ]+ OK DEFLATE")
LITERAL = re.compile(rb"~?\{(\d+)\}\Z")
OUTSIDE = re.compile(rb"[\0\r\n]")
MESSAGES = (
    b"From: Ann <ann@example.org>\r\nTo: joe@example.org\r\nSubject: First\r\n"
    b"Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nMessage-ID: <1@example.org>\r\n\r\nOne.\r\n",
    b"Subject: Re: First\r\nReferences: <1@example.org>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nside\r\n"
    b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC/w==\r\n--b--\r\n",
    b'Subject: \xff\xfe "quoted" \\\r\n\r\nno end of line',
)


def _people() -> World:
    here = world(people=(JOE, "ann@example.org"))
    for message in MESSAGES:
        here.deliver(JOE, message)
    return here


_STAGE = Stage(_people)


def seeds() -> Iterator[bytes]:
    """Every dialogue, as every kind of session."""
    for number, wire in enumerate(known.dialogues("imap")):
        for flags in range(0, 32, 3):
            yield spelled(flags, 0 if flags % 2 else number, wire)


def one(data: bytes) -> None:
    """Flags: two bits for how far the session is when it begins, then compressed (or, where
    nobody is logged in, with TLS), mail arrives in the middle, passwords need TLS."""
    case = Case.of(data)
    said = session(case)
    results = check(said)
    layers = case.flags & 4 or case.says(b"STARTTLS", b"COMPRESS")
    if len(case.pieces) > 1 and not layers and not case.flags & 8:
        assert check(session(case.uncut())) == results, "the cuts make a difference"


def session(case: Case) -> bytes:
    """What the server says to it, from its greeting."""
    here = _STAGE.world()
    packed = bool(case.flags & 4) and bool(case.flags & 3)
    steps = STEPS[case.flags & 3] + (PACKED if packed else b"")
    listener = IMAPListener(
        here,
        tls=bool(case.flags & 4),
        implicit=bool(case.flags & 16),
        plaintext_auth=bool(case.flags & 3) or not case.flags & 16,
        line=LINE,
        append_limit=3000,
        mailboxes=20,
    )
    if packed:
        deflate = zlib.compressobj(wbits=-15)
        pieces = (
            deflate.compress(piece) + deflate.flush(zlib.Z_SYNC_FLUSH) for piece in case.pieces
        )
        case = replace(case, pieces=tuple(pieces))
    with Defects(here) as defects:
        conversation = listener()
        conversation.send(steps)
        greeting = conversation.read()
        said = play(
            conversation,
            case,
            LINE + LITERAL_SPAN + 2,
            halfway=lambda: here.deliver(JOE, MESSAGES[0]) if case.flags & 8 else None,
        )
        defects.check()
    return greeting + said


def check(said: bytes) -> list[bytes]:
    """Whole lines that are untagged, a continuation request or tagged (RFC 9051 section 7); how
    the tagged ones begin."""
    at, results = 0, []
    while at < len(said):
        begun = ANSWER.match(said, at)
        assert begun is not None, f"no beginning of an answer: {said[at : at + 100]!r}"
        if begun[0] not in (b"* ", b"+ "):
            results.append(begun[0])
        packs = COMPRESSED.match(said, at) is not None
        at = _line(said, at)
        if packs:
            said, at = zlib.decompressobj(-15).decompress(said[at:]), 0
    return results


def _line(said: bytes, at: int) -> int:
    """Behind the line that begins here, literals included."""
    while True:
        end = said.find(b"\r\n", at)
        assert end >= 0, f"no end of a line: {said[at : at + 100]!r}"
        line = said[at:end]
        assert OUTSIDE.search(line) is None, f"control characters in {line!r}"
        literal = LITERAL.search(line)
        if literal is None:
            return end + 2
        at = end + 2 + int(literal[1])
        assert at < len(said), "a literal is cut short"
