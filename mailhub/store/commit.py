"""One commit: message bytes into the segment, rows into one transaction, both durable or neither.

No thread and no Deferred is known here. An error of the disk ends both handles; a sync is never
tried again, for after it failed the kernel may have dropped the pages and would report success.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from mailhub.model.change import Change
from mailhub.model.errors import StorageFull
from mailhub.store import database, journal
from mailhub.store.batch import Failed, Guard, Job, SpoiledError, carry_out
from mailhub.store.faults import DRIVER, kind_of
from mailhub.store.orders import Blob
from mailhub.store.segments import Appender
from mailhub.store.space import Reserve
from mailhub.store.transaction import Transaction

Result = tuple[list[object], Sequence[Change]]


class WallClock(Protocol):
    """What the store asks of `ports.Clock`."""

    def now(self) -> float: ...
    def seconds(self) -> float: ...


class Committer:
    """Carries out batches of jobs, each batch in one commit. `report` hears of every failure."""

    def __init__(
        self,
        folder: Path,
        segments: Appender,
        clock: WallClock,
        quota: int,
        report: Callable[[Exception], None],
    ) -> None:
        self._folder = folder
        self._segments = segments
        self._clock = clock
        self._quota = quota
        self._report = report
        self._reserve = Reserve(folder)
        self._reserve.take()
        self._database: sqlite3.Connection | None = None
        self._journal = 0
        self._doubtful = False
        self.freed = 0
        """Bytes of segments that became garbage since the start."""

    @property
    def connection(self) -> sqlite3.Connection | None:
        """The open database, if it is open."""
        return self._database

    @property
    def full(self) -> bool:
        """Whether the disk was full when last looked at: no message is taken."""
        return not self._reserve.held

    def commit(self, jobs: Sequence[Job]) -> Result:
        """One outcome for each job, durable; and what changed. Never raises."""
        outcomes: list[object] = [Failed(StorageFull())] * len(jobs)
        reserve = self._reserve
        room = reserve.held or reserve.room_for(sum(job.size for job in jobs))
        makes_room = [place for place, job in enumerate(jobs) if job.urgent or not job.bodies]
        changes, error = self._fill(jobs, None if room else makes_room, outcomes)
        if isinstance(error, StorageFull):
            # Nothing of the batch was written. Jobs that make room get the reserve to do it with.
            changes, error = self._fill(jobs, makes_room, outcomes)
        return outcomes, changes

    def _fill(
        self, jobs: Sequence[Job], chosen: Sequence[int] | None, outcomes: list[object]
    ) -> tuple[Sequence[Change], Exception | None]:
        """Commits the chosen jobs (None: all) and puts their outcomes where they belong."""
        places = range(len(jobs)) if chosen is None else chosen
        if not places:
            return (), None
        try:
            results, changes = self._attempt([jobs[place] for place in places])
        except Exception as error:
            # Nothing may end the writer; what is no error of the disk is a defect, and is told.
            self._report(error)
            kind = kind_of(error)
            self._give_up(isinstance(kind, StorageFull))
            for place in places:
                outcomes[place] = Failed(kind)
            return (), kind
        for place, result in zip(places, results, strict=True):
            outcomes[place] = result
        return changes, None

    def _attempt(self, jobs: Sequence[Job]) -> Result:
        """When it raises, nothing of it is or will be there."""
        connection = self._opened()
        put = self._segments.append([body for job in jobs for body in job.bodies])
        blobs: list[Sequence[Blob]] = []
        start = 0
        for job in jobs:
            blobs.append(put[start : start + len(job.bodies)])
            start += len(job.bodies)
        try:
            tx, outcomes = self._carry_out(connection, jobs, blobs, careful=False)
        except SpoiledError:
            connection.execute("ROLLBACK")
            tx, outcomes = self._carry_out(connection, jobs, blobs, careful=True)
        self._segments.sync()
        try:
            connection.execute("COMMIT")
        except sqlite3.Error:
            if not self._happened(tx):
                raise
        self._journal = tx.journal_number
        self.freed += tx.freed
        return outcomes, tx.changes

    def _carry_out(
        self,
        connection: sqlite3.Connection,
        jobs: Sequence[Job],
        blobs: Sequence[Sequence[Blob]],
        *,
        careful: bool,
    ) -> tuple[Transaction, list[object]]:
        guard = Guard(lambda: connection.total_changes, DRIVER)
        connection.execute("BEGIN IMMEDIATE")
        tx = Transaction(connection, int(self._clock.now()), self._quota, self._journal)
        outcomes = carry_out(tx, jobs, blobs, guard, careful=careful)
        tx.finish()
        return tx, outcomes

    def _happened(self, tx: Transaction) -> bool:
        """Whether a COMMIT that reported an error took effect all the same: seen by the journal,
        through a fresh connection."""
        before = self._journal
        self._give_up(False)
        try:
            self._opened()
        except sqlite3.Error:
            return False
        return before < tx.journal_number == self._journal

    def _opened(self) -> sqlite3.Connection:
        """The connection; after an error a new one, sealed.

        The log may still hold pages of a commit that failed at its sync. A crash now would bring
        them to life after their callers were told of the failure, so a small commit of our own
        is laid over them before anything else is.
        """
        if self._database is None:
            connection = database.connect_writer(self._folder)
            try:
                if self._doubtful:
                    connection.execute(
                        "INSERT INTO counter (name, value) VALUES ('seal', 1)"
                        " ON CONFLICT (name) DO UPDATE SET value = counter.value + 1"
                    )
                    self._doubtful = False
                self._journal = journal.last(connection)
            except sqlite3.Error:
                connection.close()
                raise
            self._database = connection
        return self._database

    def _give_up(self, full: bool) -> None:
        """Lets go of both handles, and of the reserve when the disk is full."""
        self._segments.abandon()
        self._doubtful = True
        self._close_database()
        if full:
            self._reserve.give_up()

    def _close_database(self) -> None:
        connection, self._database = self._database, None
        if connection is None:
            return
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.close()
        except sqlite3.Error:
            return  # It is given up either way; the log decides what was committed.

    def close(self) -> None:
        """Closes what is open."""
        self._segments.abandon()
        self._close_database()
