"""When queued mail is tried: leases are taken as they come due, and worked on side by side.

Fills the schedule from the store, tells it what changed there, and survives that it goes away:
then runs pause, and all that was missed is made up for. What one lease does is `queue.lease`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from itertools import islice

from mailhub.core.background import spawn
from mailhub.model.change import Change, Dequeued, Missed, Queued, RoutesChanged
from mailhub.model.errors import MailhubError, Unavailable
from mailhub.model.queue import Lease, Slot
from mailhub.queue.lease import Means, Work

TICK = 1.0
"""Seconds between two looks at the clock."""
LOOK = 5.0
"""Seconds between two looks at whether the schedule was lost, and at how long the queue is."""
PAGE = 5000
"""Slots that are read from the store at once."""
MISSED = 100_000
"""Changes that wait for a schedule that is away; past them it is filled anew."""
PAUSES = (1.0, 2.0, 5.0, 10.0)
"""Seconds until coordination is asked again, after the first, second … failure."""
BREATH = 0.05
CARE = 10.0
"""Seconds after which it is looked whether new mail of another process is in the schedule: that one
puts it there at once, unless it died."""
UNDER_WAY = 5
"""Seconds until entries are looked at again that are worked on under a lease that was lost."""


class Phase(Enum):
    """NEW → RUNNING → STOPPING (nothing new begins) → ENDED."""

    NEW = "new"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"


class Runner:
    """Runs the queue in this process."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._phase = Phase.NEW
        self._ends: list[Callable[[], None]] = []
        self._working: dict[int, Work] = {}
        self._ours: set[int] = set()
        self._put: dict[int, Slot] = {}
        self._far: dict[int, tuple[float, Slot]] = {}
        """New mail of other processes, and when to look after it; the soonest first."""
        self._dropped: set[int] = set()
        self._fill_wanted = True
        self._filling = False
        self._busy = False
        self._again = False
        self._crowded = False
        """Whether there may be more to do than there was room for."""
        self._failures = 0
        self._asleep_until = 0.0
        self._next: float | None = None
        self._look_at = 0.0
        self._count_at = 0.0
        self.size = 0
        """How many recipients waited when last counted."""

    @property
    def working(self) -> int:
        """Leases that are worked on."""
        return len(self._working)

    # -- beginning and end

    async def start(self) -> None:
        """Begins; the schedule is filled in the background."""
        self._phase = Phase.RUNNING
        self._ends = [
            self._means.storage.watch(self._heard),
            self._means.schedule.watch(self._woken),
        ]
        spawn(self._tick(), self._means.log, "queue clock")
        self.wake()

    async def stop(self) -> None:
        """No new transaction begins; those under way have a while for their answer, then they are
        given up before their last octet, and leases go back. A server that drained stops later:
        then nothing is left to do."""
        self._phase = Phase.STOPPING
        ends, self._ends = self._ends, []
        for end in ends:
            end()
        clock = self._means.clock
        deadline = clock.seconds() + self._means.settings.grace
        while self._working and clock.seconds() < deadline:
            await clock.sleep(BREATH)
        for work in tuple(self._working.values()):
            work.abandon()
            await work.give_back()
        self._phase = Phase.ENDED

    # -- what happens meanwhile

    def wake(self) -> None:
        """Looks for work soon. Cheap, and may be called at any time."""
        if self._phase is not Phase.RUNNING or self._means.clock.seconds() < self._asleep_until:
            return
        if self._busy:
            self._again = True
            return
        spawn(self._rounds(), self._means.log, "queue")

    def _woken(self) -> None:
        """The schedule has something, or may have been lost."""
        self._look_at = self._asleep_until = 0.0
        self.wake()

    def _heard(self, changes: Sequence[Change]) -> None:
        news = False
        for change in changes:
            if isinstance(change, Queued) and change.new and change.far:
                at = self._means.clock.seconds() + CARE
                self._far.update((slot.number, (at, slot)) for slot in change.slots)
            elif isinstance(change, Queued):
                news = True
                for slot in change.slots:
                    self._put[slot.number] = slot
                    self._far.pop(slot.number, None)
                    self._dropped.discard(slot.number)
            elif isinstance(change, Dequeued):
                self._over(change.entries)
            elif isinstance(change, RoutesChanged):
                self._means.ways.forget()
            elif isinstance(change, Missed):
                self._means.ways.forget()
                self._fill_wanted = news = True
        if len(self._put) + len(self._far) + len(self._dropped) > MISSED:
            self._put.clear()
            self._far.clear()
            self._dropped.clear()
            self._fill_wanted = True
        if news:
            self.wake()

    def _over(self, numbers: Sequence[int]) -> None:
        """Leased ones are forgotten with their lease, and those of others by those."""
        for number in numbers:
            self._put.pop(number, None)
            far = self._far.pop(number, None)
            if far is None and number not in self._ours:
                self._dropped.add(number)

    async def _tick(self) -> None:
        clock = self._means.clock
        while self._phase is not Phase.ENDED:
            await clock.sleep(TICK)
            for work in tuple(self._working.values()):
                if work.wants_renewal():
                    spawn(work.renew(), self._means.log, "lease")
            if self._is_time():
                self.wake()

    def _is_time(self) -> bool:
        clock = self._means.clock
        if clock.seconds() < self._asleep_until:
            return False
        due = self._next is not None and self._next <= clock.now()
        return due or bool(self._put or self._dropped) or clock.seconds() >= self._look_at

    # -- rounds

    async def _rounds(self) -> None:
        """Rounds as long as somebody asks for another; one at a time."""
        self._busy = True
        try:
            self._again = True
            while self._again and self._phase is Phase.RUNNING:
                self._again = False
                await self._round()
                self._failures = 0
        except MailhubError as error:
            pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
            if not self._failures:
                self._means.log.event("queue", outcome="paused", level="warn", reason=error.text)
            self._failures += 1
            self._asleep_until = self._means.clock.seconds() + pause
        finally:
            self._busy = False

    async def _round(self) -> None:
        means = self._means
        if means.clock.seconds() >= self._look_at:
            await self._look()
        await self._tell()
        self._again = bool(self._put or self._dropped)  # all other news is in what comes now
        free = means.settings.concurrency - len(self._working)
        self._crowded = free <= 0
        if free > 0:
            began = means.clock.seconds()
            leases = await means.schedule.take(free, means.settings.batch, means.settings.lease)
            self._crowded = len(leases) >= free
            for lease in leases:
                if self._ours.isdisjoint(lease.entries):
                    self._ours.update(lease.entries)
                    work = self._working[lease.token] = Work(means, lease, began, self._is_open)
                    spawn(self._work(work), means.log, "lease")
                else:
                    await self._put_off(lease)
        self._next = await means.schedule.next_due()

    async def _put_off(self, lease: Lease) -> None:
        """The schedule forgot an earlier lease of ours (it was emptied, or we were stopped for
        too long), and what that one is about may be past its dot: sent beside it, it would be
        there twice."""
        due = int(self._means.clock.now()) + UNDER_WAY
        again = [Slot(number, due, lease.lane) for number in lease.entries]
        try:
            await self._means.schedule.end(lease.token, again)
        except Unavailable:
            return  # it runs out by itself

    def _is_open(self) -> bool:
        return self._phase is Phase.RUNNING

    async def _work(self, work: Work) -> None:
        try:
            await work.run()
        finally:
            del self._working[work.lease.token]
            self._ours.difference_update(work.lease.entries)
            if self._crowded:  # else the schedule says when there is more
                self.wake()

    async def _look(self) -> None:
        """Whether the schedule lost its memory; it is filled anew, beside everything else."""
        means = self._means
        now = means.clock.seconds()
        self._look_at = now + LOOK
        if now >= self._count_at:  # not at each wake: the store goes through the whole queue
            self._count_at = now + LOOK
            self.size = await means.storage.queue.count()
        claimed = await means.schedule.claim_rebuild()
        if (claimed or self._fill_wanted) and not self._filling:
            self._fill_wanted = False
            spawn(self._fill(claimed), means.log, "queue fill")

    async def _tell(self) -> None:
        """Passes on what the store said. What could not be told is told again."""
        schedule = self._means.schedule
        if self._put:
            put, self._put = self._put, {}
            try:
                await schedule.put(list(put.values()))
            except Unavailable:
                self._put = put | self._put
                raise
        if self._dropped:
            dropped, self._dropped = self._dropped, set()
            try:
                await schedule.drop(sorted(dropped))
            except Unavailable:
                self._dropped |= dropped
                raise
        now = self._means.clock.seconds()
        old = [slot for at, slot in islice(self._far.values(), PAGE) if at <= now]
        if old:
            await schedule.add(old)
            for slot in old:
                self._far.pop(slot.number, None)

    async def _fill(self, claimed: bool) -> None:
        """Puts every slot of the store; `claimed`: into an empty schedule."""
        means = self._means
        self._filling = True
        after = count = 0
        try:
            if claimed:
                await means.schedule.pause(await means.storage.queue.newest())
            while self._phase is Phase.RUNNING:
                slots = await means.storage.queue.slots(after=after, limit=PAGE)
                if not slots:
                    break
                await means.schedule.put(slots)
                after = slots[-1].number
                count += len(slots)
            if claimed:
                await means.schedule.rebuilt()
            means.log.event("queue", outcome="filled", entries=count)
        except MailhubError as error:
            self._fill_wanted = True
            means.log.event("queue", outcome="not filled", level="warn", reason=error.text)
        finally:
            self._filling = False
            self.wake()
