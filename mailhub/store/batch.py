"""What one commit carries out: jobs in the order they came, each succeeding or failing alone.

No thread and no file is known here: the writer hands over a transaction and where the jobs'
bytes were put.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from mailhub.model.node import Fence
from mailhub.ports import Body
from mailhub.store import leases
from mailhub.store.arrivals import Outcome, arrive
from mailhub.store.attempts import Record, record_all
from mailhub.store.orders import Blob, Order
from mailhub.store.transaction import Transaction

ROW_SIZE = 512
"""Bytes of memory that a job without a body counts for."""


class Bytes:
    """A body's bytes, held so that they outlive the body when its owner goes away early.

    `digest`: their SHA-256, made when it is first wanted, on the thread that writes them: the
    interpreter goes on meanwhile.
    """

    __slots__ = ("_digest", "plain", "view")

    def __init__(self, view: memoryview, digest: bytes | None = None, plain: bool = False) -> None:
        self.view = view
        self.plain = plain
        self._digest = digest

    @classmethod
    def of(cls, body: Body) -> Bytes:
        return cls(body.view(), body.hashed, body.plain)

    @property
    def digest(self) -> bytes:
        if self._digest is None:
            self._digest = sha256(self.view).digest()
        return self._digest


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do in a commit. `bodies` are put into a segment first.

    Either `call` does it, or `order` says what is to arrive, or `record` what became of queue
    entries: orders and records next to each other are carried out together, orders first, for no
    record can know of an entry before it is there. `urgent`: its bodies may take the last of the
    disk, for it makes room. `fence`: of the lease that it is done under; it fails where that is
    over.
    """

    bodies: Sequence[Bytes] = ()
    call: Callable[[Transaction, Sequence[Blob]], object] | None = None
    order: Callable[[Sequence[Blob]], Order] | None = None
    record: Record | None = None
    urgent: bool = False
    fence: Fence | None = None

    @property
    def size(self) -> int:
        """Bytes of memory it holds while it waits."""
        return ROW_SIZE + sum(len(body.view) for body in self.bodies)

    @property
    def sociable(self) -> bool:
        """Whether it is carried out together with its like."""
        return self.call is None and self.fence is None


class SpoiledError(Exception):
    """A job failed after it wrote: the transaction has to be rolled back and run carefully."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The outcome of a job that raised."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Guard:
    """How the driver takes back a single job: its count of changed rows, and savepoints."""

    changed: Callable[[], int]
    fatal: tuple[type[Exception], ...]
    """Errors of the driver: not the job's fault, and the end of the whole transaction."""


def carry_out(
    tx: Transaction,
    jobs: Sequence[Job],
    blobs: Sequence[Sequence[Blob]],
    guard: Guard,
    *,
    careful: bool,
) -> list[object]:
    """One outcome each: what the job returned, or Failed.

    A job that fails before it wrote anything, as nearly all do that fail, costs nothing. Only
    for one that wrote first is the batch run again, `careful`: with a savepoint around each job.
    Raises SpoiledError (not when careful), and what `guard.fatal` names.
    """
    outcomes: list[object] = []
    position = 0
    while position < len(jobs):
        end = position + 1
        if jobs[position].sociable:
            while not careful and end < len(jobs) and jobs[end].sociable:
                end += 1
        mark, before = tx.mark(), guard.changed()
        if careful:
            tx.execute("SAVEPOINT job", {})
        try:
            outcomes += _run(tx, jobs[position:end], blobs[position:end])
        except guard.fatal:
            raise
        except Exception as error:
            if careful:
                tx.execute("ROLLBACK TO job", {})
            elif guard.changed() != before or end > position + 1:
                raise SpoiledError from error
            tx.rewind(mark)
            outcomes.append(Failed(error))
        if careful:
            tx.execute("RELEASE job", {})
        position = end
    return outcomes


def _run(tx: Transaction, jobs: Sequence[Job], blobs: Sequence[Sequence[Blob]]) -> Sequence[object]:
    leases.check(tx.cursor, jobs[0].fence)
    if jobs[0].call is not None:
        return [job.call(tx, put) for job, put in zip(jobs, blobs, strict=True) if job.call]
    orders = [job.order(put) for job, put in zip(jobs, blobs, strict=True) if job.order]
    records = [job.record for job in jobs if job.record]
    arrived = iter(arrive(tx, orders) if orders else ())
    recorded = iter(record_all(tx, records) if records else ())
    return [_told(next(arrived)) if job.order else next(recorded) for job in jobs]


def _told(outcome: Outcome) -> object:
    return Failed(outcome) if isinstance(outcome, Exception) else outcome
