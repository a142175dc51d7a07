"""The store's work given to its threads, with bodies that go to the bucket first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from mailhub.model.errors import Corrupt, Unavailable
from mailhub.model.message import Arrival, BlobRef
from mailhub.store.attempts import Record
from mailhub.store.batch import Bytes
from mailhub.store.orders import Blob, Order
from mailhub.store.postgres.outside import Outside
from mailhub.store.readers import Readers
from mailhub.store.runner import ThreadRunner
from mailhub.store.s3.names import is_object
from mailhub.store.sql import Cursor
from mailhub.store.writer import Writer

T = TypeVar("T")


class OutsideRunner(ThreadRunner):
    """`services.Runner`: no commit is asked for before what it refers to is in the bucket."""

    def __init__(self, readers: Readers, writer: Writer, outside: Outside) -> None:
        super().__init__(readers, writer)
        self._outside = outside

    def read_with(
        self, work: Callable[[Cursor], tuple[T, Sequence[BlobRef]]]
    ) -> Deferred[tuple[T, Sequence[bytes]]]:
        return Deferred.fromCoroutine(self._read_with(work))

    async def _read_with(
        self, work: Callable[[Cursor], tuple[T, Sequence[BlobRef]]]
    ) -> tuple[T, Sequence[bytes]]:
        def here(cursor: Cursor) -> tuple[tuple[T, Sequence[BlobRef]], Sequence[BlobRef]]:
            found, refs = work(cursor)
            return (found, refs), [ref for ref in refs if not is_object(ref.segment)]

        (found, refs), octets = await super().read_with(here)
        there = [ref for ref in refs if is_object(ref.segment)]
        if not there:
            return found, octets
        if len(octets) + len(there) != len(refs):
            return found, ()  # one of those in the database is damaged
        try:
            objects = iter(await self._outside.read(there))
        except (Corrupt, Unavailable):
            return found, ()  # those that can be had are read apart
        rows = iter(octets)
        return found, [next(objects if is_object(ref.segment) else rows) for ref in refs]

    def arrive(
        self,
        bodies: Sequence[Bytes],
        order: Callable[[Sequence[Blob]], Order],
        replaced: tuple[int, int] | None = None,
    ) -> Deferred[Sequence[Arrival]]:
        arrive = super().arrive
        if not self._outside.concerns(bodies):
            return arrive(bodies, order, replaced)
        return self._after(bodies, lambda put: arrive(put, order, replaced))

    def record(
        self,
        record: Record,
        bodies: Sequence[Bytes],
        notices: Callable[[Sequence[Blob]], Sequence[Order]],
    ) -> Deferred[Sequence[int]]:
        keep = super().record
        if not self._outside.concerns(bodies):
            return keep(record, bodies, notices)
        return self._after(bodies, lambda put: keep(record, put, notices))

    def _after(
        self, bodies: Sequence[Bytes], then: Callable[[Sequence[Bytes]], Awaitable[T]]
    ) -> Deferred[T]:
        async def both() -> T:
            return await then(await self._outside.put(bodies, self))

        done: Deferred[Any] = Deferred.fromCoroutine(both())
        return done
