"""Expanding attachments: gzip, ZIP and neither, broken ones, and bombs."""

from __future__ import annotations

import gzip
import io
import os
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.wire import compressed

DATA = b"<feedback>" + os.urandom(1000).hex().encode() * 300


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return made.getvalue()


def streamed() -> bytes:
    """A ZIP archive whose writer did not know sizes beforehand."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        archive.writestr("report.xml", DATA)
    return bytes(pipe.data)


def expanded(data: bytes, most: int = 1 << 20) -> bytes:
    return b"".join(compressed.expand(data, most))


@pytest.mark.parametrize(
    "data",
    [
        DATA,
        gzip.compress(DATA),
        b"".join(compressed.gzip(iter([DATA[:70], DATA[70:]]))),
        zipped(("report.xml", DATA)),
        zipped(("folder/", b""), ("folder/report.xml", DATA), ("other", b"x")),
        zipped(("report.xml", DATA), method=zipfile.ZIP_STORED),
        streamed(),
        gzip.compress(DATA) + b"trailing",
    ],
    ids=lambda _: "data",
)
def test_what_is_inside_comes_out(data: bytes) -> None:
    assert expanded(data) == DATA


def test_the_same_octets_are_compressed_alike() -> None:
    assert [*compressed.gzip(iter([DATA]))] == [*compressed.gzip(iter([DATA]))]
    assert gzip.decompress(b"".join(compressed.gzip(iter([DATA])))) == DATA


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(DATA)[:-9],
        gzip.compress(DATA)[:100] + bytes(50) + gzip.compress(DATA)[150:],
        zipped(("a", DATA))[:300],
        zipped(("a", DATA))[:20],
        zipped(("folder/", b"")),
        zipped(("a", DATA), method=zipfile.ZIP_BZIP2),
        b"\x1f\x8b",
        zipped(("a", DATA)).replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01", 1),
    ],
    ids=lambda _: "data",  # names made of random octets differ between processes
)
def test_what_is_broken_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        expanded(data)


def test_a_bomb_stops_at_the_bound() -> None:
    bomb = gzip.compress(bytes(50 << 20))
    sizes: list[int] = []
    with pytest.raises(Invalid, match="grows past"):
        sizes.extend(map(len, compressed.expand(bomb, 1 << 20)))
    assert max(sizes) <= compressed.SLICE
    assert sum(sizes) <= 1 << 20
    with pytest.raises(Invalid, match="grows past"):
        expanded(zipped(("a", bytes(2 << 20))))
    with pytest.raises(Invalid, match="grows past"):
        expanded(bytes(2 << 20))


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.sampled_from([b"", b"\x1f\x8b", b"\x1f\x8b\x08", b"PK\x03\x04"]), st.binary(max_size=120))
def test_no_octets_harm(start: bytes, noise: bytes) -> None:
    try:
        assert len(expanded(start + noise, 1 << 16)) <= 1 << 16
    except Invalid:
        return
