"""FETCH of octets: byte for byte what came in, in one piece or in ranges."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import reading, rows
from mailhub.imap import fetch_sections
from mailhub.imap.commands import fetch
from mailhub.model.change import Actor
from mailhub.model.errors import Corrupt
from mailhub.model.uids import UidSet
from tests.imap.listener import JOE, SELECTED, IMAPListener
from tests.support import run
from tests.transcript import Conversation
from tests.world import World, world

CONTENT = bytes(range(256)) * 9
NESTED = (
    b"From: a@example.org\r\nSubject: outer\r\nX-Long: one\r\n two\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n"
    b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nsch=C3=B6n=\r\n er\r\n"
    b"--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(CONTENT).replace(b"\n", b"\r\n")
    + b"--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ntext\r\n--x--\r\nend\r\n"
)
MESSAGES = (
    NESTED,
    b"Subject: plain\r\n\r\nbody\r\n",
    b"no header at all",
    b"Subject: nothing but a header\r\n",
    b"\r\nno header, a body with \x00 and \xff\r\n",
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n\r\nunended",
)
ITEMS = (
    b"BODY.PEEK[]",
    b"BODY.PEEK[HEADER]",
    b"BODY.PEEK[TEXT]",
    b"BODY.PEEK[]<3.40>",
    b"BODY.PEEK[TEXT]<2.9>",
    b"BODY.PEEK[HEADER]<5.7>",
    b"BODY.PEEK[]<100000.4>",
    b"BODY.PEEK[HEADER.FIELDS (subject x-long)]",
    b"BODY.PEEK[HEADER.FIELDS.NOT (subject)]<1.9>",
    b"BODY.PEEK[1]",
    b"BODY.PEEK[1.MIME]",
    b"BODY.PEEK[2]<10.99>",
    b"BODY.PEEK[3.HEADER]",
    b"BODY.PEEK[3.TEXT]",
    b"BODY.PEEK[3.HEADER.FIELDS (Subject)]",
    b"BODY.PEEK[9]",
    b"BINARY.PEEK[]<0.9>",
    b"BINARY.PEEK[1]",
    b"BINARY.PEEK[2]<3.9>",
    b"BINARY.PEEK[2]",
    b"BINARY.SIZE[2]",
    b"BINARY.SIZE[9]",
    b"BINARY.PEEK[9]",
    b"BODY",
    b"BODYSTRUCTURE",
    b"RFC822.HEADER",
)


def mail(*messages: bytes) -> World:
    """Joe's INBOX with exactly these bytes."""
    made = world()
    conversation = IMAPListener(made, steps=SELECTED)()
    for message in messages:
        conversation.send(b"a APPEND INBOX ~{%d+}\r\n%b\r\n" % (len(message), message))
        assert b"a OK" in conversation.read()
    return made


def fetched(conversation: Conversation, items: bytes, numbers: bytes = b"1:*") -> bytes:
    conversation.send(b"f FETCH %b (%b)\r\n" % (numbers, items))
    said = conversation.read()
    assert said.endswith(b"f OK Fetch completed\r\n"), said[-200:]
    return said.removesuffix(b"f OK Fetch completed\r\n")


def literals(said: bytes) -> list[bytes]:
    """Every literal of an answer, in order."""
    found, at = [], 0
    pattern = re.compile(rb"~?\{(\d+)\}\r\n")
    while (start := pattern.search(said, at)) is not None:
        at = start.end() + int(start[1])
        found.append(said[start.end() : at])
    return found


def test_a_body_is_byte_for_byte_what_came_in() -> None:
    made = mail(*MESSAGES)
    assert literals(fetched(IMAPListener(made, steps=SELECTED)(), b"BODY.PEEK[]")) == list(MESSAGES)


def test_binary_undoes_the_transfer_encoding() -> None:
    conversation = IMAPListener(mail(NESTED), steps=SELECTED)()
    said = fetched(conversation, b"BINARY.PEEK[1] BINARY.PEEK[2] BINARY.SIZE[2]")
    assert literals(said) == ["schön er".encode(), CONTENT]
    assert b" ~{%d}\r\n" % len(CONTENT) in said, "content with NUL needs a literal8"
    assert b" {9}\r\n" in said
    assert b"BINARY.SIZE[2] %d" % len(CONTENT) in said


@pytest.mark.parametrize("item", ITEMS)
def test_ranges_say_the_same_as_one_piece(item: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    made = mail(*MESSAGES)
    whole = fetched(IMAPListener(made, steps=SELECTED)(), b"UID " + item)
    # A header that fields are picked from is read at once; it may be as large as a range.
    large = NESTED.index(b"\r\n\r\n") + 4 if b"HEADER.F" in item else 16
    monkeypatch.setattr(reading, "LARGE", large)
    monkeypatch.setattr(reading, "PORTION", 7)
    monkeypatch.setattr(fetch_sections, "PORTION", 7)
    monkeypatch.setattr(fetch_sections, "HEADER_LIMIT", large)
    parts = fetched(IMAPListener(made, steps=SELECTED)(), b"UID " + item)
    assert parts.replace(b" ~{", b" {") == whole.replace(b" ~{", b" {")


@pytest.mark.parametrize("size", [reading.LARGE - 100, reading.LARGE + 1, 3 * reading.LARGE + 17])
def test_a_large_message(size: int) -> None:
    body = (b"0123456789abcdef" * 64 + b"\r\n") * (size // 1026 + 1)
    message = (b"Subject: large\r\n\r\n" + body)[:size]
    made = mail(b"Subject: a\r\n\r\nsmall\r\n", message, b"Subject: b\r\n\r\nsmall\r\n")
    conversation = IMAPListener(made, steps=SELECTED)()
    found = literals(fetched(conversation, b"UID BODY.PEEK[]"))
    assert found == [b"Subject: a\r\n\r\nsmall\r\n", message, b"Subject: b\r\n\r\nsmall\r\n"]
    assert literals(fetched(conversation, b"BODY.PEEK[1]<7.11>", b"2")) == [message[25:36]]
    assert literals(fetched(conversation, b"BODY[TEXT]", b"2")) == [message[18:]]
    search = b"s SEARCH TEXT 0123456789ABCDEF\r\n"
    conversation.send(search)
    assert conversation.read().startswith(b"* SEARCH 2\r\n")


def test_the_structure_of_a_large_message_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGE", 100)
    made = mail(NESTED)
    listener = IMAPListener(made, steps=SELECTED)
    scans: list[int] = []
    scanned = reading.Reading.scanned

    async def counted(self: reading.Reading, data: bytes) -> object:
        scans.append(len(data))
        return await scanned(self, data)

    monkeypatch.setattr(reading.Reading, "scanned", counted)
    for start in range(0, 60, 20):
        said = fetched(listener(), b"BODY.PEEK[2]<%d.20>" % start)
        assert literals(said) == [base64.encodebytes(CONTENT)[start : start + 20]]
    assert scans == [len(NESTED)]


def test_a_message_that_goes_while_others_are_read_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "PORTION", 1)
    made = mail(*[b"Subject: %d\r\n\r\nx\r\n" % n for n in range(4)])
    account = made.people[JOE].number
    inbox = run(made.store.mailboxes.get(account, "INBOX"))
    assert inbox is not None
    listener = IMAPListener(made, steps=SELECTED)
    conversation = listener()
    original = reading.Pieces.next
    gone: list[int] = []

    async def next_(self: reading.Pieces) -> list[reading.Piece]:
        pieces = await original(self)
        if not gone:
            gone.append(3)
            uids = UidSet.of([(3, 3)])
            await made.store.messages.expunge(
                account, inbox.number, uids, Actor(), only_deleted=False
            )
        return pieces

    monkeypatch.setattr(reading.Pieces, "next", next_)
    conversation.send(b"f FETCH 1:* BODY.PEEK[TEXT]\r\n")
    said = conversation.read()
    assert re.findall(rb"\* (\d) FETCH", said) == [b"1", b"2", b"4"]
    assert said.endswith(b"f NO [EXPUNGEISSUED] Some of the messages were expunged meanwhile\r\n")
    conversation.send(b"n NOOP\r\n")
    assert conversation.read() == b"* 3 EXPUNGE\r\nn OK Done\r\n"


def test_octets_that_do_not_come_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGE", 100)
    monkeypatch.setattr(fetch_sections, "PORTION", 50)
    conversation = IMAPListener(mail(NESTED), steps=SELECTED)()
    octets = reading.Reading.octets

    async def failing(self: reading.Reading, content: object, start: int, stop: int) -> bytes:
        if start >= 100:
            raise Corrupt
        return await octets(self, content, start, stop)  # type: ignore[arg-type]

    monkeypatch.setattr(reading.Reading, "octets", failing)
    conversation.send(b"f FETCH 1 BODY.PEEK[]\r\n")
    said = conversation.read()
    assert b"{%d}\r\n" % len(NESTED) in said
    assert b"f NO" not in said, "inside a literal no answer can be told from the octets"
    assert conversation.transport.disconnecting


def test_slices_answer_every_message_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = mail(*[b"Subject: %d\r\n\r\nx\r\n" % n for n in range(7)])
    whole = fetched(IMAPListener(made, steps=SELECTED)(), b"UID ENVELOPE PREVIEW BODY.PEEK[]")
    monkeypatch.setattr(fetch, "SLICE", 2)
    monkeypatch.setattr(reading, "CHUNK", 3)
    monkeypatch.setattr(reading, "PORTION", 40)
    assert (
        fetched(IMAPListener(made, steps=SELECTED)(), b"UID ENVELOPE PREVIEW BODY.PEEK[]") == whole
    )
    monkeypatch.setattr(rows, "BUDGET", 50)
    again = fetched(IMAPListener(made, steps=SELECTED)(), b"UID ENVELOPE PREVIEW BODY.PEEK[]")
    assert again == whole
    columns = fetched(IMAPListener(made, steps=SELECTED)(), b"UID ENVELOPE", b"2:4,6:7")
    assert re.findall(rb"UID (\d)", columns) == [b"2", b"3", b"4", b"6", b"7"]


def test_slices_of_a_session_that_was_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FEW", 2)
    monkeypatch.setattr(rows, "BUDGET", 50)
    made = mail(*[b"Subject: %d\r\n\r\nx\r\n" % n for n in range(7)])
    listener = IMAPListener(made, steps=SELECTED)
    conversation, other = listener(), listener()
    other.send(b"s STORE 2,5 +FLAGS.SILENT (\\Deleted)\r\ne EXPUNGE\r\n")
    conversation.send(b"f FETCH 1:* (UID ENVELOPE)\r\n")
    said = conversation.read()
    assert re.findall(rb"\* (\d) FETCH \(UID (\d) ", said) == [
        (number, number) for number in (b"1", b"3", b"4", b"6", b"7")
    ]
    assert b"f NO [EXPUNGEISSUED]" in said


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"\r\n",
                b"--x",
                b"--x--",
                b"a",
                b"Content-Type: multipart/mixed; boundary=x\r\n",
                b"Content-Type: message/rfc822\r\n",
                b"Subject: s\r\n",
                b"\x00",
                b"\xff",
                b"=?x?q?",
            ]
        ),
        max_size=14,
    ).map(b"".join)
)
def test_any_octets_are_answered(message: bytes) -> None:
    conversation = IMAPListener(mail(message or b"x"), steps=SELECTED)()
    said = fetched(conversation, b"ENVELOPE BODY BODYSTRUCTURE PREVIEW BODY.PEEK[]")
    assert literals(said)[-1] == (message or b"x")
    items = b" ".join(item for item in ITEMS if b"BINARY" not in item)
    assert fetched(conversation, items).startswith(b"* 1 FETCH (")
