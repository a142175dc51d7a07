from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire.relaxed import RelaxedBodyHash, relaxed_field


def digest(body: bytes, cuts: Sequence[int] = ()) -> bytes:
    made = RelaxedBodyHash()
    at = 0
    for cut in (*sorted(cuts), len(body)):
        made.feed(body[at:cut])
        at = cut
    return made.digest()


@pytest.mark.parametrize(
    ("body", "relaxed"),
    [
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),  # RFC 6376 3.4.5
        (b"", b""),
        (b"\r\n", b""),
        (b"\r\n\r\n \t\r\n", b""),
        (b"a", b"a\r\n"),
        (b"a \t", b"a\r\n"),
        (b"a\r\n\r\n  b", b"a\r\n\r\n b\r\n"),
        (b"a\r\n\r\nb\r\n\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\rb\nc\r\n", b"a\rb\nc\r\n"),
        (b"a\n\n\r\n", b"a\n\n\r\n"),
        (b"a\r\r\n\r\n", b"a\r\r\n"),
        (b"a \r", b"a \r\r\n"),
        (b"\n\r\n", b"\n\r\n"),
    ],
)
def test_bodies(body: bytes, relaxed: bytes) -> None:
    wanted = hashlib.sha256(relaxed).digest()
    assert digest(body) == wanted
    assert digest(body, range(len(body))) == wanted
    for cut in range(len(body)):
        assert digest(body, [cut]) == wanted


pieces = st.sampled_from(
    [b" ", b"  ", b"\t", b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"a", b"\xc3\xa9"]
)


@settings(max_examples=50, deadline=None)
@given(st.lists(pieces, max_size=60).map(b"".join), st.data())
def test_any_body_in_any_pieces_is_what_dkimpy_makes_of_it(
    body: bytes, data: st.DataObject
) -> None:
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"  # dkimpy does not take the spaces of a line that has no end
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
    assert digest(body, cuts) == hashlib.sha256(Relaxed.canonicalize_body(body)).digest()


words = st.sampled_from(
    [b" ", b"\t", b"\r\n ", b"\r\n\t", b"x", b"=?utf-8?q?a?=", b"\xc3\xa9", b":"]
)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([b"Subject", b"FROM", b"List-Id "]), st.lists(words, max_size=30))
def test_any_field_is_what_dkimpy_makes_of_it(name: bytes, value: list[bytes]) -> None:
    raw = b"".join(value)
    ((key, text),) = Relaxed.canonicalize_headers([(name, raw + b"\r\n")])
    assert relaxed_field(name, raw) == key + b":" + text.removesuffix(b"\r\n")


def test_a_flood_of_line_ends_costs_no_memory_and_no_time() -> None:
    made = RelaxedBodyHash()
    made.feed(b"a\r\n")
    for _ in range(64):
        made.feed(b"\r\n" * 65536)
    assert len(made._tail) == 0
    assert made.digest() == hashlib.sha256(b"a\r\n").digest()
    made.feed(b"b")
    assert made.digest() == hashlib.sha256(b"a\r\n" + b"\r\n" * 65536 * 64 + b"b\r\n").digest()
