"""Body digests: against the RFC's examples and a naive reading of its words, in any pieces."""

from __future__ import annotations

import hashlib
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire.bodydigest import BodyDigests


def digest(pieces: list[bytes], *, relaxed: bool, limit: int | None = None) -> bytes:
    made = BodyDigests([limit], relaxed=relaxed)
    for piece in pieces:
        made.feed(piece)
    made.finish()
    return made.digest(limit)


def canonical(body: bytes, *, relaxed: bool) -> bytes:
    """RFC 6376 3.4.3 and 3.4.4, said once more, line by line."""
    lines = body.split(b"\r\n")
    if relaxed:
        lines = [re.sub(rb"[ \t]+", b" ", line) for line in lines]
        lines = [line[:-1] if line.endswith(b" ") else line for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    text = b"".join(line + b"\r\n" for line in lines)
    return text or (b"" if relaxed else b"\r\n")


@pytest.mark.parametrize(
    ("body", "relaxed", "simple"),
    [
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n", b" C \r\nD \t E\r\n"),
        (b"", b"", b"\r\n"),
        (b"\r\n\r\n", b"", b"\r\n"),
        (b" \r\n \t\r\n", b"", b" \r\n \t\r\n"),
        (b"a", b"a\r\n", b"a\r\n"),
        (b"a \r\n ", b"a\r\n", b"a \r\n \r\n"),
        (b"\r\n\r\na\r\n", b"\r\n\r\na\r\n", b"\r\n\r\na\r\n"),
        (b"a\r", b"a\r\r\n", b"a\r\r\n"),
        (b"a\n\n", b"a\n\n\r\n", b"a\n\n\r\n"),
        (b"a\r\r\n", b"a\r\r\n", b"a\r\r\n"),
    ],
)
def test_forms(body: bytes, relaxed: bytes, simple: bytes) -> None:
    for wanted, form in ((relaxed, True), (simple, False)):
        assert canonical(body, relaxed=form) == wanted
        assert digest([body], relaxed=form) == hashlib.sha256(wanted).digest()
        single = [body[at : at + 1] for at in range(len(body))]
        assert digest(single, relaxed=form) == hashlib.sha256(wanted).digest()


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"\n", b"a", b"bc", b""]), max_size=40),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 40)),
)
def test_any_pieces(pieces: list[bytes], relaxed: bool, limit: int | None) -> None:
    text = canonical(b"".join(pieces), relaxed=relaxed)
    wanted = hashlib.sha256(text if limit is None else text[:limit]).digest()
    assert digest(pieces, relaxed=relaxed, limit=limit) == wanted
    made = BodyDigests(relaxed=relaxed)
    for piece in pieces:
        made.feed(piece)
    made.finish()
    assert made.size == len(text)


@pytest.mark.parametrize("unit", [b" ", b"\t ", b"\r\n", b" \r\n", b"\r", b"\n", b"a ", b"\n\r"])
def test_time_grows_with_length_alone(unit: bytes) -> None:
    body = unit * (2_000_000 // len(unit))
    began = time.process_time()
    digest([body[at : at + 65536] for at in range(0, len(body), 65536)], relaxed=True)
    assert time.process_time() - began < 1.0
