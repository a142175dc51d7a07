"""The log is emptied beside the commits: it stays short, and nothing in it is lost."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from mailhub.store import checkpoints, database
from mailhub.store.verify import verify
from tests.contract.stores import sqlite_house


def test_the_length_of_the_log_is_read_from_its_index(tmp_path: Path) -> None:
    database.prepare(tmp_path)
    log = database.LogLength(tmp_path)
    connection = database.connect_writer(tmp_path)
    connection.execute("INSERT INTO counter VALUES ('x', 1)")
    first = log.pages()
    assert first > 0
    for step in range(20):
        connection.execute("UPDATE counter SET value = :step", {"step": step})
    assert log.pages() == first + 20
    _, length, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert length == first + 20
    connection.execute("UPDATE counter SET value = 99")
    assert log.pages() == 1
    connection.close()


def test_the_log_stays_short_under_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "PAGES", 100)
    house = sqlite_house(tmp_path)
    account, boxes = house.account()
    log = database.LogLength(tmp_path / "store")
    lengths = []
    for _ in range(150):
        house.fill(account.number, boxes["INBOX"], 5, b"x" * 1000)
        lengths.append(log.pages())
    assert max(lengths) < 1000
    assert any(after < before for before, after in pairwise(lengths))
    house.stop()
    report = verify(tmp_path / "store")
    assert (report.findings, report.messages) == ((), 750)
