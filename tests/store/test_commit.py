"""A commit under a failing disk: nothing false is acknowledged, and it recovers by itself."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from mailhub.model.account import NewAccount, Secrets
from mailhub.model.change import Actor
from mailhub.model.errors import NotFound, StorageFull, Unavailable
from mailhub.model.flags import Flags
from mailhub.model.mailbox import NewMailbox
from mailhub.model.uids import UidSet
from mailhub.store import accounts, database, journal, messages, moves
from mailhub.store.batch import Bytes, Failed, Job
from mailhub.store.commit import Committer
from mailhub.store.orders import Blob, Entry, Order
from mailhub.store.segments import Appender, Files
from mailhub.store.transaction import Transaction
from mailhub.store.verify import verify
from tests.contract.stores import ACTOR, ALL, rendered
from tests.fakes import FakeClock


class Disk:
    """A store's folder with a committer, whose disk the test can break."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = monkeypatch
        (folder / "segments").mkdir()
        database.prepare(folder)
        self.appender = Appender(folder / "segments", 1 << 20)
        self.reported: list[Exception] = []
        self.committer = Committer(folder, self.appender, FakeClock(), 0, self.reported.append)
        order = NewAccount("a" * 24, "ann", 1)
        boxes = [NewMailbox("b" * 24, "INBOX", 1)]
        [made] = self.commit(
            Job(call=lambda tx, _: accounts.create(tx, order, Secrets(), boxes, (), ACTOR))
        )
        self.account = made.number  # type: ignore[attr-defined]

    def commit(self, *jobs: Job) -> list[object]:
        outcomes, self.changes = self.committer.commit(jobs)
        return outcomes

    def arriving(self, data: bytes, token: str = "") -> Job:
        def order(blobs: object) -> Order:
            [blob] = blobs  # type: ignore[misc]
            entry = Entry(self.account, None, blob, rendered(), b"", Flags(), 1)
            return Order([entry], ACTOR, token)

        return Job((Bytes(memoryview(data), sha256(data).digest()),), order=order)

    def expunging(self, uid: int) -> Job:
        uids = UidSet(((uid, uid),))
        return Job(call=lambda tx, _: moves.expunge(tx, self.account, 1, uids, ACTOR, False))

    def bodies(self) -> list[bytes]:
        """What a reader sees now."""
        connection = database.connect_reader(self.folder)
        contents = messages.contents(connection, self.account, 1, ALL)
        connection.close()
        return Files(self.folder / "segments").read([one.blob for one in contents])

    def fail(self, call: str, code: int, times: int = 1) -> None:
        """Makes the next `times` system calls of this name fail."""
        whole: Callable[..., object] = getattr(os, call)
        left = times

        def failing(*args: object) -> object:
            nonlocal left
            if left:
                left -= 1
                raise OSError(code, os.strerror(code))
            return whole(*args)

        self.patch.setattr(os, call, failing)

    def fail_statement(self, statement: str, code: int, after: bool = False) -> None:
        """Makes the next such statement fail, before or `after` it took effect."""
        left = 1

        class Failing(sqlite3.Connection):
            def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
                nonlocal left
                if sql == statement and left:
                    left -= 1
                    if after:
                        super().execute(sql)
                    error = sqlite3.OperationalError("broken")
                    error.sqlite_errorcode = code
                    raise error
                return super().execute(sql, *parameters)

        whole = sqlite3.connect
        self.patch.setattr(sqlite3, "connect", partial(whole, factory=Failing))
        self.committer._close_database()

    def check(self, *bodies: bytes) -> None:
        """After a restart exactly these messages are there, and all is well."""
        self.committer.close()
        assert self.bodies() == list(bodies)
        assert verify(self.folder).findings == ()


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path, monkeypatch)


def kinds(outcomes: list[object]) -> list[str]:
    return [type(one.error).__name__ if isinstance(one, Failed) else "done" for one in outcomes]


def test_a_batch_is_one_commit(disk: Disk) -> None:
    assert (
        kinds(disk.commit(disk.arriving(b"1"), disk.arriving(b"2"), disk.expunging(1)))
        == ["done"] * 3
    )
    disk.check(b"2")


@pytest.mark.parametrize(
    ("call", "code", "kind"),
    [
        ("writev", errno.EIO, Unavailable),
        ("writev", errno.ENOSPC, StorageFull),
        ("writev", errno.EDQUOT, StorageFull),
        ("writev", errno.EROFS, Unavailable),
        ("fdatasync", errno.EIO, Unavailable),
        ("fdatasync", errno.ENOSPC, StorageFull),
    ],
)
def test_a_failing_segment_fails_its_batch_and_is_left_behind(
    disk: Disk, call: str, code: int, kind: type[Exception]
) -> None:
    disk.commit(disk.arriving(b"before"))
    disk.fail(call, code)
    outcomes = disk.commit(disk.arriving(b"one"), disk.arriving(b"two"))
    assert kinds(outcomes) == [kind.__name__] * 2
    assert disk.changes == ()
    assert disk.bodies() == [b"before"]
    assert len(disk.reported) == 1
    assert kinds(disk.commit(disk.arriving(b"after"))) == ["done"]
    assert disk.appender.current == 2
    disk.check(b"before", b"after")


def test_a_sync_that_failed_is_never_tried_again(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.commit(disk.arriving(b"before"))
    synced: list[str] = []

    def fdatasync(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        if len(synced) == 1:
            raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    assert kinds(disk.commit(disk.arriving(b"lost"))) == ["Unavailable"]
    disk.commit(disk.arriving(b"kept"))
    assert len(set(synced)) == len(synced) == 2


def test_bytes_are_synced_before_the_rows_are_committed(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    whole = os.fdatasync

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
            if sql == "COMMIT":
                events.append(sql)
            return super().execute(sql, *parameters)

    def fdatasync(handle: int) -> None:
        events.append("sync")
        whole(handle)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Watched))
    disk.committer._close_database()
    disk.commit(disk.arriving(b"1"), disk.arriving(b"2"))
    disk.commit(disk.expunging(1))
    assert events == ["sync", "COMMIT", "COMMIT"]


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "COMMIT"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_IOERR, Unavailable),
        (sqlite3.SQLITE_FULL, StorageFull),
        (sqlite3.SQLITE_READONLY, Unavailable),
    ],
)
def test_a_failing_database_fails_its_batch(
    disk: Disk, statement: str, code: int, kind: type[Exception]
) -> None:
    disk.commit(disk.arriving(b"before"))
    disk.fail_statement(statement, code)
    assert kinds(disk.commit(disk.arriving(b"lost"))) == [kind.__name__]
    assert kinds(disk.commit(disk.arriving(b"after"))) == ["done"]
    disk.check(b"before", b"after")


def test_a_commit_that_happened_though_it_reported_an_error_counts(disk: Disk) -> None:
    disk.fail_statement("COMMIT", sqlite3.SQLITE_IOERR, after=True)
    assert kinds(disk.commit(disk.arriving(b"there", "t"))) == ["done"]
    assert len(disk.changes) == 1
    assert kinds(disk.commit(disk.arriving(b"again", "t"))) == ["done"]
    disk.check(b"there")


def test_a_failed_commit_cannot_come_back_to_life(disk: Disk) -> None:
    """Its pages may stand in the log, synced after all; a commit of our own lies over them."""
    disk.commit(disk.arriving(b"before"))
    disk.fail_statement("COMMIT", sqlite3.SQLITE_IOERR)
    disk.commit(disk.arriving(b"lost"))
    last = disk.committer._journal
    assert kinds(disk.commit(Job(call=lambda tx, _: None))) == ["done"]
    connection = database.connect_reader(disk.folder)
    seals = connection.execute("SELECT value FROM counter WHERE name = 'seal'").fetchone()
    assert seals is not None
    assert journal.last(connection) == last
    connection.close()


def test_when_the_disk_is_full_those_that_make_room_go_on(disk: Disk) -> None:
    disk.commit(disk.arriving(b"before"))
    reserve = disk.folder / "reserve"
    assert reserve.stat().st_size > 0
    disk.fail("writev", errno.ENOSPC)
    outcomes = disk.commit(disk.arriving(b"lost"), disk.expunging(1))
    assert kinds(outcomes) == ["StorageFull", "done"]
    assert not reserve.exists()
    disk.check()


def test_no_message_is_taken_until_the_reserve_is_whole_again(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.fail("writev", errno.ENOSPC)
    disk.commit(disk.arriving(b"lost"))

    def none_free(handle: int, offset: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", none_free)
    assert kinds(disk.commit(disk.arriving(b"no"))) == ["StorageFull"]
    assert kinds(disk.commit(Job(call=lambda tx, _: "fine"))) == ["done"]
    monkeypatch.undo()
    assert kinds(disk.commit(disk.arriving(b"yes"))) == ["done"]
    assert (disk.folder / "reserve").exists()
    disk.check(b"yes")


def test_little_room_is_no_room(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.fail("writev", errno.ENOSPC)
    disk.commit(disk.arriving(b"lost"))
    facts = os.statvfs(disk.folder)

    class Small:
        f_frsize = facts.f_frsize
        f_blocks = facts.f_blocks
        f_bavail = 1

    monkeypatch.setattr(os, "statvfs", lambda folder: Small)
    assert kinds(disk.commit(disk.arriving(b"no"))) == ["StorageFull"]


# -- one bad job among good ones


def bad_after_writing(tx: Transaction, blobs: object) -> None:
    tx.execute("INSERT INTO domain VALUES (7, 'x', 'x.example', '', '', 0, '', 0, 0)", {})
    tx.journal("wrong", Actor())
    raise ValueError("a defect")


def bad_at_once(tx: Transaction, blobs: object) -> None:
    raise NotFound


@pytest.mark.parametrize("bad", [bad_after_writing, bad_at_once])
def test_one_bad_job_does_not_spoil_the_batch(
    disk: Disk, bad: Callable[[Transaction, object], None]
) -> None:
    outcomes = disk.commit(
        disk.arriving(b"1"), disk.arriving(b"2"), Job(call=bad), disk.arriving(b"3")
    )
    assert kinds(outcomes) == [
        "done",
        "done",
        "ValueError" if bad is bad_after_writing else "NotFound",
        "done",
    ]
    connection = database.connect_reader(disk.folder)
    assert connection.execute("SELECT count(*) FROM domain").fetchone() == (0,)
    entries = journal.since(connection, 0, None, 100)
    assert "wrong" not in [one.kind for one in entries]
    assert [one.number for one in entries] == list(range(1, len(entries) + 1))
    connection.close()
    assert len(disk.changes) == 3
    disk.check(b"1", b"2", b"3")


def test_a_defect_in_one_order_fails_it_alone(disk: Disk) -> None:
    def broken(blobs: object) -> Order:
        blob: Blob = blobs[0]  # type: ignore[index]
        entry = Entry(disk.account, None, blob, None, b"", Flags(), 1)  # type: ignore[arg-type]
        return Order([entry], ACTOR, "broken")

    job = Job(disk.arriving(b"x").bodies, order=broken)
    outcomes = disk.commit(disk.arriving(b"1"), job, disk.arriving(b"3"))
    assert kinds(outcomes) == ["done", "AttributeError", "done"]
    disk.check(b"1", b"3")


def test_a_defect_at_the_end_of_a_commit_does_not_end_the_writer(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Transaction) -> None:
        raise OverflowError("a defect")

    monkeypatch.setattr(Transaction, "finish", broken)
    assert kinds(disk.commit(disk.arriving(b"lost"))) == ["Unavailable"]
    assert [type(error) for error in disk.reported] == [OverflowError]
    monkeypatch.undo()
    assert kinds(disk.commit(disk.arriving(b"kept"))) == ["done"]
    disk.check(b"kept")


def test_a_disk_that_goes_on_failing_leaves_no_heap_of_segments(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.fail("fdatasync", errno.EIO, times=20)
    for _ in range(20):
        assert kinds(disk.commit(disk.arriving(b"lost"))) == ["Unavailable"]
    assert list((disk.folder / "segments").iterdir()) == []
    assert kinds(disk.commit(disk.arriving(b"kept"))) == ["done"]
    disk.check(b"kept")
