"""The scanner: where parts lie, what ends them, and that no bytes and no size upset it."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import mime
from mailhub.wire.mime import Limits, Part
from tests import corpus

CORPUS = dict(corpus.messages())


def shape(part: Part) -> object:
    """A part tree as nested tuples of media types."""
    if part.message is not None:
        return (part.content.media, shape(part.message))
    if part.multipart:
        return (part.content.media, [shape(child) for child in part.children])
    return part.content.media


def contents(data: bytes) -> list[bytes]:
    """The content of every leaf."""
    return [
        data[part.body : part.end]
        for part in mime.scan(data).walk()
        if not part.multipart and part.message is None
    ]


def multipart(body: bytes, boundary: bytes = b"b") -> bytes:
    return b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n%b" % (boundary, body)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n", [b"one", b"two"]),
        (b"pre\r\n--b\r\n\r\none\r\n--b--\r\nepilogue\r\n--b\r\n\r\nno\r\n", [b"one"]),
        (b"--b\r\n\r\none", [b"one"]),
        (b"--b\r\n\r\none\r\n", [b"one\r\n"]),
        (b"--b\r\n\r\none\r\n--b", [b"one", b""]),
        (b"--b\r\n\r\none\r\n--b--", [b"one"]),
        (b"--b  \t\r\n\r\none\r\n--b-- \r\n", [b"one"]),
        (b"--b\n\none\n--b\n\ntwo\n--b--\n", [b"one", b"two"]),
        (b"--b\r\n\r\n\r\n--b\r\n\r\n\r\n\r\n--b--", [b"", b"\r\n"]),
        (b"--b\r\n--b\r\n--b--", [b"", b""]),
        (b"--b\r\nX: y\r\n--b--", [b""]),
        (b"--b\r\n\r\n--bx\r\n--b y\r\n--b--\r\n", [b"--bx\r\n--b y"]),
        (b"--b\r\n\r\none --b\r\n--b--\r\n", [b"one --b"]),
        (b"--B\r\n\r\none\r\n--B--", []),
        (b"", []),
        (b"--b--\r\n", []),
        (b"--b\r\n\r\none\r\n\r\n--b--\r\n", [b"one\r\n"]),
        (b"--b\r\n\r\none\r\r\n--b--\r\n", [b"one\r"]),
    ],
)
def test_delimiters(body: bytes, found: list[bytes]) -> None:
    data = multipart(body)
    root = mime.scan(data)
    assert root.multipart
    assert contents(data) == found
    assert (root.start, root.end) == (0, len(data))
    assert data[root.body : root.end] == body


@pytest.mark.parametrize(
    ("outer", "inner"),
    [(b"ab", b"abc"), (b"abc", b"ab"), (b"=_1", b"=_1=_2"), (b"b", b"b--x"), (b"a b", b"a")],
)
def test_a_boundary_may_begin_like_another(outer: bytes, inner: bytes) -> None:
    data = corpus.HEAD + corpus.multipart(
        b"mixed",
        outer,
        [
            corpus.multipart(b"alternative", inner, [corpus.text(b"one"), corpus.text(b"two")]),
            corpus.text(b"three"),
        ],
    )
    assert contents(data) == [b"one", b"two", b"three"]


def test_an_inner_multipart_may_have_its_parents_boundary() -> None:
    """As Outlook Express for Macintosh sent it."""
    inner = corpus.multipart(b"alternative", b"b", [corpus.text(b"1"), corpus.text(b"2")])
    data = corpus.HEAD + corpus.multipart(b"mixed", b"b", [inner, corpus.text(b"3")])
    assert shape(mime.scan(data)) == (
        b"multipart/mixed",
        [(b"multipart/alternative", [b"text/plain", b"text/plain"]), b"text/plain"],
    )
    assert contents(data) == [b"1", b"2", b"3"]
    assert contents(data[: data.index(b"--b--") - 2]) == [b"1", b"2"]


def test_a_boundary_in_the_spelling_of_rfc_2231() -> None:
    for spelled in (
        b"boundary*=us-ascii''%62b",
        b"boundary*0=b; boundary*1=b",
        b"BOUNDARY*0*=''bb",
    ):
        data = b"Content-Type: multipart/mixed; " + spelled + b"\r\n\r\n--bb\r\n\r\nx\r\n--bb--"
        assert contents(data) == [b"x"]


def test_an_outer_delimiter_ends_what_was_left_open_inside() -> None:
    data = CORPUS["written/inner-not-closed"]
    assert shape(mime.scan(data)) == (
        b"multipart/mixed",
        [(b"multipart/alternative", [b"text/plain"]), b"text/plain"],
    )
    assert contents(data) == [b"1", b"2"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("written/empty", b"text/plain"),
        ("written/plain", b"text/plain"),
        (
            "written/mixed",
            (
                b"multipart/mixed",
                [
                    (b"multipart/alternative", [b"text/plain", b"text/html"]),
                    b"application/octet-stream",
                ],
            ),
        ),
        (
            "written/rfc822",
            (
                b"message/rfc822",
                (b"multipart/alternative", [b"text/plain", b"text/html"]),
            ),
        ),
        (
            "written/digest",
            (
                b"multipart/digest",
                [(b"message/rfc822", b"text/plain"), (b"message/rfc822", b"text/plain")],
            ),
        ),
        ("written/no-boundary", b"text/plain"),
        ("written/empty-boundary", b"text/plain"),
        ("written/never-opened", (b"multipart/mixed", [])),
    ],
)
def test_shapes(name: str, expected: object) -> None:
    assert shape(mime.scan(CORPUS[name])) == expected


def test_a_part_in_full() -> None:
    data = CORPUS["written/mixed"]
    part = mime.scan(data).children[1]
    assert data[part.start : part.body].startswith(b"Content-Type: application/octet-stream")
    assert data[part.start : part.body].endswith(b"base64\r\n\r\n")
    assert part.encoding == b"base64"
    assert part.content.parameters == ((b"name", b"a file.bin"),)
    assert part.field(b"content-disposition") == b' attachment; filename="a file.bin"\r'
    assert part.lines == 0
    text = mime.scan(data).children[0].children[0]
    assert (data[text.body : text.end], text.lines) == (b"plain", 0)


def test_lines_are_line_ends() -> None:
    root = mime.scan(b"\r\none\r\ntwo\nthree")
    assert root.lines == 2
    nested = mime.scan(b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\none\r\n")
    assert nested.lines == 3
    assert nested.message is not None
    assert nested.message.lines == 1


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (b"", 0), (b"\r\n", 2), (b"\n", 1), (b"\r\nbody", 2), (b"A: b", 4), (b"A: b\r\n", 6),
        (b"A: b\r\n\r\n", 8), (b"A: b\n\nbody", 6), (b"A: b\r\n\nbody", 7), (b"A: b\r\r\n\r\nx", 9),
        (b"A: b\r\n \r\n\r\nx", 11), (b"junk\r\n\r\nbody", 8), (b"\r\r\n\r\n", 5),
    ],
)  # fmt: skip
def test_header_length(data: bytes, length: int) -> None:
    assert mime.scan(data).body == length


def test_repeated_fields_are_kept_in_order() -> None:
    root = mime.scan(b"To: a\r\nTO : b\r\nX-To: c\r\nto:d\r\n\r\n")
    assert root.fields == {b"to": [b" a\r", b" b\r", b"d\r"]}


# -- limits


def test_depth_ends_in_a_leaf() -> None:
    for name in ("multiparts", "messages"):
        root = mime.scan(CORPUS[f"written/nested-{name}-1000"], Limits(depth=10))
        leaves = [part for part in root.walk() if not part.multipart and part.message is None]
        assert [leaf.content.media for leaf in leaves] == [b"application/octet-stream"]
    assert sum(1 for _ in mime.scan(CORPUS["written/nested-multiparts-99"]).walk()) == 100
    assert sum(1 for _ in mime.scan(CORPUS["written/nested-multiparts-1000"]).walk()) == 101


def test_parts_are_counted() -> None:
    data = multipart(b"--b\r\n\r\nx\r\n" * 50)
    assert len(mime.scan(data, Limits(parts=10)).children) == 9
    digest = data.replace(b"mixed", b"digest")
    assert sum(1 for _ in mime.scan(digest, Limits(parts=10)).walk()) == 10
    assert len(mime.scan(data).children) == 50


def test_a_huge_header_is_not_looked_behind() -> None:
    data = b"X: y\r\n" * 100 + multipart(b"--b\r\n\r\nx\r\n")
    root = mime.scan(data, Limits(header=300))
    assert (root.content.media, root.multipart) == (b"text/plain", False)
    data = multipart(b"--b\r\n\r\nx\r\n").replace(
        b"\r\n\r\n", b"\r\n" + b"X: y\r\n" * 100 + CRLF, 1
    )
    root = mime.scan(data, Limits(header=300))
    assert (root.content.media, root.children) == (b"application/octet-stream", [])
    root = mime.scan(multipart(b"--b\r\nContent-Type: a/b\r\n\r\n" * 3), Limits(headers=70))
    assert [part.content.media for part in root.children] == [b"a/b", b"text/plain", b"text/plain"]


CRLF = b"\r\n"


def test_long_boundaries_and_values() -> None:
    data = multipart(b"--%b\r\n\r\nx" % (b"b" * 999), b"b" * 999)
    assert mime.scan(data).content.media == b"application/octet-stream"
    assert mime.scan(b"To: " + b"a" * 500_000 + b"\r\n\r\n").fields == {
        b"to": [b" " + b"a" * 262143]
    }


def test_a_field_across_a_slice_is_whole() -> None:
    for size in range(65_500, 65_560):
        block = b"X: " + b"y" * size + b"\r\nTo: " + b"z" * 100 + b"\r\n \r\n more\r\nCc: c\r\n\r\n"
        fields = mime.scan(block).fields
        assert fields == {b"to": [b" " + b"z" * 100 + b"\r\n \r\n more\r"], b"cc": [b" c\r"]}


# -- any buffer, any bytes, any size


@pytest.mark.parametrize("group", corpus.groups(CORPUS), ids=itemgetter(0))
def test_the_whole_corpus_has_sane_offsets(group: Sequence[str]) -> None:
    for one in corpus.each(group):
        with one as name:
            data = CORPUS[name]
            _check_offsets(mime.scan(data), len(data))


def _check_offsets(root: Part, size: int) -> None:
    assert (root.start, root.end) == (0, size)
    for part in root.walk():
        assert 0 <= part.start <= part.body <= part.end <= size
        assert part.lines >= 0
        inside = [part.message] if part.message is not None else part.children
        at = part.body
        for child in inside:
            assert at <= child.start
            assert child.end <= part.end
            at = child.end


LINES = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Type: multipart/digest; boundary=bb",
        b"Content-Type: message/rfc822",
        b"Content-Type: text/html",
        b"--b",
        b"--b--",
        b"--bb",
        b"--bb--",
        b"",
        b"text",
        b" folded",
        b"Subject: x",
    ]
)
ENDS = st.sampled_from([b"\r\n", b"\n", b"\r\n\r\n", b"\r"])
MAIL = st.lists(st.tuples(LINES, ENDS).map(b"".join), max_size=40).map(b"".join)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.one_of(st.binary(max_size=500), MAIL))
def test_any_bytes(data: bytes) -> None:
    root = mime.scan(data)
    _check_offsets(root, len(data))
    for other in (bytearray(data), memoryview(data), memoryview(b"x" + data)[1:]):
        assert _trace(mime.scan(other)) == _trace(root)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(MAIL)
def test_large_buffers_are_read_like_small_ones(data: bytes) -> None:
    """The same structure behind a preamble that is longer than a slice, in a view."""
    padding = b"x" * 70 + b"\r\n"
    data = multipart(padding * (2 * mime.SLICE // len(padding)) + b"--b\r\n" + data)
    expected = _trace(mime.scan(data))
    assert _trace(mime.scan(memoryview(b"x" + data)[1:])) == expected
    assert _trace(mime.scan(bytearray(data))) == expected


def _trace(root: Part) -> list[object]:
    return [(p.start, p.body, p.end, p.lines, p.content, p.fields) for p in root.walk()]


BOMBS = {
    "lines": b"\r\n" * 4_000_000,
    "one-line": b"x" * 8_000_000,
    "no-empty-line": b"X: y\r\n" * 1_500_000,
    "only-to": b"To: a@b\r\n" * 200_000,
    "nested": corpus.nested_multiparts(100)[:-1200] + b"\r\nyyyyyyy" * 1_000_000,
    "false-delimiters": multipart(b"--b\r\n\r\n" + b"--bx\r\n" * 1_300_000),
    "padded-delimiters": multipart((b"--b" + b" " * 997 + b"x\r\n") * 8_000),
    "parts": multipart(b"--b\r\n\r\n\r\n" * 800_000),
    "digest": multipart((b"--b\r\n\r\n" + corpus.HEAD * 2) * 20_000).replace(b"mixed", b"digest"),
    "headers": multipart((b"--b\r\n" + b"X: y\r\n" * 40_000) * 30),
    "messages": b"Content-Type: message/rfc822\r\n\r\n" * 250_000,
}


@pytest.fixture
def without_garbage_collection() -> Iterator[None]:
    """The collector walks all that the whole test run holds: none of the scanner's time."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", sorted(BOMBS))
@pytest.mark.parametrize("view", [False, True], ids=["bytes", "view"])
def test_bombs_cost_little_and_in_slices(
    name: str, view: bool, without_garbage_collection: None
) -> None:
    data = memoryview(b"x" + BOMBS[name])[1:] if view else BOMBS[name]
    started = previous = time.thread_time()
    worst = 0.0
    for _ in mime.scanning(data):
        now = time.thread_time()
        worst = max(worst, now - previous)
        previous = now
    assert previous - started < 3
    assert worst < 0.1
