"""Sections: every specification of RFC 9051 6.4.5.1 on a message that has one of each."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Unsupported
from mailhub.wire import mime, section
from mailhub.wire.section import Piece
from tests import corpus
from tests.wire.test_mime import CORPUS, MAIL

INNER = b"Subject: inner\r\n\r\ninner text\r\n"
MIXED_INNER = (
    b"Subject: mixed\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n"
    b"--i\r\nX: 1\r\n\r\nfirst\r\n--i\r\nX: 2\r\n\r\nsecond\r\n--i--\r\n"
)
# The example tree of RFC 9051 6.4.5.1, more or less.
MESSAGE = (
    b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\npreamble\r\n"
    b"--o\r\nX: a\r\n\r\nplain\r\n"
    b"--o\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"AAEC\r\nAwQ=\r\n"
    b"--o\r\nContent-Type: message/rfc822\r\n\r\n" + INNER + b"\r\n"
    b"--o\r\nContent-Type: message/rfc822\r\n\r\n" + MIXED_INNER + b"\r\n"
    b"--o\r\nContent-Type: multipart/alternative; boundary=m\r\n\r\n"
    b"--m\r\nX: m1\r\n\r\none\r\n--m\r\nContent-Transfer-Encoding: x-odd\r\n\r\ntwo\r\n--m--\r\n"
    b"--o--\r\nepilogue\r\n"
)
W, H, T, M = Piece.WHOLE, Piece.HEADER, Piece.TEXT, Piece.MIME
SECTIONS = [
    ((), W, MESSAGE),
    ((), H, MESSAGE[: MESSAGE.index(b"preamble")]),
    ((), T, MESSAGE[MESSAGE.index(b"preamble") :]),
    ((), M, None),
    ((1,), W, b"plain"),
    ((1,), M, b"X: a\r\n\r\n"),
    ((1,), H, None),
    ((1,), T, None),
    ((1, 1), W, None),
    ((2,), W, b"AAEC\r\nAwQ="),
    ((3,), W, INNER),
    ((3,), M, b"Content-Type: message/rfc822\r\n\r\n"),
    ((3,), H, b"Subject: inner\r\n\r\n"),
    ((3,), T, b"inner text\r\n"),
    ((3, 1), W, b"inner text\r\n"),
    ((3, 1), M, b"Subject: inner\r\n\r\n"),
    ((3, 1), T, None),
    ((3, 1, 1), W, None),
    ((3, 2), W, None),
    ((4,), W, MIXED_INNER),
    ((4,), H, MIXED_INNER[: MIXED_INNER.index(b"--i")]),
    ((4,), T, MIXED_INNER[MIXED_INNER.index(b"--i") :]),
    ((4, 1), W, b"first"),
    ((4, 2), M, b"X: 2\r\n\r\n"),
    ((4, 3), W, None),
    ((5, 1), W, b"one"),
    ((5, 1), M, b"X: m1\r\n\r\n"),
    ((5,), H, None),
    ((6,), W, None),
    ((0,), W, None),
    ((10**8,) * 100, W, None),
]


@pytest.mark.parametrize(("path", "piece", "found"), SECTIONS)
def test_sections(path: tuple[int, ...], piece: Piece, found: bytes | None) -> None:
    span = section.span(mime.scan(MESSAGE), path, piece)
    assert (None if span is None else MESSAGE[span[0] : span[1]]) == found


def test_a_plain_message_is_its_own_part_one() -> None:
    data = corpus.HEAD + b"\r\nbody\r\n"
    root = mime.scan(data)
    assert section.part_at(root, (1,)) is root
    assert section.span(root, (1,), W) == (root.body, root.end)
    assert section.span(root, (1,), M) == (0, root.body)
    assert section.span(root, (1,), T) is None
    assert section.span(root, (2,), W) is None
    assert section.span(root, (1, 1), W) is None


def test_a_message_that_is_a_message() -> None:
    data = corpus.HEAD + b"Content-Type: message/rfc822\r\n\r\n" + INNER
    root = mime.scan(data)
    for path, piece, found in (
        ((1,), W, INNER),
        ((1,), H, b"Subject: inner\r\n\r\n"),
        ((1,), T, b"inner text\r\n"),
        ((1, 1), W, b"inner text\r\n"),
        ((), T, INNER),
    ):
        start, stop = section.span(root, path, piece) or (0, 0)
        assert data[start:stop] == found


def test_the_empty_part_that_bodystructure_shows() -> None:
    data = CORPUS["written/never-opened"]
    root = mime.scan(data)
    assert section.span(root, (1,), W) == (len(data), len(data))
    assert section.span(root, (2,), W) is None
    assert section.span(root, (1, 1), W) is None


def test_binary() -> None:
    root = mime.scan(MESSAGE)

    def decoded(*path: int) -> bytes | None:
        pieces = section.binary(MESSAGE, root, path)
        return None if pieces is None else b"".join(pieces)

    assert decoded() == MESSAGE
    assert decoded(1) == b"plain"
    assert decoded(2) == b"\0\1\2\3\4"
    assert decoded(3) == INNER
    assert decoded(9) is None
    with pytest.raises(Unsupported):
        decoded(5, 2)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(
    st.one_of(st.binary(max_size=300), MAIL, st.sampled_from(sorted(CORPUS.values()))),
    st.lists(st.integers(0, 4), max_size=5),
    st.sampled_from(Piece),
)
def test_any_section_lies_in_the_message(data: bytes, path: list[int], piece: Piece) -> None:
    root = mime.scan(data)
    span = section.span(root, path, piece)
    if span is not None:
        assert 0 <= span[0] <= span[1] <= len(data)
    try:
        pieces = section.binary(data, root, path)
    except Unsupported:
        return
    if pieces is not None and len(data) < 10_000:
        assert isinstance(b"".join(pieces), bytes)
