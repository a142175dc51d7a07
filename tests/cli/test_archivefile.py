"""Whether a file is a whole export, before anything is done with it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mailhub.cli import archivefile
from mailhub.cli.client import Refused
from mailhub.core import domainfile as files
from mailhub.core.exporting import Exporting, Wanted
from mailhub.wire import tarball
from mailhub.wire.tarball import Member
from tests.support import run
from tests.world import world

ANN = "ann@example.org"


@pytest.fixture(scope="module")
def whole() -> bytes:
    """An archive, unpacked."""
    here = world(people=(ANN,))
    for number in range(3):
        here.deliver(ANN, b"Subject: %d\r\n\r\nx\r\n" % number)

    async def pieces() -> bytes:
        made = Exporting(here.store, here.keys, here.clock, "test")
        found = await made.begin("example.org", Wanted(secrets=True))
        return b"".join([piece async for piece in found.pieces()])

    return gzip.decompress(run(pieces()))


def checked(folder: Path, data: bytes) -> archivefile.Checked:
    path = folder / "x.tar.gz"
    path.write_bytes(gzip.compress(data, 1))
    return archivefile.check(path)


def test_a_whole_one(whole: bytes, tmp_path: Path) -> None:
    found = checked(tmp_path, whole)
    assert (found.domain, found.accounts, found.messages) == ("example.org", 1, 3)


def refuses(folder: Path, data: bytes) -> str:
    with pytest.raises(Refused) as told:
        checked(folder, data)
    return str(told.value)


def test_one_that_is_cut_short(whole: bytes, tmp_path: Path) -> None:
    for stop in range(0, len(whole), 1777):
        refuses(tmp_path, whole[:stop])
        refuses(tmp_path, whole[:stop] + tarball.END)
    packed = gzip.compress(whole)
    path = tmp_path / "y.tar.gz"
    for stop in (0, 5, len(packed) // 2, len(packed) - 1):
        path.write_bytes(packed[:stop])
        with pytest.raises(Refused):
            archivefile.check(path)
    path.write_bytes(whole)
    with pytest.raises(Refused):
        archivefile.check(path)


def remade(whole: bytes, change: Callable[[Member, bytes], list[tuple[Member, bytes]]]) -> bytes:
    """With other members in place of each."""
    stream, parts = io.BytesIO(whole), []
    while (member := tarball.next_member(stream.read)) is not None:
        data = stream.read(member.size)
        stream.read(-member.size % 512)
        for one, octets in change(member, data):
            parts.append(tarball.header(one) + octets + tarball.padding(len(octets)))
    return b"".join(parts) + tarball.END


def manifest(**changes: object) -> Callable[[Member, bytes], list[tuple[Member, bytes]]]:
    def change(member: Member, data: bytes) -> list[tuple[Member, bytes]]:
        if member.path == files.MANIFEST:
            data = json.dumps({**json.loads(data), **changes}).encode()
        return [(Member(member.path, len(data), folder=member.folder), data)]

    return change


def test_one_that_was_changed(whole: bytes, tmp_path: Path) -> None:
    assert checked(tmp_path, remade(whole, lambda one, data: [(one, data)]))
    message = lambda one: archivefile.is_message(one)  # noqa: E731

    def without(one: Member, data: bytes) -> list[tuple[Member, bytes]]:
        return [] if message(one) else [(one, data)]

    def other(one: Member, data: bytes) -> list[tuple[Member, bytes]]:
        return [(one, data.replace(b"Subject", b"subject") if message(one) else data)]

    def twice(one: Member, data: bytes) -> list[tuple[Member, bytes]]:
        return [(one, data)] * (2 if message(one) else 1)

    def behind(one: Member, data: bytes) -> list[tuple[Member, bytes]]:
        return (
            [(one, data), (Member("more", 0), b"")] if one.path == files.COMPLETE else [(one, data)]
        )

    for change in (without, other, twice, behind):
        refuses(tmp_path, remade(whole, change))
    refuses(tmp_path, whole + b"x")


@pytest.mark.parametrize(
    "changes",
    [{"format": "x"}, {"version": 2}, {"version": "1"}, {"domainName": 7}, {"domainName": None}],
)
def test_a_manifest_of_something_else(
    changes: dict[str, object], whole: bytes, tmp_path: Path
) -> None:
    refuses(tmp_path, remade(whole, manifest(**changes)))


def test_other_archives(tmp_path: Path) -> None:
    for name in ("a", "manifest.json"):
        info = tarfile.TarInfo(name)
        refuses(tmp_path, info.tobuf() + tarball.END)
    refuses(tmp_path, tarball.END)
    refuses(tmp_path, b"x" * 2000)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """A message of a terabyte, and one that says so."""
    info = tarfile.TarInfo("maildir/a/b/cur/x")
    info.size = 1 << 40
    text = json.dumps({"domainName": "a.test", "format": files.FORMAT, "version": 1}).encode()
    first = tarball.header(Member(files.MANIFEST, len(text))) + text + tarball.padding(len(text))
    assert "too large" in refuses(tmp_path, first + info.tobuf(tarfile.PAX_FORMAT))
