"""Segments: what is appended is found again, and what tore is recognised."""

from __future__ import annotations

import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest

from mailhub.model.errors import Corrupt
from mailhub.model.message import BlobRef
from mailhub.store import segments
from mailhub.store.batch import Bytes
from mailhub.store.segments import (
    ENTRY_SIZE,
    HEAD,
    Appender,
    Files,
    entry_at,
    numbers,
    path_of,
    scan,
)


def as_bytes(data: bytes) -> Bytes:
    return Bytes(memoryview(data), sha256(data).digest())


def append(appender: Appender, *bodies: bytes) -> list[BlobRef]:
    blobs = appender.append([as_bytes(body) for body in bodies])
    appender.sync()
    return [blob.ref for blob in blobs]


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    appender = Appender(tmp_path, 1 << 20)
    bodies = [b"one", b"", b"three" * 1000]
    refs = append(appender, *bodies)
    refs += append(appender, b"four")
    files = Files(tmp_path)
    assert files.read(refs) == [*bodies, b"four"]
    assert files.read([refs[2], refs[0], refs[2]]) == [bodies[2], b"one", bodies[2]]
    assert [found.ref for found in scan(tmp_path, 1)] == refs
    assert {found.digest for found in scan(tmp_path, 1)} == {
        sha256(body).digest() for body in [*bodies, b"four"]
    }
    files.close()
    appender.abandon()


def test_more_buffers_than_one_system_call_takes(tmp_path: Path) -> None:
    appender = Appender(tmp_path, 1 << 30)
    bodies = [b"%d" % place for place in range(3000)]
    refs = append(appender, *bodies)
    assert Files(tmp_path).read(refs) == bodies
    appender.abandon()


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.writev

    def short(handle: int, buffers: list[bytes]) -> int:
        first = memoryview(buffers[0])
        return (
            whole(handle, [first[: max(1, len(first) // 2)]])
            if len(first)
            else whole(handle, buffers)
        )

    monkeypatch.setattr(os, "writev", short)
    appender = Appender(tmp_path, 1 << 20)
    refs = append(appender, b"abcdefgh", b"", b"xyz" * 50)
    monkeypatch.undo()
    assert Files(tmp_path).read(refs) == [b"abcdefgh", b"", b"xyz" * 50]
    assert len(list(scan(tmp_path, 1))) == 3
    appender.abandon()


def test_the_disk_begins_early_with_much_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    whole = segments.begin_writing

    def begin(handle: int) -> None:
        begun.append(os.fstat(handle).st_size)
        whole(handle)

    monkeypatch.setattr(segments, "begin_writing", begin)
    appender = Appender(tmp_path, 1 << 20)
    refs = append(appender, b"x" * 1000)
    assert begun == []
    refs += append(appender, b"y" * 100_000, b"z" * 200_000)
    assert begun == [refs[-1].offset + 200_000]
    assert Files(tmp_path).read(refs[1:]) == [b"y" * 100_000, b"z" * 200_000]
    appender.abandon()


def test_no_disk_begins_early_with_what_is_no_file() -> None:
    reading, writing = os.pipe()
    segments.begin_writing(writing)  # ESPIPE, which the next sync would tell of
    os.close(reading)
    os.close(writing)
    segments.begin_writing(writing)


def test_a_full_segment_is_followed_by_another(tmp_path: Path) -> None:
    appender = Appender(tmp_path, 1000)
    refs = append(appender, *[b"x" * 400] * 5)
    assert [ref.segment for ref in refs] == [1, 1, 1, 2, 2]
    assert numbers(tmp_path) == [1, 2]
    assert Files(tmp_path).read(refs) == [b"x" * 400] * 5
    appender.abandon()


@pytest.mark.parametrize("cut", [1, ENTRY_SIZE // 2, ENTRY_SIZE, ENTRY_SIZE + 3])
def test_a_torn_tail_ends_the_scan_and_is_cut_off(tmp_path: Path, cut: int) -> None:
    appender = Appender(tmp_path, 1 << 20)
    kept, torn = append(appender, b"kept" * 10, b"torn" * 10)
    appender.abandon()
    path = path_of(tmp_path, 1)
    with path.open("r+b") as file:
        file.truncate(torn.offset - ENTRY_SIZE + cut)
    assert [found.ref for found in scan(tmp_path, 1)] == [kept]
    again = Appender(tmp_path, 1 << 20)
    again.resume(1, kept.offset + kept.length)
    [fresh] = append(again, b"fresh")
    assert fresh == torn.__class__(1, torn.offset, 5)
    assert [found.ref for found in scan(tmp_path, 1)] == [kept, fresh]
    again.abandon()


def test_garbage_of_zeros_or_noise_is_no_entry(tmp_path: Path) -> None:
    appender = Appender(tmp_path, 1 << 20)
    [ref] = append(appender, b"data")
    appender.abandon()
    with path_of(tmp_path, 1).open("ab") as file:
        file.write(bytes(500))
    assert [found.ref for found in scan(tmp_path, 1)] == [ref]
    assert entry_at(b"", 1, 128) is None
    assert entry_at(b"\xff" * ENTRY_SIZE, 1, 128) is None


def test_an_entry_is_only_good_at_its_own_place(tmp_path: Path) -> None:
    appender = Appender(tmp_path, 1 << 20)
    [ref] = append(appender, b"data")
    appender.abandon()
    data = path_of(tmp_path, 1).read_bytes()
    entry = data[len(HEAD) :]
    assert entry_at(entry, 1, ref.offset) is not None
    assert entry_at(entry, 2, ref.offset) is None
    assert entry_at(entry, 1, ref.offset + 1) is None
    for place in range(ENTRY_SIZE - 4):
        flipped = bytearray(entry)
        flipped[place] ^= 1
        assert entry_at(bytes(flipped), 1, ref.offset) is None


def test_a_shorter_file_than_its_rows_is_left_alone(tmp_path: Path) -> None:
    appender = Appender(tmp_path, 1 << 20)
    [ref] = append(appender, b"data")
    appender.abandon()
    size = path_of(tmp_path, 1).stat().st_size
    again = Appender(tmp_path, 1 << 20)
    again.resume(1, ref.offset + 1000)
    [fresh] = append(again, b"next")
    assert fresh.segment == 2
    assert path_of(tmp_path, 1).stat().st_size == size
    again.abandon()


@pytest.mark.parametrize("call", ["writev", "fdatasync"])
def test_after_an_error_a_new_segment_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    appender = Appender(tmp_path, 1 << 20)
    [first] = append(appender, b"first")

    def fail(*args: object) -> int:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError):
        append(appender, b"lost")
    appender.abandon()
    monkeypatch.undo()
    [after] = append(appender, b"after")
    assert (first.segment, after.segment) == (1, 2)
    assert Files(tmp_path).read([first, after]) == [b"first", b"after"]
    appender.abandon()


def test_a_new_segment_is_durable_in_its_folder_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    whole = os.fsync

    def fsync(handle: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        whole(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    appender = Appender(tmp_path, 1 << 20)
    append(appender, b"x")
    assert synced == ["00000001.segment", tmp_path.name]
    appender.abandon()


def test_reading_past_the_end_or_nowhere_is_corrupt(tmp_path: Path) -> None:
    appender = Appender(tmp_path, 1 << 20)
    [ref] = append(appender, b"data")
    appender.abandon()
    files = Files(tmp_path)
    with pytest.raises(Corrupt):
        files.read([BlobRef(1, ref.offset, 5)])
    with pytest.raises(Corrupt):
        files.read([BlobRef(9, 128, 1)])
    assert files.read([ref]) == [b"data"]
    files.close()


def test_few_files_are_open_at_a_time(tmp_path: Path) -> None:
    appender = Appender(tmp_path, 1)
    refs = append(appender, *[b"%d" % place for place in range(100)])
    appender.abandon()
    files = Files(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    assert files.read(refs) == [b"%d" % place for place in range(100)]
    assert len(os.listdir("/proc/self/fd")) - before <= 64
    files.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_files_that_were_removed_are_let_go(tmp_path: Path) -> None:
    appender = Appender(tmp_path, 1)
    refs = append(appender, b"one", b"two", b"three")
    appender.abandon()
    files = Files(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    files.read(refs[:2])
    for ref in refs[:2]:
        path_of(tmp_path, ref.segment).unlink()
    assert files.read(refs[2:]) == [b"three"]
    assert len(os.listdir("/proc/self/fd")) - before == 1
    files.close()
