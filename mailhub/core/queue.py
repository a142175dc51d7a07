"""The queue as an administrator sees it: looking, holding back, trying again, giving up.

Whoever acts on an entry has it to himself: the entry is claimed from the schedule first, so no
runner sends what is bounced here. When mail is tried, and by whom, is decided in `queue`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailhub.model.change import Actor
from mailhub.model.errors import InUse, Invalid, NotFound, OverQuota, Unavailable
from mailhub.model.message import BlobRef
from mailhub.model.queue import (
    Action,
    Attempt,
    AttemptResult,
    Destination,
    Lease,
    Outcome,
    QueueEntry,
    QueueFilter,
    Slot,
)
from mailhub.ports import Clock, Notice, Schedule, Storage

BATCH = 500
"""Entries that are claimed at once."""
CLAIM = 60.0
"""Seconds that an act on a batch may take."""
PIECE = 256 * 1024
"""Octets of a message that are read at once."""
EVERYTHING = QueueFilter()

_Work = Callable[[Lease, Sequence[QueueEntry]], Awaitable[Sequence[Slot]]]


class Notices(Protocol):
    """Makes delivery status notifications."""

    def of(
        self, outcomes: Sequence[Outcome], *, patient: bool = False
    ) -> Awaitable[Sequence[Notice]]:
        """One for each message and action among `outcomes`. `patient`: to be queued, also for
        local senders, as their mailboxes cannot take them now. The caller closes the bodies."""
        ...


@dataclass(frozen=True, slots=True)
class Acted:
    """How many entries an act changed, and how many it left, as they are being tried."""

    done: int
    busy: int = 0


class Queue:
    """Queued mail. Each act takes a filter, and raises NotFound where no entry matches, InUse
    where all that match are being tried at the moment, Unavailable."""

    def __init__(
        self, storage: Storage, schedule: Schedule, notices: Notices, clock: Clock
    ) -> None:
        self._storage = storage
        self._schedule = schedule
        self._notices = notices
        self._clock = clock

    async def page(
        self, wanted: QueueFilter | None = None, *, after: int = 0, limit: int = 100
    ) -> tuple[Sequence[QueueEntry], int]:
        """Entries with number > after, in number order, and how many match in all."""
        return await self._storage.queue.page(after=after, limit=limit, wanted=wanted)

    async def destinations(self, limit: int = 100) -> Sequence[Destination]:
        """Where most wait, most first."""
        return await self._storage.queue.destinations(limit)

    async def get(self, number: int) -> QueueEntry:
        """Raises NotFound."""
        found = await self._storage.queue.entries([number])
        if not found:
            raise NotFound("No such queue entry")
        return found[0]

    async def in_progress(self, numbers: Sequence[int]) -> frozenset[int]:
        """Those of them that are being tried, or acted on, at the moment. While coordination is
        away nothing begins, and none is known to be."""
        try:
            return await self._schedule.leased(numbers)
        except Unavailable:
            return frozenset()

    async def attempts(self, number: int) -> Sequence[Attempt]:
        """What came of the tries so far of an entry that waits, oldest first."""
        return await self._storage.queue.attempts(number)

    async def content(self, number: int, *, header: bool = False) -> AsyncIterator[bytes]:
        """The message that an entry waits for, as it was taken, in pieces; or its header alone,
        with the empty line. Raises NotFound, Corrupt, Unavailable."""
        entry = await self.get(number)
        messages = await self._storage.queue.messages([entry.message])
        if not messages:
            raise NotFound("No such queue entry")
        blob = messages[0].blob
        tail = b"\r\n"  # a message may begin with its empty line
        for start in range(0, blob.length, PIECE):
            length = min(PIECE, blob.length - start)
            ref = BlobRef(blob.segment, blob.offset + start, length)
            [data] = await self._storage.blobs.read([ref])
            if header and (end := (tail + data).find(b"\r\n\r\n")) >= 0:
                yield data[: end + 4 - len(tail)]
                return
            yield data
            tail = data[-3:]

    async def count(self) -> int:
        """How many recipients wait."""
        return await self._storage.queue.count()

    async def hold(self, wanted: QueueFilter, actor: Actor) -> Acted:
        """They are not tried until they are released."""

        async def work(lease: Lease, entries: Sequence[QueueEntry]) -> Sequence[Slot]:
            await self._storage.queue.hold(lease.entries, True, actor)
            return ()

        return await self._each(wanted, work)

    async def release(self, wanted: QueueFilter, actor: Actor) -> Acted:
        """They are tried again, when they are due."""

        async def work(lease: Lease, entries: Sequence[QueueEntry]) -> Sequence[Slot]:
            await self._storage.queue.hold(lease.entries, False, actor)
            return [Slot(entry.number, entry.due, entry.lane) for entry in entries]

        return await self._each(wanted, work)

    async def retry(self, wanted: QueueFilter, actor: Actor) -> Acted:
        """They are tried now, and their destinations are not waited for any more. Held ones stay
        held."""

        async def work(lease: Lease, entries: Sequence[QueueEntry]) -> Sequence[Slot]:
            now = int(self._clock.now())
            await self._storage.queue.retry(lease.entries, now, actor)
            for lane in {entry.lane for entry in entries}:
                await self._schedule.back_off(lane, now)
            return [Slot(entry.number, now, entry.lane) for entry in entries if not entry.held]

        return await self._each(wanted, work)

    async def reroute(self, wanted: QueueFilter, route: int, actor: Actor) -> Acted:
        """They go over the route of this number; 0: over what the routes say. Raises NotFound."""
        if route and all(one.number != route for one in await self._storage.routes.all()):
            raise NotFound("No such route")

        async def work(lease: Lease, entries: Sequence[QueueEntry]) -> Sequence[Slot]:
            await self._storage.queue.reroute(lease.entries, route, actor)
            return [
                Slot(entry.number, entry.due, entry.lane) for entry in entries if not entry.held
            ]

        return await self._each(wanted, work)

    async def bounce(
        self, wanted: QueueFilter, actor: Actor, reason: str = "Bounced by the administrator"
    ) -> Acted:
        """They are given up at once, and their senders are told so. Raises Invalid where the
        filter is empty."""
        _narrow(wanted)

        async def work(lease: Lease, entries: Sequence[QueueEntry]) -> Sequence[Slot]:
            now = int(self._clock.now())
            outcomes = []
            for entry in entries:
                attempt = Attempt(entry.number, now, AttemptResult.FAILED, "5.0.0", reason)
                action = Action.FAILED if entry.wants(Action.FAILED) else None
                outcomes.append(Outcome(entry, attempt, action))
            await record(self._storage, self._notices, lease.token, outcomes, actor)
            return ()

        return await self._each(wanted, work)

    async def discard(self, wanted: QueueFilter, actor: Actor) -> Acted:
        """They are dropped, and nobody is told. Raises Invalid where the filter is empty."""
        _narrow(wanted)
        return await self._drop(wanted, actor)

    async def purge(self, actor: Actor) -> Acted:
        """Everything that waits is dropped, and nobody is told."""
        return await self._drop(EVERYTHING, actor)

    async def _drop(self, wanted: QueueFilter, actor: Actor) -> Acted:
        async def work(lease: Lease, entries: Sequence[QueueEntry]) -> Sequence[Slot]:
            now = int(self._clock.now())
            reply = "Discarded by the administrator"
            attempts = [
                Attempt(entry.number, now, AttemptResult.DISCARDED, "5.0.0", reply)
                for entry in entries
            ]
            await self._storage.queue.record(lease.token, attempts, (), actor)
            return ()

        return await self._each(wanted, work)

    async def _each(self, wanted: QueueFilter, work: _Work) -> Acted:
        """Does `work` on batch after batch of what matches."""
        after = done = busy = 0
        while True:
            found, _ = await self._storage.queue.page(after=after, limit=BATCH, wanted=wanted)
            if not found:
                break
            after = found[-1].number
            got = await self._batch(found, work)
            done += got
            busy += len(found) - got
        if not after:
            raise NotFound("No queue entry matches")
        if not done:
            raise InUse("It is being tried at the moment; ask again in a minute")
        return Acted(done, busy)

    async def _batch(self, found: Sequence[QueueEntry], work: _Work) -> int:
        lease = await self._schedule.claim([entry.number for entry in found], CLAIM)
        again: Sequence[Slot] = [
            Slot(entry.number, entry.due, entry.lane)
            for entry in found
            if entry.number in lease.entries and not entry.held
        ]
        try:
            if lease.entries:
                # Looked at once more: what was tried since the page was read looks different.
                entries = await self._storage.queue.entries(lease.entries)
                again = await work(lease, entries) if entries else ()
        finally:
            await self._schedule.end(lease.token, again)
        return len(lease.entries)


def _narrow(wanted: QueueFilter) -> None:
    if wanted == EVERYTHING:
        raise Invalid("Say which entries are meant")


async def record(
    storage: Storage,
    notices: Notices,
    token: int,
    outcomes: Sequence[Outcome],
    actor: Actor,
) -> Sequence[int]:
    """Commits what became of entries together with the notifications of it.

    Where a sender's mailbox cannot take its notification now, that is queued. Returns as
    `ports.Queue.record`, and raises as it does, but for OverQuota and NotFound.
    """
    attempts = [outcome.attempt for outcome in outcomes]
    telling = [outcome for outcome in outcomes if outcome.action is not None]
    if not telling:
        return await storage.queue.record(token, attempts, (), actor)
    try:
        return await _record(storage, attempts, await notices.of(telling), token, actor)
    except (OverQuota, NotFound):
        made = await notices.of(telling, patient=True)
        return await _record(storage, attempts, made, token, actor)


async def _record(
    storage: Storage,
    attempts: Sequence[Attempt],
    notices: Sequence[Notice],
    token: int,
    actor: Actor,
) -> Sequence[int]:
    try:
        return await storage.queue.record(token, attempts, notices, actor)
    finally:
        for notice in notices:
            notice.body.close()
