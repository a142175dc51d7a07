"""BODYSTRUCTURE and BODY: every field in its place, and the grammar for every message."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import bodystructure, mime
from tests import corpus
from tests.wire import strict
from tests.wire.test_mime import CORPUS, MAIL


def both(data: bytes) -> tuple[bytes, bytes]:
    root = mime.scan(data)
    return bodystructure.bodystructure(root), bodystructure.body(root)


@pytest.mark.parametrize(
    ("data", "extended", "plain"),
    [
        (
            b"",
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)',
        ),
        (
            b"Content-Type: TEXT/Plain; Charset=UTF-8; format=flowed\r\n"
            b"Content-Transfer-Encoding: 8BIT\r\n\r\na\r\nb\r\n",
            b'("TEXT" "Plain" ("Charset" "UTF-8" "format" "flowed") NIL NIL "8BIT" 6 2 '
            b"NIL NIL NIL NIL)",
            b'("TEXT" "Plain" ("Charset" "UTF-8" "format" "flowed") NIL NIL "8BIT" 6 2)',
        ),
        (
            b'Content-Type: image/png; name="a \\"b\\""\r\nContent-ID: <i@x>\r\n'
            b"Content-Description: a picture\r\nContent-Transfer-Encoding: base64\r\n"
            b"Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n"
            b"Content-Disposition: inline; filename*=utf-8''%C3%BC\r\n"
            b"Content-Language: en, de\r\nContent-Location: http://x/\r\n\r\nAAAA",
            b'("image" "png" ("name" "a \\"b\\"") "<i@x>" "a picture" "base64" 4 '
            b'"Q2hlY2sgSW50ZWdyaXR5IQ==" ("inline" ("filename*" "utf-8\'\'%C3%BC")) '
            b'("en" "de") "http://x/")',
            b'("image" "png" ("name" "a \\"b\\"") "<i@x>" "a picture" "base64" 4)',
        ),
        (
            b"Content-Type: multipart/mixed; boundary=b\r\nContent-Language: en\r\n\r\n"
            b"--b\r\n\r\none\r\n--b\r\nContent-Type: a/b\r\n\r\n\r\n--b--\r\n",
            b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL)'
            b'("a" "b" NIL NIL NIL "7bit" 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") '
            b'NIL "en" NIL)',
            b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0)'
            b'("a" "b" NIL NIL NIL "7bit" 0) "mixed")',
        ),
        (
            b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\na\r\n",
            b'("message" "rfc822" NIL NIL NIL "7bit" 17 '
            b'(NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL) '
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL) 3 '
            b"NIL NIL NIL NIL)",
            b'("message" "rfc822" NIL NIL NIL "7bit" 17 '
            b'(NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL) '
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1) 3)',
        ),
        (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing\r\n",
            b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) '
            b'"mixed" ("boundary" "b") NIL NIL NIL)',
            b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0) "mixed")',
        ),
        (
            b"Content-Type: a/b; c=\xfc\r\nContent-Disposition: ;\r\n"
            b"Content-Transfer-Encoding: ;\r\n\r\n",
            b'("a" "b" ("c" {1}\r\n\xfc) NIL NIL "7bit" 0 NIL NIL NIL NIL)',
            b'("a" "b" ("c" {1}\r\n\xfc) NIL NIL "7bit" 0)',
        ),
    ],
)
def test_rendered(data: bytes, extended: bytes, plain: bytes) -> None:
    assert both(data) == (extended, plain)


@pytest.mark.parametrize("group", corpus.groups(CORPUS), ids=itemgetter(0))
def test_the_whole_corpus_keeps_to_the_grammar(group: Sequence[str]) -> None:
    for one in corpus.each(group):
        with one as name:
            extended, plain = both(CORPUS[name])
            strict.check_body(strict.read(extended), extended=True)
            strict.check_body(strict.read(plain), extended=False)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.one_of(st.binary(max_size=300), MAIL))
def test_any_bytes_keep_to_the_grammar(data: bytes) -> None:
    for message in (data, corpus.HEAD + data):
        extended, plain = both(message)
        strict.check_body(strict.read(extended), extended=True)
        strict.check_body(strict.read(plain), extended=False)


def test_nothing_is_rendered_twice() -> None:
    """Messages in messages cost their own size, not the square of it."""
    small = len(both(corpus.nested_messages(20))[0])
    large = len(both(corpus.nested_messages(80))[0])
    assert large < 5 * small
