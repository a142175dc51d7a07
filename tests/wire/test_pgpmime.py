"""The frame of PGP/MIME: which fields go inside, which stay outside, and what is sealed already."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import header, mime, pgp, pgpmime
from tests.wire.test_pgp import SEALING

BLOCK = (
    b"Received: from a\r\n\tby b\r\n"
    b"From: a@far.example\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed;\r\n boundary=b\r\n"
    b"Subject: =?utf-8?q?x?=\r\n"
    b"content-transfer-encoding: 8bit\r\n"
    b"Content-Language: en\r\n"
    b"X-Content-Type: mine\r\n"
    b"\r\n"
)


def test_fields_about_the_content_go_inside_and_the_others_stay() -> None:
    made = pgpmime.frame(BLOCK)
    assert made.inner == (
        b"Content-Type: multipart/mixed;\r\n boundary=b\r\n"
        b"content-transfer-encoding: 8bit\r\n"
        b"Content-Language: en\r\n"
        b"\r\n"
    )
    outside = made.outer.partition(b"\r\n\r\n")[0]
    assert outside.startswith(
        b"Received: from a\r\n\tby b\r\nFrom: a@far.example\r\nSubject: =?utf-8?q?x?=\r\n"
        b"X-Content-Type: mine\r\nMIME-Version: 1.0\r\nContent-Type: multipart/encrypted;"
    )


@pytest.mark.parametrize(
    ("block", "outer", "inner"),
    [
        (b"Subject: x\r\n\r\n", b"Subject: x\r\nMIME", b"Content-Type: text/plain\r\n\r\n"),
        (b"\r\n", b"MIME", b"Content-Type: text/plain\r\n\r\n"),
        (b"", b"MIME", b"Content-Type: text/plain\r\n\r\n"),
        (b"Subject: x", b"Subject: x\r\nMIME", b"Content-Type: text/plain\r\n\r\n"),
        (b"Subject: x\n\n", b"Subject: x\nMIME", b"Content-Type: text/plain\r\n\r\n"),
        (b"Content-Type: a/b", b"MIME", b"Content-Type: a/b\r\n\r\n"),
        (b"Content-Type: a/b\r\n", b"MIME", b"Content-Type: a/b\r\n\r\n"),
        (
            b"Content-Language: en\r\n\r\n",
            b"MIME",
            b"Content-Type: text/plain\r\nContent-Language: en\r\n\r\n",
        ),
    ],
)
def test_headers_of_odd_forms(block: bytes, outer: bytes, inner: bytes) -> None:
    made = pgpmime.frame(block)
    assert (made.outer[: len(outer)], made.inner) == (outer, inner)


@settings(max_examples=50)
@given(st.binary(max_size=3000), st.sampled_from([b"From: a\r\n\r\n", BLOCK, b"x\r\n\r\n", b""]))
def test_what_is_framed_is_two_parts_and_no_larger_than_foreseen(data: bytes, block: bytes) -> None:
    made = pgpmime.frame(block)
    text = pgp.encrypted(made.inner + data, SEALING)
    whole = made.outer + text + made.close
    assert len(whole) <= pgpmime.stored_size(len(block) + len(data))
    root = mime.scan(whole)
    kinds = [part.content.media for part in root.children]
    assert kinds == [b"application/pgp-encrypted", b"application/octet-stream"]
    version, content = root.children
    assert whole[version.body : version.end] == b"Version: 1\r\n"
    assert text in whole[content.body : content.end]
    assert pgpmime.is_encrypted(whole[: root.body])
    assert header.values(whole[: root.body], b"mime-version") == [b" 1.0\r"]


@pytest.mark.parametrize(
    ("value", "sealed"),
    [
        (b'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=x', True),
        (b"Multipart/Encrypted; boundary=x", True),
        (b"application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", True),
        (b"application/x-pkcs7-mime; smime-type=authEnveloped-data", True),
        (b"application/pkcs7-mime; smime-type=signed-data", False),
        (b"multipart/signed; protocol=application/pgp-signature; boundary=x", False),
        (b"text/plain", False),
    ],
)
def test_what_is_sealed_already(value: bytes, sealed: bool) -> None:
    assert pgpmime.is_encrypted(b"From: a\r\nContent-Type: %b\r\n\r\n" % value) is sealed


def test_a_message_without_a_type_is_not_sealed() -> None:
    assert not pgpmime.is_encrypted(b"From: a\r\n\r\n")
