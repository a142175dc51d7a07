"""The rendered form of a message: each field, and every message of the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import envelope, rendering
from tests import corpus
from tests.wire import strict
from tests.wire.test_mime import CORPUS, MAIL


def test_each_field() -> None:
    data = (
        b"From: Alice <alice@example.org>\r\nSubject: Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b"Date: Tue, 21 Nov 2023 10:11:12 +0100\r\nMessage-ID: <3@x> junk\r\n"
        b"References: <1@x>\r\n <2@x>\r\nIn-Reply-To: <2@x> <0@x>\r\n\r\nHello\r\n"
    )
    found = rendering.render(data)
    assert found.header_length == data.index(b"Hello")
    assert found.sent_at == 1700557872
    assert found.subject == "Re: Grüße"
    assert found.message_id == "<3@x>"
    assert found.references == ("<1@x>", "<2@x>", "<0@x>")
    assert found.preview == "Hello"
    assert not found.attachments
    assert envelope.parse(found.envelope).subject == "Re: Grüße"
    assert found.bodystructure.startswith(b'("text" "plain"')


def test_nothing_at_all() -> None:
    found = rendering.render(b"")
    assert (found.header_length, found.sent_at, found.subject) == (0, None, "")
    assert (found.message_id, found.references, found.preview) == ("", (), "")
    assert found.envelope == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"


@pytest.mark.parametrize("group", corpus.groups(CORPUS), ids=itemgetter(0))
def test_what_passes_through_has_the_same_message_id(group: Sequence[str]) -> None:
    for one in corpus.each(group):
        with one as name:
            data = CORPUS[name]
            whole = rendering.render(data)
            found = rendering.passing(data[: whole.header_length])
            assert (found.message_id, found.header_length) == (
                whole.message_id,
                whole.header_length,
            )
            assert not found.envelope + found.bodystructure


def test_references_keep_the_first_and_the_last() -> None:
    ids = b" ".join(b"<%d@x>" % number for number in range(500))
    found = rendering.render(b"References: " + ids + b"\r\nIn-Reply-To: <last@x>\r\n\r\n")
    assert len(found.references) == rendering.REFERENCES
    assert found.references[0] == "<0@x>"
    assert found.references[-2:] == ("<499@x>", "<last@x>")


@pytest.mark.parametrize(
    ("name", "attachments"),
    [
        ("written/plain", False),
        ("written/alternative", False),
        ("written/related", False),
        ("written/mixed", True),
        ("written/signed", False),
        ("written/rfc822-in-multipart", True),
        ("encoding/base64-html", False),
    ],
)
def test_attachments(name: str, attachments: bool) -> None:
    assert rendering.render(CORPUS[name]).attachments is attachments


@pytest.mark.parametrize("group", corpus.groups(CORPUS), ids=itemgetter(0))
def test_the_whole_corpus_is_rendered(group: Sequence[str]) -> None:
    for one in corpus.each(group):
        with one as name:
            data = CORPUS[name]
            _check(data)
            if len(data) < 10_000:
                assert rendering.render(memoryview(b"x" + data)[1:]) == rendering.render(data)


def _check(data: bytes) -> None:
    found = rendering.render(data)
    strict.check_envelope(strict.read(found.envelope))
    strict.check_body(strict.read(found.bodystructure), extended=True)
    envelope.parse(found.envelope)
    assert 0 <= found.header_length <= len(data)
    assert len(found.references) <= rendering.REFERENCES
    assert len(found.subject) <= rendering.SUBJECT
    assert "\n" not in found.subject + found.preview + found.message_id
    for text in (found.subject, found.preview, found.message_id, *found.references):
        text.encode("utf-8")


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.one_of(st.binary(max_size=300), MAIL))
def test_any_bytes_are_rendered(data: bytes) -> None:
    _check(data)
    _check(corpus.HEAD + data)


def test_the_corpus_is_large_enough() -> None:
    names = [name for name, _ in corpus.messages()]
    assert len(names) == len(set(names))
    assert sum(not name.startswith(("cpython/", "bare/cpython/")) for name in names) >= 500
    clean = dict(corpus.clean_messages())
    assert len(clean) >= 450
    assert not any(name.startswith("bare/") for name in clean)
