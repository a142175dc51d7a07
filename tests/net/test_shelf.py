"""JSON on disk that outlives a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailhub.net import shelf
from mailhub.net.shelf import FileShelf
from tests.fakes import ListLog
from tests.loop import Loop, loop


@pytest.fixture
def running() -> Iterator[Loop]:
    with loop() as one:
        one.reactor.getThreadPool().start()
        yield one
        one.reactor.getThreadPool().stop()


def test_many_changes_are_one_write(
    running: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "DELAY", 0.05)
    path = tmp_path / "sub" / "policies.json"
    kept = FileShelf(path, running.reactor, ListLog())
    assert kept.read() is None
    asked = []

    def value() -> dict[str, int]:
        asked.append(1)
        return {"n": len(asked)}

    for _ in range(5):
        kept.keep(value)
    assert not path.exists()
    running.until(path.exists)
    assert asked == [1]
    assert FileShelf(path, running.reactor, ListLog()).read() == {"n": 1}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_stop_writes_what_waits(running: Loop, tmp_path: Path) -> None:
    path = tmp_path / "policies.json"
    kept = FileShelf(path, running.reactor, ListLog())
    kept.keep(lambda: [1])
    running.wait(kept.stop())
    assert kept.read() == [1]
    assert running.reactor.getDelayedCalls() == []
    running.wait(kept.stop())


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_an_empty_shelf(running: Loop, tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "policies.json"
    path.write_bytes(text)
    assert FileShelf(path, running.reactor, ListLog()).read() is None


def test_what_cannot_be_written_is_logged(running: Loop, tmp_path: Path) -> None:
    log = ListLog()
    (tmp_path / "file").write_text("")
    kept = FileShelf(tmp_path / "file" / "policies.json", running.reactor, log)
    kept.keep(lambda: [1])
    running.wait(kept.stop())
    assert [one["file"] for one in log.named("shelf")] == ["policies.json"]
    running.wait(kept.stop())
