"""Structured MIME fields."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import contenttype
from mailhub.wire.contenttype import TEXT_PLAIN

TYPES = [
    (b" text/plain; charset=utf-8\r", b"text/plain", ((b"charset", b"utf-8"),)),
    (b"Text/HTML", b"text/html", ()),
    (b"text / html ; a = b", b"text/html", ((b"a", b"b"),)),
    (b'a/b; c="d e;f"; g="h\\"i"', b"a/b", ((b"c", b"d e;f"), (b"g", b'h"i'))),
    (b"a/b;\r\n\tc=d;\r\n e=f", b"a/b", ((b"c", b"d"), (b"e", b"f"))),
    (b"a/b (c; d=e); f=g (h)", b"a/b", ((b"f", b"g"),)),
    (b'a/b; c="(no comment)"', b"a/b", ((b"c", b"(no comment)"),)),
    (b"a/b; n*0=x; n*1=y", b"a/b", ((b"n*0", b"x"), (b"n*1", b"y"))),
    (b"a/b; m*=utf-8''%C3", b"a/b", ((b"m*", b"utf-8''%C3"),)),
    (b"a/b; c", b"a/b", ()),
    (b"a/b; c=", b"a/b", ((b"c", b""),)),
    (b"a/b;;; c=d", b"a/b", ((b"c", b"d"),)),
    (b'a/b; c="d', b"a/b", ((b"c", b"d"),)),
    (b"a/b c=d; e=f", b"a/b", ((b"e", b"f"),)),
    (b"a/b; c=\xfc", b"a/b", ((b"c", b"\xfc"),)),
]  # fmt: skip


@pytest.mark.parametrize(("value", "media", "parameters"), TYPES)
def test_types(value: bytes, media: bytes, parameters: object) -> None:
    found = contenttype.parse(value)
    assert (found.media, found.parameters) == (media, parameters)


@pytest.mark.parametrize(
    "value", [b"", b"text", b"/", b"text/", b"/plain", b"text/plain/html", b"()", b"(a/b", b";a/b"]
)
def test_no_type(value: bytes) -> None:
    assert contenttype.parse(value) is TEXT_PLAIN


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"attachment", (b"attachment", ())),
        (b"INLINE; filename=x", (b"INLINE", ((b"filename", b"x"),))),
        (b'attachment; filename="\xfc.txt"', (b"attachment", ((b"filename", b"\xfc.txt"),))),
        (b"", None),
        (b";filename=x", None),
    ],
)
def test_disposition(value: bytes, found: object) -> None:
    assert contenttype.disposition(value) == found


def test_tokens() -> None:
    assert contenttype.token(b" Base64 (x)\r") == b"Base64"
    assert contenttype.token(b'"base64"') == b""
    assert contenttype.words(b"en, de-AT (x),, fr") == [b"en", b"de-AT", b"fr"]
    assert len(contenttype.words(b"a," * 1000)) == contenttype.PARAMETERS


def test_parameters_are_counted() -> None:
    value = b"a/b" + b"".join(b"; a%d=b" % number for number in range(4000))
    assert len(contenttype.parse(value).parameters) == contenttype.PARAMETERS
    assert contenttype.parse(b"a/b; X=1; x=2").parameter(b"x") == b"1"


@pytest.mark.parametrize(
    ("parameters", "value"),
    [
        (b"n*=utf-8''%C3%BC", b"\xc3\xbc"),
        (b"n*=plain", b"plain"),
        (b"n*0=a; n*1=b; n*2=c", b"abc"),
        (b"n*1=b; n*0=a", b"ab"),
        (b"n*0*=utf-8''%C3; n*1*=%BC; n*2=%41", b"\xc3\xbc%41"),
        (b"n*0=a; n=first", b"first"),
        (b"n*5=x", b""),
        (b"n*x=y", b""),
        (b"nn=x; m=y", b""),
    ],
)
def test_parameters_in_the_spelling_of_rfc_2231(parameters: bytes, value: bytes) -> None:
    assert contenttype.parse(b"a/b; " + parameters).parameter(b"n") == value


@pytest.mark.parametrize(
    "piece", [b"(", b"; a=", b'"', b'; a="', b"\\", b"()", b" ", b";", b'a="\\']
)
def test_hostile_values_cost_little(piece: bytes) -> None:
    started = time.thread_time()
    contenttype.parse(b"text/plain" + piece * 200_000)
    assert time.thread_time() - started < 0.3


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.one_of(st.binary(), st.text('a/b;=" \\(),\r\n', max_size=60).map(str.encode)))
def test_any_bytes(value: bytes) -> None:
    found = contenttype.parse(value)
    assert found.maintype
    assert found.subtype
    contenttype.disposition(value)
    contenttype.words(value)
    contenttype.token(value)
