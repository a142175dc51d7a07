"""Archives as bytes: what is written is read by everybody, and little of what others write is."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.wire import tarball
from mailhub.wire.tarball import Member

LEVELS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60)
PATHS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join)


def written(*members: tuple[Member, bytes]) -> bytes:
    parts = [tarball.header(m) + data + tarball.padding(len(data)) for m, data in members]
    return b"".join(parts) + tarball.END


def read(data: bytes) -> list[tuple[Member, bytes]]:
    stream, found = io.BytesIO(data), []
    while (member := tarball.next_member(stream.read)) is not None:
        found.append((member, stream.read(member.size)))
        stream.read(-member.size % 512)
    return found


@settings(max_examples=40)
@given(PATHS, st.binary(max_size=1100), st.dictionaries(st.sampled_from(["X.a", "X.b"]), LEVELS))
def test_what_is_written_is_read(path: str, data: bytes, notes: dict[str, str]) -> None:
    member = Member(path, len(data), 1_600_000_000, notes=notes)
    try:
        tarball.safe(path)
    except Invalid:
        return
    if path.endswith("/"):
        return
    whole = written((member, data), (Member("a/b", 0, 1, folder=True), b""))
    (first, body), (second, _) = read(whole)
    assert (first.path, first.date, dict(first.notes), body) == (path, member.date, notes, data)
    assert (second.path, second.folder) == ("a/b", True)
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        assert [one.name for one in tar] == [path, "a/b"]


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../b", "a//b", "", ".", "a/./b", "a/..", "x" * 5000]
)
def test_no_path_leads_out(path: str) -> None:
    info = tarfile.TarInfo(path)
    with pytest.raises(Invalid):
        read(info.tobuf(tarfile.PAX_FORMAT) + tarball.END)


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_files_and_folders_alone_are_read(kind: bytes) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(Invalid):
        read(info.tobuf(tarfile.PAX_FORMAT) + tarball.END)


def extended(records: bytes, size: int | None = None) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, len(records) if size is None else size
    return info.tobuf(tarfile.USTAR_FORMAT) + records + tarball.padding(len(records))


@pytest.mark.parametrize(
    "head",
    [
        extended(b"", 1 << 32),
        extended(b"", tarball.MOST_EXTENDED + 1),
        extended(b"999 path=x\n"),
        extended(b"0 path=x\n"),
        extended(b"9 path=x"),
        extended(b"6 path\n"),
        extended(b"12 path=\xff\xff\xff\n"),
        extended(b"17 path=../../x\n\n"[:17]),
    ],
)
def test_headers_that_are_none(head: bytes) -> None:
    rest = tarfile.TarInfo("y").tobuf(tarfile.USTAR_FORMAT) + tarball.END
    with pytest.raises(Invalid):
        read(head + rest)


def test_an_end_too_early() -> None:
    whole = written((Member("a", 3, 1), b"abc"))
    for stop in (*range(0, 512, 100), 1100, len(whole) - 600, len(whole) - 1):
        with pytest.raises(Invalid):
            read(whole[:stop])
