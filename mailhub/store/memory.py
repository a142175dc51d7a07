"""The store without a disk, for tests and trials: the same SQL on an in-memory SQLite.

Methods are coroutines that never wait, so a test drives them without a reactor. Bytes are kept in
a dict. What a disk can do (fill up, tear, fail) does not happen here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from mailhub.model.errors import Corrupt
from mailhub.model.message import Arrival, BlobRef
from mailhub.store import attempts, moves, schema, sweeps
from mailhub.store.batch import Bytes, Failed, Guard, Job, SpoiledError, carry_out
from mailhub.store.fulltext.service import MemoryIndex
from mailhub.store.leases import Alone
from mailhub.store.orders import Blob, Order
from mailhub.store.spools import SpoolFolder
from mailhub.store.sql import Cursor
from mailhub.store.storage import ServedStorage
from mailhub.store.transaction import Transaction
from mailhub.store.watchers import Watchers

P = ParamSpec("P")
T = TypeVar("T")
SEGMENT = 1


class WallClock(Protocol):
    """All that this store asks of a clock."""

    def now(self) -> float: ...


class MemoryBlobs:
    """`ports.Blobs` over one array, which stands for a segment without an end."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    async def read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        """See `ports.Blobs.read`."""
        if any(ref.offset + ref.length > len(self._bytes) for ref in refs):
            raise Corrupt("The stored message is missing")
        with memoryview(self._bytes) as held:
            return [bytes(held[ref.offset : ref.offset + ref.length]) for ref in refs]

    def put(self, bodies: Sequence[Bytes]) -> list[Blob]:
        """Keeps the bytes; where."""
        blobs: list[Blob] = []
        for body in bodies:
            ref = BlobRef(SEGMENT, len(self._bytes), len(body.view))
            self._bytes += body.view
            self._bytes += b"\0"  # even an empty body gets a place of its own
            blobs.append(Blob(ref, body.digest, body.view, body.plain))
        return blobs


@cache
def _empty() -> sqlite3.Connection:
    """Every table, made once and copied: that is a tenth of the work."""
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for table in schema.TABLES:
        database.execute(table)
    return database


class MemoryRunner:
    """`services.Runner` that does everything at once and in place."""

    def __init__(
        self, clock: WallClock, quota: int, blobs: MemoryBlobs, watchers: Watchers
    ) -> None:
        self._clock = clock
        self._quota = quota
        self._blobs = blobs
        self._watchers = watchers
        self._journal = 0
        self.database = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
        _empty().backup(self.database)
        self._guard = Guard(lambda: self.database.total_changes, (sqlite3.OperationalError,))

    async def read(
        self, work: Callable[Concatenate[Cursor, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return work(self.database, *args, **kwargs)

    async def read_with(
        self, work: Callable[[Cursor], tuple[T, Sequence[BlobRef]]]
    ) -> tuple[T, Sequence[bytes]]:
        found, refs = work(self.database)
        try:
            return found, await self._blobs.read(refs)
        except Corrupt:
            return found, ()

    async def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        result: T = self._commit(Job(call=lambda tx, _: work(tx, *args, **kwargs)), ())
        while self._commit(Job(call=lambda tx, _: sweeps.step(tx)), ()):
            continue
        return result

    async def arrive(
        self,
        bodies: Sequence[Bytes],
        order: Callable[[Sequence[Blob]], Order],
        replaced: tuple[int, int] | None = None,
    ) -> Sequence[Arrival]:
        job = Job(order=order)
        if replaced is not None:
            gone = replaced
            job = Job(call=lambda tx, put: moves.replace(tx, order(put), gone))
        arrivals: Sequence[Arrival] = self._commit(job, self._blobs.put(bodies))
        return arrivals

    async def record(
        self,
        record: attempts.Record,
        bodies: Sequence[Bytes],
        notices: Callable[[Sequence[Blob]], Sequence[Order]],
    ) -> Sequence[int]:
        job = Job(record=record)
        if bodies:
            job = Job(call=lambda tx, put: attempts.record_with(tx, record, notices(put)))
        stale: Sequence[int] = self._commit(job, self._blobs.put(bodies))
        return stale

    def _commit(self, job: Job, put: Sequence[Blob]) -> Any:
        try:
            outcome, tx = self._run(job, put, careful=False)
        except SpoiledError:
            outcome, tx = self._run(job, put, careful=True)
        self._journal = tx.journal_number
        self._watchers.tell(tx.changes)
        if isinstance(outcome, Failed):
            raise outcome.error
        return outcome

    def _run(self, job: Job, put: Sequence[Blob], careful: bool) -> tuple[object, Transaction]:
        self.database.execute("BEGIN")
        try:
            tx = Transaction(self.database, int(self._clock.now()), self._quota, self._journal)
            outcome = carry_out(tx, [job], [put], self._guard, careful=careful)[0]
            tx.finish()
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")
        return outcome, tx


class MemoryStore(ServedStorage):
    """`ports.Storage` in memory. `quota`: default bytes an account may keep, 0 for no limit."""

    def __init__(self, clock: WallClock, quota: int = 0, spool_memory: int = 256 << 10) -> None:
        watchers = Watchers()
        self.blobs = MemoryBlobs()
        runner = MemoryRunner(clock, quota, self.blobs, watchers)
        super().__init__(runner, SpoolFolder(spool_memory), watchers)
        self.nodes = Alone(clock.now)
        self._database = runner.database
        self.search_index = MemoryIndex(runner.database, self.blobs)

    @property
    def database(self) -> sqlite3.Connection:
        """For tests that look at rows."""
        return self._database
