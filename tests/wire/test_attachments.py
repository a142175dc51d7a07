"""What is attached, read from BODYSTRUCTURE alone, and where it stands in the message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import attachments, mime, rendering, section

MIXED = b"""From: a@b
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/related; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain

x
--c
Content-Type: text/html

<p>x
--c--
--b
Content-Type: image/png
Content-Id: <x@y>
Content-Transfer-Encoding: base64

QUJD
--b--
--a
Content-Type: message/rfc822

Subject: in
Content-Type: multipart/mixed; boundary=d

--d
Content-Type: image/gif

inner
--d--
--a
Content-Type: text/plain; charset=x; name*=utf-8''%e2%82%ac.txt
Content-Disposition: attachment; filename="../../etc/pass\x07wd"

y
--a--
""".replace(b"\n", b"\r\n")


def test_parts_that_are_not_shown_are_attached() -> None:
    found = attachments.structure(rendering.render(MIXED).bodystructure)
    assert (found.media, found.parameters) == ("multipart/mixed", (("boundary", "a"),))
    image, message, text = found.attachments
    assert (image.id, image.path, image.media, image.cid, image.related, image.encoding) == (
        "ATT00001",
        (1, 2),
        "image/png",
        "x@y",
        True,
        "base64",
    )
    assert (message.id, message.path, message.media, message.related) == (
        "ATT00002",
        (2,),
        "message/rfc822",
        False,
    )
    assert (text.path, text.filename, text.disposition, text.charset) == (
        (3,),
        "passwd",
        "attachment",
        "x",
    )
    root = mime.scan(MIXED)
    part = section.part_at(root, text.path)
    assert part is not None
    assert MIXED[part.body : part.end] == b"y"


def test_a_message_that_is_a_file() -> None:
    rendered = rendering.render(b"Content-Type: application/pdf; name=a.pdf\r\n\r\nx")
    (one,) = attachments.structure(rendered.bodystructure).attachments
    assert (one.path, one.filename, one.octets) == ((1,), "a.pdf", 1)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 900))
def test_what_was_cut_off_shows_the_beginning(cut: int) -> None:
    whole = rendering.render(MIXED).bodystructure
    all_of_it = attachments.structure(whole).attachments
    some = attachments.structure(whole[:cut]).attachments
    assert len(some) <= len(all_of_it)
    for known, found in zip(all_of_it, some, strict=False):
        assert (found.id, found.path, found.media) == (known.id, known.path, known.media)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60))
def test_nothing_raises(data: bytes) -> None:
    attachments.structure(data)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.txt", "a.txt"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("/etc/passwd", "passwd"),
        ("..", ""),
        ("a\r\nContent-Type: x", "aContent-Type: x"),
        ("a\u202etxt.exe", "atxt.exe"),
        ("x" * 300, "x" * 255),
    ],
)
def test_file_names(text: str, name: str) -> None:
    assert attachments.filename(text) == name


@pytest.mark.parametrize("kind", [b"plain", b"html", b"HTML"])
@pytest.mark.parametrize("charset", [b"utf-8", b"Windows-1252", b"ISO-2022-JP"])
def test_one_text_is_told_as_if_it_were_taken_apart(kind: bytes, charset: bytes) -> None:
    """Without its last bracket it has to be."""
    rendered = b'("text" "%b" ("charset" "%b") NIL NIL "7bit" 1549 17 NIL NIL NIL NIL)'
    whole = rendered % (kind, charset)
    assert attachments.structure(whole) == attachments.structure(whole[:-1])
