"""The log is emptied beside the commits: it stays short, and nothing in it is lost."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

import pytest

from mailhub.store import checkpoints, database
from mailhub.store.verify import verify
from tests.contract.stores import sqlite_house

pytestmark = pytest.mark.thorough


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


def locks(path: Path) -> int:
    """How many locks this process has on the file."""
    owner = re.compile(rf" {os.getpid()} \S+:{path.stat().st_ino} ")
    return len(owner.findall(Path("/proc/locks").read_text()))


def test_other_processes_go_on_seeing_that_the_database_is_open(tmp_path: Path) -> None:
    """The kernel drops a process's locks on a file when it closes any handle of that file."""
    database.prepare(tmp_path)
    main, index = tmp_path / database.NAME, tmp_path / f"{database.NAME}-shm"
    reader = database.connect_reader(tmp_path)
    reader.execute("SELECT count(*) FROM counter").fetchall()
    before = locks(main), locks(index)
    assert min(before) > 0
    log = database.LogLength(tmp_path)
    log.pages()
    writer = database.connect_writer(tmp_path)
    assert (locks(main), locks(index)) == before
    writer.close()
    reader.close()
    assert log.pages() >= 0
    log.close()


def test_the_log_stays_short_under_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "PAGES", 1)
    house = sqlite_house(tmp_path)
    account, boxes = house.account()
    log = database.LogLength(tmp_path / "store")
    lengths = [0]
    fills = 0
    while fills < 150 or lengths == sorted(lengths):
        house.fill(account.number, boxes["INBOX"], 5, b"x" * 1000)
        lengths.append(log.pages())
        fills += 1
        assert fills < 3000, "the log never began anew"
    assert max(lengths) < 40 * fills
    house.stop()
    report = verify(tmp_path / "store")
    assert (report.findings, report.messages) == ((), 5 * fills)


def test_readers_without_a_gap_do_not_keep_it_from_beginning_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One begins to read before the other has ended, again and again."""
    monkeypatch.setattr(checkpoints, "PAGES", 200)
    database.prepare(tmp_path)
    writer = database.connect_writer(tmp_path)
    over = threading.Event()
    both = threading.Barrier(2)

    def read(late: bool) -> None:
        connection = database.connect_reader(tmp_path)
        both.wait()
        while not over.is_set():
            if late:
                time.sleep(0.01)
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM counter").fetchall()
            time.sleep(0.02)
            connection.execute("COMMIT")
        connection.close()

    threads = [threading.Thread(target=read, args=(late,)) for late in (False, True)]
    watched = checkpoints.Checkpoints(tmp_path)
    watched.start()
    for thread in threads:
        thread.start()
    log = database.LogLength(tmp_path)
    longest = pages = 0
    try:
        writer.execute("INSERT INTO counter VALUES ('x', 1)")
        for _ in range(20_000):
            writer.execute("UPDATE counter SET value = value + 1 WHERE name = 'x'")
            watched.between_commits(writer)
            pages = log.pages()
            if pages < longest:
                break
            longest = pages
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert pages < longest, "it never began anew"
    watched.stop()
    writer.close()
