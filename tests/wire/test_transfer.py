"""Transfer encodings: right, broken, and cut into slices."""

from __future__ import annotations

import base64
import quopri
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import transfer


@pytest.mark.parametrize(
    ("coded", "content"),
    [
        (b"", b""),
        (b"aGVsbG8=", b"hello"),
        (b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"aGVsbG8", b"hello"),
        (b"aGVsbG8==", b"hello"),
        (b"aGVsbG8= =", b"hello"),
        (b"!aG Vs\xffbG8", b"hello"),
        (b"aGVsbG8=d29ybGQ=", b"helloworld"),
        (b"aGVsbG8=\r\n\r\nd29ybGQ=", b"helloworld"),
        (b"aGVsbG8hA", b"hello!"),
        (b"A", b""),
        (b"====", b""),
        (b"=aGVs", b"hel"),
        (b"aQ", b"i"),
    ],
)
def test_base64(coded: bytes, content: bytes) -> None:
    assert transfer.from_base64(coded) == content


@pytest.mark.parametrize(
    ("coded", "content"),
    [
        (b"", b""),
        (b"a=3Db", b"a=b"),
        (b"=c3=BC", b"\xc3\xbc"),
        (b"soft=\r\nbreak", b"softbreak"),
        (b"soft=  \r\nbreak", b"softbreak"),
        (b"soft=\nbreak", b"softbreak"),
        (b"line  \r\nend\t\n", b"line\r\nend\n"),
        (b"a=ZZ=4", b"a=ZZ=4"),
        (b"a_b", b"a_b"),
        (b"raw \xff", b"raw \xff"),
        (b"end=", b"end"),
    ],
)
def test_quoted_printable(coded: bytes, content: bytes) -> None:
    assert transfer.from_quoted_printable(coded) == content


def test_text_behind_an_equals_sign_and_a_lone_cr_is_not_lost() -> None:
    """It would be hidden from search and preview, up to the end of its line."""
    for coded, content in (
        (b"a=\rhidden\r\nb", b"a=\rhidden\r\nb"),
        (b"a=\r\rhidden\nb=\r\nc", b"a=\r\rhidden\nbc"),
        (b"a=\r\r\nb", b"ab"),
        (b"a=\r", b"a"),
        (b"=20=\r0 more  \r\n", b" =\r0 more\r\n"),
    ):
        assert transfer.from_quoted_printable(coded) == content


def test_known_encodings() -> None:
    for name in (b"7bit", b"8bit", b"binary", b"", b"base64", b"quoted-printable"):
        assert transfer.known(name)
    for name in (b"x-uuencode", b"BASE64", b"base64 ", b"gzip"):
        assert not transfer.known(name)
        assert transfer.decode(b"YQ==", name) == b"YQ=="


def sliced(data: bytes, encoding: bytes) -> bytes:
    return b"".join(transfer.decoding(data, 0, len(data), encoding))


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "SLICE", 7)


@pytest.mark.usefixtures("small_slices")
def test_slices_meet_anywhere() -> None:
    @settings(max_examples=50, derandomize=True, deadline=None)
    @given(st.binary(max_size=200), st.integers(1, 76))
    def check(content: bytes, width: int) -> None:
        coded = base64.b64encode(content)
        lines = b"\r\n".join(coded[at : at + width] for at in range(0, len(coded), width))
        assert sliced(lines, b"base64") == content
        printable = quopri.encodestring(content, quotetabs=True)
        assert sliced(printable, b"quoted-printable") == content
        assert sliced(content, b"8bit") == content

    check()


PIECES = [b"=", b"A", b"3", b"x", b" ", b"\t", b"\r\n", b"\n", b"\xff", b"=3D"]


@pytest.mark.usefixtures("small_slices")
def test_slices_of_any_bytes_are_what_the_whole_is() -> None:
    @settings(max_examples=50, derandomize=True, deadline=None)
    @given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
    def check(coded: bytes) -> None:
        whole = transfer.from_quoted_printable(coded)
        assert sliced(coded, b"quoted-printable").split() == whole.split()
        assert isinstance(sliced(coded, b"base64"), bytes)

    check()


def test_a_range_of_a_view() -> None:
    data = b"xx" + base64.b64encode(b"content") + b"yy"
    assert b"".join(transfer.decoding(memoryview(data), 2, len(data) - 2, b"base64")) == b"content"


@pytest.mark.parametrize("piece", [b" ", b"=", b"\t\n", b"=\r\n", b"A=", b"=A", b"A"])
@pytest.mark.parametrize("encoding", [b"base64", b"quoted-printable"])
def test_hostile_bodies_cost_linear_time(piece: bytes, encoding: bytes) -> None:
    data = piece * (2_000_000 // len(piece))
    started = time.thread_time()
    sliced(data, encoding)
    assert time.thread_time() - started < 2
