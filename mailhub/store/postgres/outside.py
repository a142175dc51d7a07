"""Bodies outside the database: put there before the commit that refers to them, read from there,
and looked through for what no row refers to.

Larger bodies are objects of a bucket, and any of them may be sealed. What a failed commit leaves
in the bucket is found by its age.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, DeferredLock, TimeoutError

from mailhub.model.change import Change, Missed
from mailhub.model.errors import Unavailable
from mailhub.model.message import BlobRef
from mailhub.model.settings_s3 import S3Settings
from mailhub.store import sealing
from mailhub.store.batch import Bytes
from mailhub.store.postgres import freeing
from mailhub.store.postgres.bodies import Uploaded, opened, span
from mailhub.store.postgres.keyring import Keyring, SealedKey
from mailhub.store.s3 import names
from mailhub.store.s3.names import is_object, is_sealed
from mailhub.store.s3.objects import Objects, all_of
from mailhub.store.s3.octets import Plain, Sealed
from mailhub.store.sql import next_number, number
from mailhub.store.transaction import Transaction

SLOWEST = 128 * 1024
"""Octets a second of an upload that is waited for."""
AT_ONCE = 128 * 1024
"""Octets that are opened on the reactor's thread: a tenth of a millisecond."""
AGAIN = 3600
"""Seconds until the bucket is looked through once more after that failed."""


class Reading(Protocol):
    """What this asks of the readers."""

    def query(self, work: Callable[..., Any], *args: object) -> Deferred[Any]: ...
    def read(self, refs: Sequence[BlobRef]) -> Deferred[Sequence[bytes]]: ...


class Writing(Protocol):
    """What this asks of a runner."""

    def write(self, work: Callable[..., Any], *args: object) -> Awaitable[Any]: ...


class Outside:
    """`ports.Blobs`, and the way of bodies into the bucket. `objects` None: there is none.

    `random`: so many unpredictable octets. `pending`: octets of bodies that may be under way.
    """

    def __init__(
        self,
        settings: S3Settings,
        pending: int,
        objects: Objects | None,
        keyring: Keyring | None,
        readers: Reading,
        reactor: Any,
        random: Callable[[int], bytes],
    ) -> None:
        self._settings = settings
        self.prefix = settings.prefix
        self._pending_limit = pending
        self._pending = 0
        self.objects = objects
        self._keyring = keyring
        self._readers = readers
        self._reactor = reactor
        self._random = random
        self._taking = DeferredLock()
        self._numbers: list[int] = []

    # -- into the bucket

    def concerns(self, bodies: Sequence[Bytes]) -> bool:
        """Whether any of them is to be put there."""
        most = self._settings.inline
        return self.objects is not None and any(len(body.view) > most for body in bodies)

    async def put(self, bodies: Sequence[Bytes], writing: Writing) -> Sequence[Bytes]:
        """The bodies for the commit, the larger ones put into the bucket. Raises StorageFull,
        Unavailable."""
        assert self.objects is not None
        large = [body for body in bodies if len(body.view) > self._settings.inline]
        size = sum(len(body.view) for body in large)
        # One large message is taken while next to nothing else waits, whatever its size.
        if self._pending + size > self._pending_limit and self._pending * 8 > self._pending_limit:
            raise Unavailable
        self._pending += size
        try:
            work = Deferred.fromCoroutine(self._put(self.objects, large, writing))
            work.addTimeout(self._settings.patience + size / SLOWEST, self._reactor)
            put = iter(await work)
        except (CancelledError, TimeoutError):
            raise Unavailable from None
        finally:
            self._pending -= size
        return [next(put) if len(body.view) > self._settings.inline else body for body in bodies]

    async def _put(
        self, objects: Objects, bodies: Sequence[Bytes], writing: Writing
    ) -> Sequence[Uploaded]:
        await self.claim(writing)
        segments = [await self._number(writing) for _ in bodies]
        found: Sequence[Uploaded] = await all_of(
            [
                self._put_one(objects, body, segment)
                for body, segment in zip(bodies, segments, strict=True)
            ]
        )
        return found

    async def _put_one(self, objects: Objects, body: Bytes, segment: int) -> Uploaded:
        # Made on a thread where it is not there yet: the writer's would wait for it.
        digest = await objects.thread(lambda: body.digest)
        if self._keyring is None:
            await objects.put(segment, Plain(body.view, digest))
            return Uploaded(body, segment, None)
        key = SealedKey(sealing.fresh_key(), len(body.view))
        await objects.put(segment, Sealed(body.view, key.key, segment))
        return Uploaded(body, segment, key)

    async def claim(self, writing: Writing) -> None:
        """Makes sure that the bucket is this database's. Raises Unavailable."""
        assert self.objects is not None
        if not self.objects.claimed:
            name = int.from_bytes(self._random(7))
            known = await writing.write(identity, name)
            await self.objects.claim(f"{known:014x}")

    async def _number(self, writing: Writing) -> int:
        if not self._numbers:
            await self._taking.acquire()
            try:
                if not self._numbers:
                    first = await writing.write(_block)
                    self._numbers = list(range(first, first + names.BLOCK))
            finally:
                self._taking.release()
        random = int.from_bytes(self._random(4))
        return names.number(self._numbers.pop(), random, sealed=self._keyring is not None)

    def heard(self, changes: Sequence[Change]) -> None:
        """A commit of the store. Where some were missed, the database may have gone back: it gives
        the numbers anew that it gave this process, and other bodies have those that were read."""
        if any(isinstance(one, Missed) for one in changes):
            self._numbers.clear()
            if self._keyring is not None:
                self._keyring.forget()

    # -- out of it

    def read(self, refs: Sequence[BlobRef]) -> Awaitable[Sequence[bytes]]:
        """See `ports.Blobs.read`."""
        if any(is_object(ref.segment) for ref in refs):
            return Deferred.fromCoroutine(self._read(refs))
        return self._readers.read(refs)

    async def _read(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        here = [ref for ref in refs if not is_object(ref.segment)]
        there = [ref for ref in refs if is_object(ref.segment)]
        works: list[Any] = [self._read_objects(there)]
        if here:
            works.append(_awaiting(self._readers.read(here)))
        found = await all_of(works)
        objects, rows = iter(found[0]), iter(found[1] if here else ())
        return [next(objects) if is_object(ref.segment) else next(rows) for ref in refs]

    async def _read_objects(self, refs: Sequence[BlobRef]) -> Sequence[bytes]:
        if self.objects is None:
            raise Unavailable("The message is in S3, and there is no [s3] in the settings")
        closed = [ref.segment for ref in refs if is_sealed(ref.segment)]
        keys = await self._keys(closed) if closed else {}
        spans = [span(ref, keys) for ref in refs]
        octets = await self.objects.read(spans)
        if not keys:
            return octets
        opening = partial(opened, refs, keys, octets)
        if sum(map(len, octets)) <= AT_ONCE:
            return opening()
        whole: Sequence[bytes] = await self.objects.thread(opening)
        return whole

    async def _keys(self, segments: Sequence[int]) -> dict[int, SealedKey]:
        if self._keyring is None:
            raise Unavailable("The message is encrypted, and there is no [encryption] file")
        found = self._keyring.known(segments)
        missing = set(segments) - found.keys()
        if missing:
            fresh = await self._readers.query(self._keyring.find, list(missing))
            self._keyring.remember(fresh)
            found |= fresh
        return found

    # -- what is in it for nothing

    async def sweep(self, writing: Writing) -> None:
        """Lets go of what was freed. Raises Unavailable."""
        more = True
        while more:
            swept: freeing.Swept = await writing.write(freeing.step)
            more = swept.more
            if swept.objects:
                if self.objects is None:
                    await writing.write(freeing.postpone, swept.objects)
                    continue
                await self.claim(writing)
                kept = await self.objects.delete(swept.objects)
                await writing.write(freeing.forget, [*set(swept.objects) - kept])
                if kept:
                    await writing.write(freeing.postpone, [*kept])

    async def review(self, writing: Writing) -> int:
        """Where it is time, looks through the bucket for objects that no row refers to, and
        deletes them; how many. Raises Unavailable."""
        if self.objects is None or not await writing.write(_due, self._settings.review):
            return 0
        try:
            await self.claim(writing)
            return await self._delete_orphans(self.objects)
        except Exception:
            await writing.write(_soon, self._settings.review)
            raise

    async def _delete_orphans(self, objects: Objects) -> int:
        count, after, more = 0, "", True
        while more:
            page = await objects.listed(after)
            before = page.now - self._settings.orphans
            old = [segment for segment, written in page.found if written < before]
            if old:
                orphans = await self._readers.query(freeing.unknown, old)
                if orphans:
                    count += len(orphans) - len(await objects.delete(orphans))
            after, more = page.last, bool(page.last)
        await objects.abort_before(objects.server_time - self._settings.orphans)
        return count


async def _awaiting(awaited: Awaitable[Any]) -> Any:
    return await awaited


def identity(tx: Transaction, fresh: int) -> int:
    """The database's own number; `fresh`, where it has none."""
    return number(
        tx.cursor,
        "INSERT INTO counter (name, value) VALUES ('database', :fresh) ON CONFLICT (name)"
        " DO UPDATE SET value = counter.value RETURNING value",
        {"fresh": fresh},
    )


def _block(tx: Transaction) -> int:
    return next_number(tx.cursor, "object", names.BLOCK)


_REVIEWED = "bucket looked through"


def _due(tx: Transaction, interval: int) -> bool:
    """Whether nobody looked through the bucket for so long; from now on somebody did."""
    moment = {"name": _REVIEWED, "now": tx.now}
    before = {"before": tx.now - interval}
    done = tx.execute(
        "UPDATE counter SET value = :now WHERE name = :name AND value <= :before", moment | before
    )
    if done.rowcount:
        return True
    tx.execute(
        "INSERT INTO counter (name, value) VALUES (:name, :now) ON CONFLICT (name) DO NOTHING",
        moment,
    )
    return False


def _soon(tx: Transaction, interval: int) -> None:
    tx.execute(
        "UPDATE counter SET value = :before WHERE name = :name",
        {"name": _REVIEWED, "before": tx.now - max(0, interval - AGAIN)},
    )
