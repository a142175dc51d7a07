"""The store's work given to its threads: reads to the pool, writes to the writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from twisted.internet.defer import Deferred

from mailhub.model.message import Arrival, BlobRef
from mailhub.ports.leases import fence
from mailhub.store import attempts, moves
from mailhub.store.batch import Bytes, Job
from mailhub.store.orders import Blob, Order
from mailhub.store.readers import Readers
from mailhub.store.sql import Cursor
from mailhub.store.transaction import Transaction
from mailhub.store.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")


class ThreadRunner:
    """`services.Runner`: reads go to the pool, writes to the writer."""

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    def read(
        self, work: Callable[Concatenate[Cursor, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        return self._readers.query(work, *args, **kwargs)

    def read_with(
        self, work: Callable[[Cursor], tuple[T, Sequence[BlobRef]]]
    ) -> Deferred[tuple[T, Sequence[bytes]]]:
        return self._readers.query_with(work)

    def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        return self._writer.submit(Job(call=lambda tx, _: work(tx, *args, **kwargs), fence=fence()))

    def arrive(
        self,
        bodies: Sequence[Bytes],
        order: Callable[[Sequence[Blob]], Order],
        replaced: tuple[int, int] | None = None,
    ) -> Deferred[Sequence[Arrival]]:
        if replaced is None:
            return self._writer.submit(Job(bodies, order=order, fence=fence()))
        gone = replaced
        return self._writer.submit(
            Job(bodies, call=lambda tx, put: moves.replace(tx, order(put), gone), fence=fence())
        )

    def record(
        self,
        record: attempts.Record,
        bodies: Sequence[Bytes],
        notices: Callable[[Sequence[Blob]], Sequence[Order]],
    ) -> Deferred[Sequence[int]]:
        if not bodies:
            return self._writer.submit(Job(record=record, fence=fence()))
        return self._writer.submit(
            Job(
                bodies,
                call=lambda tx, put: attempts.record_with(tx, record, notices(put)),
                fence=fence(),
            )
        )
