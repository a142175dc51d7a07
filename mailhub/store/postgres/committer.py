"""One commit on PostgreSQL: bodies and rows in one transaction, among others' of other processes.

Transactions that write follow one another, as the embedded store's do: each begins by locking the
journal's counter, and sees all that was committed before. So every rule of the store that reads
before it writes holds with many processes as with one. What is read takes no part in this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import sleep
from typing import Protocol

from mailhub.store.batch import Failed, Guard, Job, SpoiledError, carry_out
from mailhub.store.faults import DRIVER, DriverError, kind_of
from mailhub.store.postgres.bodies import Bodies
from mailhub.store.postgres.connection import AgainError, Connection, LostError
from mailhub.store.postgres.news import Issue, Ledger, Place
from mailhub.store.sql import number, put_rows
from mailhub.store.transaction import Transaction

Result = tuple[list[object], Sequence[Issue]]
TRIES = 5
"""How often a commit is run that another one undid."""
ASKED = 60
PAUSE = 0.5
"""How often the database is asked whether a commit happened, and seconds between two times."""


class WallClock(Protocol):
    """What this asks of `ports.Clock`."""

    def now(self) -> float: ...


class Committer:
    """`writer.Commits`. `node`: this process, by a name that no other one has ever had. `told`: the
    last commit of any process that its watchers were told of. `report` hears of every failure."""

    def __init__(
        self,
        where: str,
        node: str,
        clock: WallClock,
        quota: int,
        told: Callable[[], Place],
        report: Callable[[Exception], None],
        bodies: Bodies | None = None,
    ) -> None:
        self._where = where
        self._node = f"node {node}"
        self._clock = clock
        self._quota = quota
        self._report = report
        self._bodies = bodies or Bodies()
        self._ledger = Ledger(node, told)
        self._connection: Connection | None = None
        self._serial = 0
        """Of the commit under way; the newest one that happened stands beside the node's name."""

    def commit(self, jobs: Sequence[Job]) -> Result:
        """See `writer.Commits.commit`."""
        for left in reversed(range(TRIES)):
            try:
                return self._attempt(jobs)
            except AgainError as error:
                if not left:
                    return self._refused(jobs, error)
                self._close()
            except Exception as error:
                # Nothing may end the writer; what the database did not report is a defect.
                return self._refused(jobs, error)
        raise AssertionError("unreachable")

    def _refused(self, jobs: Sequence[Job], error: Exception) -> Result:
        self._report(error)
        self._close()
        return [Failed(kind_of(error))] * len(jobs), ()

    def _attempt(self, jobs: Sequence[Job]) -> Result:
        """When it raises, nothing of it is or will be there, or nobody can know yet: then who reads
        the news will."""
        connection = self._opened()
        self._serial += 1
        try:
            tx, outcomes = self._carry_out(connection, jobs, careful=False)
        except SpoiledError:
            connection.roll_back()
            tx, outcomes = self._carry_out(connection, jobs, careful=True)
        try:
            connection.commit()
        except LostError:
            if not self._happened():
                raise
        return outcomes, self._ledger.ended(tx)

    def _carry_out(
        self, connection: Connection, jobs: Sequence[Job], *, careful: bool
    ) -> tuple[Transaction, list[object]]:
        connection.begin()
        journal = number(
            connection, "SELECT value FROM counter WHERE name = 'journal' FOR UPDATE", {}
        )
        self._ledger.begun(connection, journal)
        tx = Transaction(connection, int(self._clock.now()), self._quota, journal)
        guard = Guard(lambda: connection.total_changes, DRIVER)
        put = self._bodies.put(tx, jobs)
        outcomes = carry_out(tx, jobs, put, guard, careful=careful)
        self._bodies.keep(tx, jobs, put)
        tx.finish()
        self._ledger.written(connection, tx)
        put_rows(
            connection,
            "INSERT INTO counter (name, value) VALUES",
            [("journal", tx.journal_number), (self._node, self._serial)],
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        return tx, outcomes

    def _happened(self) -> bool:
        """Whether the COMMIT took effect whose answer was lost: said by the row of this node, for
        which the old transaction is waited for if it is still under way. A database that starts
        again, or whose standby takes over, is waited for as well: who hears of a failure sends the
        message once more."""
        for left in reversed(range(ASKED)):
            self._close()
            try:
                return self._serial == number(
                    self._opened(),
                    "SELECT value FROM counter WHERE name = :name",
                    {"name": self._node},
                )
            except DriverError:
                if not left:
                    raise
                sleep(PAUSE)
        raise AssertionError("unreachable")

    def _opened(self) -> Connection:
        """The connection; a new one after an error, when no transaction of ours is under way."""
        if self._connection is None:
            connection = Connection(self._where)
            # A transaction of its own that is waited for to its end: so is what came before it.
            connection.begin()
            connection.execute(
                "INSERT INTO counter (name, value) VALUES ('journal', 0), (:name, 0)"
                " ON CONFLICT (name) DO UPDATE SET value = counter.value",
                {"name": self._node},
            )
            connection.commit()
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        self._ledger.undone()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Closes what is open."""
        self._close()
