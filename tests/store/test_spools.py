"""Spools: any chunks, any size, bounded memory, and the right digest."""

from __future__ import annotations

import errno
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import StorageFull, Unavailable
from mailhub.store.spools import MemorySpool, SpoolFolder


@given(st.binary(max_size=50), st.lists(st.binary(max_size=200), max_size=20), st.booleans())
@settings(max_examples=50, deadline=None)
def test_a_body_is_the_head_and_the_chunks(head: bytes, chunks: list[bytes], on_disk: bool) -> None:
    spool = MemorySpool(head, 100, Path("/tmp") if on_disk else None)
    size = len(head)
    for chunk in chunks:
        spool.write(memoryview(chunk))
        size += len(chunk)
        assert spool.size == size
    body = spool.finish()
    whole = head + b"".join(chunks)
    assert (body.size, body.digest) == (len(whole), sha256(whole).digest())
    assert bytes(body.view()) == whole
    assert body.view().readonly
    body.close()


def test_large_messages_leave_memory_for_a_file_without_a_name(tmp_path: Path) -> None:
    spools = SpoolFolder(1000, tmp_path / "spool")
    spool = spools.open(b"head")
    for _ in range(100):
        spool.write(b"x" * 100)
    assert len(spool._buffer) == 0
    assert list((tmp_path / "spool").iterdir()) == []
    body = spool.finish()
    assert bytes(body.view()) == b"head" + b"x" * 10_000
    body.close()


def test_a_view_outlives_its_body(tmp_path: Path) -> None:
    """A commit may still read it when the session that sent it is gone."""
    for limit in (10, 10_000):
        spool = SpoolFolder(limit, tmp_path).open()
        spool.write(b"y" * 500)
        body = spool.finish()
        view = body.view()
        body.close()
        body.close()
        assert bytes(view) == b"y" * 500
        with pytest.raises(ValueError, match="closed"):
            body.view()


def test_chunks_may_be_reused_by_their_owner(tmp_path: Path) -> None:
    spool = SpoolFolder(1000, tmp_path).open()
    buffer = bytearray(b"first")
    spool.write(buffer)
    buffer[:] = b"XXXXX"
    assert bytes(spool.finish().view()) == b"first"


def test_abort_lets_go(tmp_path: Path) -> None:
    spool = SpoolFolder(10, tmp_path).open()
    spool.write(b"z" * 100)
    spool.abort()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, Unavailable)],
)
def test_a_full_or_broken_disk_has_a_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    spool = SpoolFolder(10, tmp_path).open()
    with pytest.raises(kind):
        spool.write(b"z" * 100)
    spool.abort()


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_message_gets_another_beginning_without_a_copy(tmp_path: Path, size: int) -> None:
    rest = b"x" * size
    spool = SpoolFolder(1000, tmp_path).open(room=20)
    for piece in (b"old head", rest):
        spool.write(piece)
    assert spool.size == size + 8
    body = spool.finish()
    assert bytes(body.view()) == b"old head" + rest
    kept = body.view()[8:]
    for _ in body.begin_with(b"a new and longer head ", 8):
        continue
    whole = b"a new and longer head " + rest
    assert bytes(body.view()) == whole
    assert body.size == len(whole)
    assert body.digest == sha256(whole).digest()
    assert bytes(kept) == rest
    body.close()


def test_a_beginning_has_only_the_room_that_was_kept() -> None:
    spool = SpoolFolder(1000).open(room=4)
    spool.write(b"abcdef")
    body = spool.finish()
    assert body.digest == sha256(b"abcdef").digest()
    for head, skip in ((b"123456", 1), (b"", 7)):
        with pytest.raises(ValueError, match="room"):
            next(body.begin_with(head, skip))
    for _ in body.begin_with(b"12345", 1):
        continue
    assert bytes(body.view()) == b"12345bcdef"
