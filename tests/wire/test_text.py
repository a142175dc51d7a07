"""Text for people: previews, searched text, HTML without its markup."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import mime, text
from tests import corpus
from tests.wire.test_mime import CORPUS, MAIL


def preview(data: bytes) -> str:
    return text.preview(data, mime.scan(data))


RUSSIAN = "Привет, как дела? Это обычное письмо на русском языке."


def plain(content: bytes, fields: bytes = b"") -> bytes:
    return corpus.HEAD + fields + b"\r\n" + content


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"", ""),
        (plain(b"Hello\r\n\r\n  world \t!\r\n"), "Hello world !"),
        (plain(b"> quoted\r\nanswer\r\n> more\r\n"), "answer"),
        (plain(b"> all\r\n> quoted\r\n"), "> all > quoted"),
        (plain("Grüße".encode()), "Grüße"),
        (plain(b"Gr\xfc\xdfe aus M\xfcnchen"), "Grüße aus München"),
        (plain(RUSSIAN.encode("koi8-r")), RUSSIAN),
        (plain(RUSSIAN.encode("cp1251")), RUSSIAN),
        (plain("a\u200bb\ufeff\u00ad c".encode()), "ab c"),
        (plain(b"x" * 500), "x" * 200),
        (plain(b"a\0b\x07c"), "abc"),
        (
            corpus.HEAD + corpus.multipart(
                b"alternative", b"b", [corpus.text(b"<p>html", kind=b"html"), corpus.text(b"plain")]
            ),
            "plain",
        ),
        (
            corpus.HEAD + corpus.text(
                b"<html><head><title>T</title><style>p {}</style></head>"
                b"<body><!-- no --><p>One <b>t</b>wo</p><script>if (a<b) x()</script>"
                b"<p>three&nbsp;&amp;&#x20AC;</p></body></html>",
                kind=b"html",
            ),
            "One two three &€",
        ),
        (
            corpus.HEAD + corpus.multipart(
                b"mixed",
                b"b",
                [
                    b"Content-Disposition: attachment\r\n" + corpus.text(b"not this"),
                    corpus.text(b"but this"),
                ],
            ),
            "but this",
        ),
        (corpus.HEAD + corpus.attachment(b"nothing to read"), ""),
        (
            plain(base64.encodebytes(b"decoded " * 40), b"Content-Transfer-Encoding: base64\r\n"),
            ("decoded " * 25).strip(),
        ),
        (plain(b"caf=C3=A9", b"Content-Transfer-Encoding: Quoted-Printable\r\n"), "café"),
        (plain(b"as is", b"Content-Transfer-Encoding: x-odd\r\n"), "as is"),
        (
            plain(b"\xe9", b"Content-Type: text/plain; charset=no-such-thing\r\n"),
            "é",
        ),
        (plain(b"caf\xe9", b'Content-Type: text/plain; charset="ISO-8859-1"\r\n'), "café"),
        (
            corpus.HEAD + b"Content-Type: message/rfc822\r\n\r\n" + plain(b"from inside"),
            "from inside",
        ),
    ],
)  # fmt: skip
def test_preview(data: bytes, shown: str) -> None:
    assert preview(data) == shown


def test_a_preview_looks_behind_what_shows_nothing() -> None:
    style = b"<style>" + b"p { color: red }" * 2_000 + b"</style>"
    assert preview(corpus.HEAD + corpus.text(style + b"<p>text", kind=b"html")) == "text"
    assert preview(plain(b"\r\n" * 10_000 + b"text")) == "text"
    assert preview(plain(b"\r\n" * 100_000 + b"too far")) == ""


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>a</p><p>b</p>", ["a", "b"]),
        ("a<b>b</b>c", ["abc"]),
        ("a<br>b", ["a", "b"]),
        ("<SCRIPT type=x>var a = '<p>'</SCRIPT >b", ["b"]),
        ("a<!-- > -->b<!-- open", ["a", "b"]),
        ("a<style>x", ["a"]),
        ("1 < 2 > 0", ["1", "<", "2", ">", "0"]),
        ("<a href='x'>link</a>", ["link"]),
        ("&lt;p&gt; &nope; &#0;", ["<p>", "&nope;", "\ufffd"]),
        ("<p", []),
        ("<>", ["<>"]),
        ("<!DOCTYPE html><?xml?>a", ["a"]),
    ],
)
def test_from_html(source: str, found: list[str]) -> None:
    assert text.from_html(source).split() == found


@pytest.mark.parametrize(
    "piece",
    ["<", "<div>", "<!--", "<script>", "&", "&#", "<a ", "</", "<b", "<p ='\">", "<style></styl"],
)
def test_hostile_html_costs_linear_time(piece: str) -> None:
    started = time.thread_time()
    text.from_html(piece * (1_000_000 // len(piece)))
    assert time.thread_time() - started < 2


def test_searchable_text() -> None:
    data = CORPUS["written/rfc822-in-multipart"]
    found = list(text.searchable(data, mime.scan(data)))
    assert found[0] == "see below"
    assert "from: Alice Example <alice@example.org>" in found[1]
    assert found[2:] == ["plain", "x"]
    data = plain("Grüße".encode("utf-16"), b"Content-Type: text/plain; charset=utf-16\r\n")
    assert list(text.searchable(data, mime.scan(data))) == ["Grüße"]


def test_searchable_text_of_a_large_part_overlaps() -> None:
    content = b"".join(b"%07d " % number for number in range(40_000))
    for kind in (b"plain", b"html"):
        data = corpus.HEAD + corpus.text(content, kind=kind)
        pieces = list(text.searchable(data, mime.scan(data)))
        assert len(pieces) > 3
        for number in range(0, 39_000, 7):
            term = f"{number:07} {number + 1:07}"
            assert any(term in piece for piece in pieces)


def test_a_character_across_slices_is_whole() -> None:
    content = ("x" * (64 * 1024 - 1) + "ü").encode()
    data = corpus.HEAD + corpus.text(content)
    assert "".join(text.searchable(data, mime.scan(data))).endswith("ü")


def test_headers_of_messages_inside_are_searched() -> None:
    block = b"From: =?utf-8?q?=C3=BC?=\r\nX: a\r\n b\r\n" + b"Y: z\r\n" * 1_000 + b"\r\n"
    data = b"Content-Type: message/rfc822\r\n\r\n" + block
    found = list(text.searchable(data, mime.scan(data)))
    assert found[0].startswith("from: ü\nx: a b\ny: z")
    assert sum(piece.count("y: z") for piece in found) == 1_000
    assert len(found) == 3


@pytest.mark.parametrize("group", corpus.groups(CORPUS), ids=itemgetter(0))
def test_the_whole_corpus_is_readable(group: Sequence[str]) -> None:
    for one in corpus.each(group):
        with one as name:
            data = CORPUS[name]
            root = mime.scan(data)
            shown = text.preview(data, root)
            assert len(shown) <= 200
            assert shown == " ".join(shown.split())
            for piece in text.searchable(data, root):
                assert isinstance(piece, str)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.one_of(st.binary(max_size=300), MAIL), st.sampled_from(["plain", "html"]))
def test_any_bytes(data: bytes, kind: str) -> None:
    for message in (
        data,
        corpus.HEAD + b"Content-Type: text/" + kind.encode() + b"\r\n\r\n" + data,
    ):
        root = mime.scan(message)
        assert len(text.preview(message, root)) <= 200
        list(text.searchable(message, root))
