"""Failures of the disk and the database leave a reason behind, and never a flood."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.python.failure import Failure

from mailhub.model.errors import Corrupt, MailhubError, NotFound, Unavailable
from mailhub.model.message import BlobRef
from mailhub.store.complaints import Complaints
from mailhub.store.faults import DriverError
from mailhub.store.hop import Hop
from mailhub.store.readers import Readers
from mailhub.store.sql import Cursor


class Here:
    """A reactor that is called at once, on whichever thread."""

    def callFromThread(self, call: Callable[..., object], *args: object) -> None:
        call(*args)


class Desk:
    """A database that cannot be read."""

    closed = 0

    @property
    def connection(self) -> Cursor:
        return sqlite3.connect(":memory:")

    def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        raise Corrupt("The stored message is missing")

    def close(self) -> None:
        self.closed += 1


def lines(events: Sequence[LogEvent]) -> list[str]:
    return [formatEvent(event) for event in events]


def test_a_line_says_what_failed_and_why() -> None:
    cause = OSError("connection refused\nIs the server running?")
    lost = DriverError(Unavailable())
    lost.__cause__ = cause
    with capturedLogs() as events:
        Complaints(Hop(Here()), "A read")(lost)
        Complaints(Hop(Here()), "A commit")(sqlite3.OperationalError("disk I/O error"))
    assert lines(events) == [
        "A read failed: DriverError: connection refused",
        "A commit failed: OperationalError: disk I/O error",
    ]


def test_many_failures_are_one_line_a_second() -> None:
    clock = Clock()
    complain = Complaints(Hop(Here()), "A read", clock.seconds)
    with capturedLogs() as events:
        for _ in range(12):
            complain(OSError("no"))
            clock.advance(0.25)
    assert lines(events) == [
        "A read failed: OSError: no",
        "A read failed: OSError: no (3 more were not told)",
        "A read failed: OSError: no (3 more were not told)",
    ]


def asked(error: Exception) -> tuple[list[Exception], Failure]:
    """What a pool of readers tells of work that raises, and what who asked gets."""
    told: list[Exception] = []
    readers = Readers(Desk, 1, Hop(Here()), told.append)

    def work(cursor: Cursor) -> None:
        raise error

    done: Deferred[None] = readers.query(work)
    readers.start()
    readers.stop()
    caught: list[Failure] = []
    done.addErrback(caught.append)
    return told, caught[0]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sqlite3.OperationalError("unable to open database file"), Unavailable),
        (OSError(5, "Input/output error"), Unavailable),
        (Corrupt("The stored message was changed"), Corrupt),
    ],
    ids=["database", "disk", "damage"],
)
def test_a_read_that_fails_is_told(error: Exception, kind: type[MailhubError]) -> None:
    told, failure = asked(error)
    assert (told, failure.type) == ([error], kind)


def test_what_is_not_there_is_no_failure() -> None:
    told, failure = asked(NotFound("No such mailbox"))
    assert (told, failure.type) == ([], NotFound)
