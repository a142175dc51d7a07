"""Written messages are read back as they were meant, and no value writes a line of its own."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.wire import base64lines, composed
from mailhub.wire.composed import Enclosed, Letter, Poured, person
from mailhub.wire.lineends import LineEnds

DATE, ID = "Mon, 01 Jan 2024 00:00:00 +0000", "<1@mx.example.org>"
FIELDS = {"date", "from", "to", "subject", "message-id", "x-a"}
MIME = {"mime-version", "content-type", "content-transfer-encoding"}


def written(letter: Letter, *contents: bytes) -> bytes:
    data = b""
    for one in composed.frame(letter, b"0123456789abcdef"):
        if isinstance(one, Poured):
            lines = base64lines.Lines()
            data += lines.feed(one.octets if one.number is None else contents[one.number])
            data += lines.finish()
        else:
            data += one
    return data


@settings(max_examples=50)
@given(name=st.text(max_size=80), subject=st.text(max_size=200), value=st.text(max_size=200))
def test_nothing_adds_a_field(name: str, subject: str, value: str) -> None:
    try:
        letter = Letter(
            person("joe@example.org", name),
            DATE,
            ID,
            to=[person("a@b.example", name)],
            subject=subject,
            fields=[("X-A", value)],
            text=value,
        )
        data = written(letter)
    except Invalid:
        assert any(not one.isprintable() for one in name + subject + value)
        return
    head = data.partition(b"\r\n\r\n")[0]
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert {one.lower() for one in message_from_bytes(data)} <= FIELDS | MIME
    read = message_from_bytes(data, policy=policy.default)
    assert [one.addr_spec for one in read["From"].addresses] == ["joe@example.org"]
    assert [one.addr_spec for one in read["To"].addresses] == ["a@b.example"]
    assert read["Subject"] is None or read["Subject"].split() == subject.split()


def test_long_texts_and_contents_are_poured_in() -> None:
    page = "<p>é</p>\n" * 20_000
    letter = Letter(
        person("joe@example.org"), DATE, ID, html=page, enclosed=[Enclosed(), Enclosed("image/x")]
    )
    data = written(letter, b"", b"x" * 57)
    assert max(map(len, data.split(b"\r\n"))) <= 78
    first, second, third = message_from_bytes(data, policy=policy.default).iter_parts()
    assert first.get_content().replace("\r\n", "\n") == page
    assert (second.get_content(), third.get_content()) == (b"", b"x" * 57)


def test_messages_within_a_message_are_files() -> None:
    letter = Letter(person("joe@example.org"), DATE, ID, enclosed=[Enclosed("message/rfc822")])
    (one,) = message_from_bytes(written(letter, b"a: b"), policy=policy.default).iter_attachments()
    assert (one.get_content_type(), one.get_content()) == ("application/octet-stream", b"a: b")


@pytest.mark.parametrize("escape", [b"", b"\\r\\n", b"\\n", b" "])
@settings(max_examples=30)
@given(octets=st.binary(max_size=300), times=st.sampled_from([1, 700]))
def test_base64_comes_back(escape: bytes, octets: bytes, times: int) -> None:
    octets *= times
    text = base64.b64encode(octets)
    lines = escape.join(text[at : at + 76] for at in range(0, len(text), 76))
    for form in (lines, lines.replace(b"/", b"\\/"), lines.replace(b"+", b"-").rstrip(b"=")):
        assert b"".join(base64lines.decode(form, "f")) == octets


@pytest.mark.parametrize("text", [b"*", b"A", b"AA=A", b"A" * 100_000 + b"!", b"AAAA\\"])
def test_what_is_no_base64_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        b"".join(base64lines.decode(text, "f"))


@settings(max_examples=50)
@given(st.lists(st.text("a\r\n", max_size=5).map(str.encode), max_size=8))
def test_every_line_ends_with_crlf(pieces: list[bytes]) -> None:
    ends = LineEnds()
    made = b"".join([*map(ends.feed, pieces), ends.finish()])
    whole = b"".join(pieces).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert made == whole.replace(b"\n", b"\r\n")


INSIDE = b"From: a@b\r\nSubject: inside\r\n\r\nLine\r\n--x\r\n\xc3\xbc\r\n"


def test_a_message_stands_in_another_as_it_is() -> None:
    mark = b"0123456789abcdef"
    told = Enclosed(composed.MESSAGE, "müll.eml", transfer="8bit")
    made = Letter(None, "", "<a@b>", text="see below", enclosed=[told, Enclosed()])
    data = b""
    for part in composed.frame(made, mark):
        if isinstance(part, Poured):
            data += INSIDE + b"\r\n" if part.as_it_is else b"AA==\r\n"
        else:
            data += part
    assert b"Content-Transfer-Encoding: 8bit\r\n" in data
    whole = message_from_bytes(data, policy=policy.default)
    text, message, other = whole.iter_parts()
    assert text.get_content() == "see below\r\n"
    assert message.get_filename() == "müll.eml"
    assert message.get_content()["Subject"] == "inside"
    assert other.get_content() == b"\0"
    assert b"\r\n\r\n" + INSIDE + b"\r\n--" in data


def test_no_boundary_can_be_foretold() -> None:
    made = Letter(None, "", "<a@b>", text="a", enclosed=[Enclosed()])
    marks = [bytes([number]) * 16 for number in range(3)]
    found = {
        bytes(part).partition(b"boundary=")[2].split(b"\r\n")[0]
        for mark in marks
        for part in composed.frame(made, mark)
        if isinstance(part, bytes) and b"boundary=" in part
    }
    assert len(found) == 3


def test_flowed_text_says_so() -> None:
    made = Letter(None, "", "<a@b>", text="a \nb", flowed=True)
    (head, body) = composed.frame(made, b"0123456789abcdef")
    assert isinstance(head, bytes)
    assert isinstance(body, bytes)
    found = message_from_bytes(head + body, policy=policy.default)
    assert found["Content-Type"].params == {"charset": "utf-8", "format": "flowed"}
    assert found.get_payload() == "a \r\nb\r\n"
