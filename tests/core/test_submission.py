from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core.submission import HEADER_LIMIT, SubmissionSpool, authors, header_of
from mailhub.model.errors import Invalid, NotPermitted, TooLarge
from mailhub.store.spools import MemorySpool, SpoolFolder

TRACE = b"Received: here\r\n"
DATE = "Sat, 21 Nov 2026 09:20:39 +0000"
ADDED = b"Date: " + DATE.encode() + b"\r\nMessage-ID: <id@mx>\r\n"
FULL = b"Date: then\r\nMessage-ID: <own@x>\r\nFrom: joe@example.org\r\n"


def submitted(*chunks: bytes, sender: str = "joe@example.org") -> bytes:
    spool = SubmissionSpool(SpoolFolder(1 << 20).open(TRACE), sender, DATE, "<id@mx>")
    for chunk in chunks:
        spool.write(chunk)
    body = spool.finish()
    taken = bytes(body.view())
    body.close()
    assert taken.startswith(TRACE)
    return taken[len(TRACE) :]


CASES = {
    "complete": (FULL + b"\r\nbody\r\n", FULL + b"\r\nbody\r\n"),
    "date and id are added": (
        b"From: joe@example.org\r\n\r\nbody\r\n",
        ADDED + b"From: joe@example.org\r\n\r\nbody\r\n",
    ),
    "from is the sender": (
        b"Subject: x\r\n\r\nbody\r\n",
        ADDED + b"From: <joe@example.org>\r\nSubject: x\r\n\r\nbody\r\n",
    ),
    "blind copies go": (
        FULL
        + b"Bcc: a@b.example,\r\n c@d.example\r\nTo: x@y.example\r\nBCC : e\r\n\r\nBcc: body\r\n",
        FULL + b"To: x@y.example\r\n\r\nBcc: body\r\n",
    ),
    "return-path and resent-bcc go": (
        b"Return-Path: <x>\r\n" + FULL + b"Resent-Bcc: a@b\r\n\r\n",
        FULL + b"\r\n",
    ),
    "no empty line": (FULL + b"Subject: x\r\n", FULL + b"Subject: x\r\n"),
    "no header": (b"\r\nbody\r\n", ADDED + b"From: <joe@example.org>\r\n\r\nbody\r\n"),
    "no header and no empty line": (
        b"just text\r\n\r\nmore\r\n",
        ADDED + b"From: <joe@example.org>\r\n\r\njust text\r\n\r\nmore\r\n",
    ),
    "nothing": (b"", ADDED + b"From: <joe@example.org>\r\n"),
}


@pytest.mark.parametrize(("message", "taken"), CASES.values(), ids=CASES.keys())
def test_a_message_is_completed(message: bytes, taken: bytes) -> None:
    assert submitted(message) == taken
    assert submitted(*(message[at : at + 1] for at in range(len(message)))) == taken


def test_the_null_sender_is_no_author() -> None:
    assert b"From" not in submitted(b"Subject: x\r\n\r\n", sender="")


def test_a_header_without_end_is_refused_before_it_fills_memory() -> None:
    spool = SubmissionSpool(SpoolFolder(1 << 20).open(TRACE), "a@b", DATE, "<x>")
    line = b"X-Long: " + b"x" * 990 + b"\r\n"
    for _ in range(HEADER_LIMIT // len(line)):
        spool.write(line)
    with pytest.raises(TooLarge):
        spool.write(line * 2)
    spool.abort()


def test_a_large_body_flows_through() -> None:
    chunk = b"x" * 65534 + b"\r\n"
    assert submitted(FULL + b"\r\n", *[chunk] * 40) == FULL + b"\r\n" + chunk * 40


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.binary(max_size=200), st.integers(1, 20))
def test_any_bytes_in_any_pieces_give_the_same_message(data: bytes, piece: int) -> None:
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    assert submitted(*pieces) == submitted(data)


CLAIMED = {
    b"From: joe@example.org\r\n\r\n": ["joe@example.org"],
    b"From: Joe <Joe@Example.ORG>\r\n\r\n": ["Joe@example.org"],
    b'From: "ann@example.org" <joe@example.org>\r\n\r\n': ["joe@example.org"],
    b"From: a@x.example, b@y.example\r\nSender: c@z.example\r\n\r\n": [
        "a@x.example",
        "b@y.example",
        "c@z.example",
    ],
    b'From: "a b"@x.example\r\n\r\n': ['"a b"@x.example'],
    b"From: joe@example.org (Joe, at (a) home)\r\n\r\n": ["joe@example.org"],
    b"From: Dr. J. Doe (he/him)\r\n <joe@example.org>\r\n\r\n": ["joe@example.org"],
    b"From: joe@example.org <joe@example.org>, a@b.example\r\n\r\n": [
        "joe@example.org",
        "a@b.example",
    ],
    b"From: =?utf-8?q?J=C3=B6?= <joe@[192.0.2.1]>\r\n\r\n": ["joe@[192.0.2.1]"],
    "From: Jörg <grün@bücher.example>\r\n\r\n".encode(): ["grün@xn--bcher-kva.example"],
}


@pytest.mark.parametrize(("block", "claimed"), CLAIMED.items())
def test_authors_are_read_canonically(block: bytes, claimed: list[str]) -> None:
    assert authors(block) == claimed


@pytest.mark.parametrize(
    "block",
    [
        b"Subject: x\r\n\r\n",
        b"From: a@x.example\r\nFrom: b@x.example\r\n\r\n",
        b"From: a@x.example\r\nfrom : b@x.example\r\n\r\n",
        b"From: a@x.example\r\nSender: b@x.example\r\nSender: c@x.example\r\n\r\n",
        b"From:\r\n\r\n",
        b"From: just a name\r\n\r\n",
        b"From: friends: a@x.example, b@x.example;\r\n\r\n",
        b"From: undisclosed:;\r\n\r\n",
        b"From: <@relay.example:a@x.example>\r\n\r\n",
        b'From: "a@x.example"@y\xff.example\r\n\r\n',
        b"From: a@x.example\0@y.example\r\n\r\n",
        b"From: =?utf-8?q?a=40x.example?=\r\n\r\n",
        b"From: a@\r\n\r\n",
        b"From: a@x.example\r\nSender:\r\n\r\n",
        b"From: <a@x.example> <b@x.example>\r\n\r\n",
        b"From: b@x.example a@x.example\r\n\r\n",
        b"From: b@x.example <a@x.example>\r\n\r\n",
        b"From: <a@x.example\r\n\r\n",
        b"From: a@x.example (b\r\n\r\n",
        b'From: "b <a@x.example>\r\n\r\n',
        b"From: a@x.example\r\nFrom\0: b@x.example\r\n\r\n",
        b"From: a@x.example\r\n\x08From: b@x.example\r\n\r\n",
        b"From: a@x.example\r\n\x0bfrom: b@x.example\r\n\r\n",
        b"From: a@x.example\r\nSender\xa0: b@x.example\r\n\r\n",
    ],
)
def test_an_author_that_another_reader_might_see_otherwise_is_refused(block: bytes) -> None:
    with pytest.raises(NotPermitted):
        authors(block)


@pytest.mark.parametrize("number", [51, 5000])
def test_authors_are_bounded(number: int) -> None:
    many = b"From: " + b",\r\n ".join(b"a%d@x.example" % n for n in range(number)) + b"\r\n\r\n"
    with pytest.raises(Invalid):
        authors(many)


@pytest.mark.parametrize(
    ("message", "header"),
    [
        (b"A: b\r\n\r\nc\n\nd", b"A: b\r\n\r\n"),
        (b"A: b\n\nc\r\n\r\nd", b"A: b\n\n"),
        (b"A: b\n\r\nc\r\n\r\nd", b"A: b\n\r\n"),
        (b"A: b\r\n\nc", b"A: b\r\n\n"),
        (b"\r\nA: b\r\n\r\n", b"\r\n"),
        (b"\nA: b", b"\n"),
        (b"A: b\r\nC: d", b"A: b\r\nC: d"),
        (b"", b""),
        (b"A: " + b"b" * 20_000 + b"\r\n\r\nc", b"A: " + b"b" * 20_000 + b"\r\n\r\n"),
    ],
)
def test_a_header_ends_where_readers_see_its_end(message: bytes, header: bytes) -> None:
    spool = MemorySpool(b"", 1 << 20, None)
    spool.write(message)
    assert header_of(spool.finish(), 1 << 18) == header


def test_a_header_has_a_limit() -> None:
    spool = MemorySpool(b"", 1 << 20, None)
    spool.write(b"A: b\r\n" * 50_000)
    with pytest.raises(TooLarge):
        header_of(spool.finish(), 1 << 18)
