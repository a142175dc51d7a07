"""The queue's schedule in this process's memory: the embedded default.

The same rules as `coord/redis/lua`, and `tests/contract` holds both to them. It dies with the
process, so no lease from before can be alive: leases are given from the first moment. May not
know the store, nor what an entry is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import ceil

from mailhub.coord.limits import PAGE, PATIENCE, PROMOTED, ScheduleLimits, bounded
from mailhub.coord.ranked import Ranked
from mailhub.model.queue import Lease, Slot
from mailhub.ports import Clock

MICROSECONDS = 1_000_000


class _Phase(Enum):
    """EMPTY until somebody claims it, FILLING until it is rebuilt (or the claim runs out)."""

    EMPTY = "empty"
    FILLING = "filling"
    READY = "ready"


@dataclass(slots=True)
class _Lane:
    """`waiting`: due times by entry. `served`: token of the last lease that it gave."""

    name: str
    waiting: Ranked[int] = field(default_factory=Ranked)
    leases: int = 0
    served: int = 0


@dataclass(slots=True)
class _Held:
    """A lease that is out. `entries`: how each waited. `marks`: what was said of them meanwhile;
    None: to be dropped. `claimed`: by hand, with entries of any lane and unknown ones (None)."""

    token: int
    lane: str
    claimed: bool
    entries: Mapping[int, Slot | None]
    marks: dict[int, Slot | None] = field(default_factory=dict)


class MemorySchedule:
    """`ports.Schedule`. Lanes that could give a lease now stand in `_ready`, by their earliest due
    time or their last lease, whichever is later: so a long lane goes behind the others each time
    it was served. Those that can give one later stand in `_later`, lanes at their limit nowhere.
    """

    def __init__(self, clock: Clock, limits: ScheduleLimits | None = None) -> None:
        self._clock = clock
        self._limits = limits or ScheduleLimits()
        self._entries: dict[int, str | _Held] = {}  # waiting in a lane, or leased
        self._lanes: dict[str, _Lane] = {}
        self._ready: Ranked[str] = Ranked()  # microseconds, as tokens
        self._later: Ranked[str] = Ranked()  # epoch seconds
        self._back_offs: Ranked[str] = Ranked()  # epoch seconds
        self._held: dict[int, _Held] = {}
        self._ends: Ranked[int] = Ranked()  # monotonic seconds
        self._out = 0
        self._token = 0
        self._phase = _Phase.EMPTY
        self._claim_ends = 0.0
        self._watchers: list[Callable[[], None]] = []

    # -- entries

    async def put(self, slots: Sequence[Slot]) -> None:
        """See `ports.Schedule`. Others run between pages."""
        for start in range(0, len(slots), PAGE):
            if start:
                await self._clock.pause()
            self._put_page(slots[start : start + PAGE])

    async def add(self, slots: Sequence[Slot]) -> None:
        """See `ports.Schedule`."""
        for start in range(0, len(slots), PAGE):
            if start:
                await self._clock.pause()
            page = slots[start : start + PAGE]
            self._put_page([slot for slot in page if slot.number not in self._entries])

    def _put_page(self, slots: Sequence[Slot]) -> None:
        self._reap()
        before = self._next()
        self._claim_ends = self._clock.seconds() + PATIENCE
        touched: set[str] = set()
        for slot in slots:
            at = self._entries.get(slot.number)
            if isinstance(at, _Held):
                at.marks[slot.number] = slot
                continue
            if at is not None and at != slot.lane:
                self._lanes[at].waiting.remove(slot.number)
                touched.add(at)
            self._wait(slot)
            touched.add(slot.lane)
        self._place(touched)
        self._wake(before)

    async def drop(self, numbers: Sequence[int]) -> None:
        """See `ports.Schedule`."""
        self._reap()
        touched: set[str] = set()
        for number in numbers:
            at = self._entries.get(number)
            if isinstance(at, _Held):
                at.marks[number] = None
            elif at is not None:
                del self._entries[number]
                self._lanes[at].waiting.remove(number)
                touched.add(at)
        self._place(touched)

    async def size(self) -> int:
        """Entries waiting and leased."""
        self._reap()
        return len(self._entries)

    async def leased(self, numbers: Sequence[int]) -> frozenset[int]:
        """See `ports.Schedule`."""
        self._reap()
        entries = self._entries
        return frozenset(one for one in numbers if isinstance(entries.get(one), _Held))

    def _wait(self, slot: Slot) -> None:
        """The caller places the lane afterwards."""
        lane = self._lanes.get(slot.lane)
        if lane is None:
            lane = self._lanes[slot.lane] = _Lane(slot.lane)
        lane.waiting.put(slot.number, bounded(slot.due))
        self._entries[slot.number] = lane.name  # one text for all of them, not one each

    # -- leases

    async def take(self, leases: int, entries: int, seconds: float) -> Sequence[Lease]:
        """See `ports.Schedule`. Lanes take turns, the earliest due one first."""
        self._reap()
        count = min(leases, self._limits.total - self._out)
        given: list[Lease] = []
        if entries < 1 or count < 1:
            return given
        now = int(self._clock.now())
        self._promote(now, count + PROMOTED)
        while len(given) < count and (best := self._ready.first()) is not None:
            lane = self._lanes[best[1]]
            numbers = self._pop(lane, now, min(entries, PAGE))
            if numbers:
                given.append(self._lend(lane, numbers, seconds))
            self._place((lane.name,))
        return given

    async def claim(self, numbers: Sequence[int], seconds: float) -> Lease:
        """See `ports.Schedule`."""
        self._reap()
        entries: dict[int, Slot | None] = {}
        for number in numbers:
            at = self._entries.get(number)
            if isinstance(at, _Held) or number in entries:
                continue
            if at is None:
                entries[number] = None
            else:
                due = self._lanes[at].waiting.remove(number)
                assert due is not None
                entries[number] = Slot(number, int(due), at)
        self._place({slot.lane for slot in entries.values() if slot is not None})
        return self._hold("", entries, seconds, claimed=True)

    async def renew(self, token: int, seconds: float) -> bool:
        """See `ports.Schedule`."""
        self._reap()
        if token not in self._held:
            return False
        self._ends.put(token, self._clock.seconds() + seconds)
        return True

    async def end(self, token: int, again: Sequence[Slot]) -> None:
        """See `ports.Schedule`."""
        self._reap()
        held = self._held.get(token)
        if held is None:
            return
        before = self._next()
        self._settle(held, {slot.number: slot for slot in again})
        self._wake(before)

    def _pop(self, lane: _Lane, now: int, most: int) -> list[int]:
        numbers: list[int] = []
        if (self._back_offs.rank(lane.name) or 0) > now:
            return numbers
        while len(numbers) < most:
            first = lane.waiting.first()
            if first is None or first[0] > now:
                break
            lane.waiting.remove(first[1])
            numbers.append(first[1])
        return numbers

    def _lend(self, lane: _Lane, numbers: Sequence[int], seconds: float) -> Lease:
        lease = self._hold(lane.name, dict.fromkeys(numbers), seconds)
        lane.leases += 1
        lane.served = lease.token
        self._out += 1
        return lease

    def _hold(
        self,
        lane: str,
        entries: Mapping[int, Slot | None],
        seconds: float,
        *,
        claimed: bool = False,
    ) -> Lease:
        token = self._token = max(int(self._clock.now() * MICROSECONDS), self._token + 1)
        expires = self._clock.seconds() + seconds
        if entries:
            held = self._held[token] = _Held(token, lane, claimed, entries)
            self._entries.update(dict.fromkeys(entries, held))
            self._ends.put(token, expires)
        return Lease(token, lane, tuple(entries), expires)

    def _reap(self) -> None:
        """Ends the leases whose time is over: their entries are due at once, claimed ones as they
        were."""
        seconds = self._clock.seconds()
        now = int(self._clock.now())
        while (first := self._ends.first()) is not None and first[0] <= seconds:
            held = self._held[first[1]]
            entries = held.entries
            if not held.claimed:
                entries = {number: Slot(number, now, held.lane) for number in entries}
            self._settle(held, entries, expired=True)

    def _settle(
        self, held: _Held, stay: Mapping[int, Slot | None], *, expired: bool = False
    ) -> None:
        """Takes a lease back. `stay`: how its entries wait on where no mark says otherwise; those
        not in it are over."""
        del self._held[held.token]
        self._ends.remove(held.token)
        touched: set[str] = set()
        if not held.claimed:
            self._out -= 1
            self._lanes[held.lane].leases -= 1
            touched.add(held.lane)
        for number in held.entries:
            slot = stay.get(number)
            if number in held.marks:
                mark = held.marks[number]
                if mark is None or expired or slot is None or slot.due < mark.due:
                    slot = mark
            if slot is None:
                del self._entries[number]
            else:
                self._wait(slot)
                touched.add(slot.lane)
        self._place(touched)

    # -- lanes

    async def back_off(self, lane: str, until: int) -> None:
        """See `ports.Schedule`."""
        self._reap()
        before = self._next()
        now = int(self._clock.now())
        while (first := self._back_offs.first()) is not None and first[0] <= now:
            self._back_offs.remove(first[1])
        if until > now:
            self._back_offs.put(lane, bounded(until))
        else:
            self._back_offs.remove(lane)
        self._place((lane,))
        self._wake(before)

    def _promote(self, now: int, most: int) -> None:
        """Puts lanes whose time has come among those that give leases."""
        for _ in range(most):
            first = self._later.first()
            if first is None or first[0] > now:
                return
            self._place((first[1],))

    def _place(self, names: Iterable[str]) -> None:
        """Each lane where it belongs, after anything of it changed."""
        now = int(self._clock.now())
        for name in names:
            lane = self._lanes.get(name)
            if lane is None:
                continue
            first = lane.waiting.first()
            if first is None and not lane.leases:
                del self._lanes[name]
            if first is None or lane.leases >= self._limits.lane:
                self._ready.remove(name)
                self._later.remove(name)
                continue
            opens = max(first[0], self._back_offs.rank(name) or 0)
            if opens <= now:
                self._later.remove(name)
                self._ready.put(name, max(first[0] * MICROSECONDS, lane.served))
            else:
                self._ready.remove(name)
                self._later.put(name, opens)

    # -- time

    async def next_due(self) -> int | None:
        """See `ports.Schedule`."""
        self._reap()
        return self._next()

    def _next(self) -> int | None:
        times: list[float] = []
        if self._out < self._limits.total:
            later = self._later.first()
            if len(self._ready):
                times.append(int(self._clock.now()))
            elif later is not None:
                times.append(later[0])
        ends = self._ends.first()
        if ends is not None:
            times.append(ceil(self._clock.now() + ends[0] - self._clock.seconds()))
        return int(min(times)) if times else None

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """See `ports.Schedule`."""
        self._watchers.append(wake)
        return lambda: self._watchers.remove(wake)

    def _wake(self, before: int | None) -> None:
        after = self._next()
        if after is not None and (before is None or after < before):
            for wake in tuple(self._watchers):
                wake()

    # -- rebuilding

    async def claim_rebuild(self) -> bool:
        """See `ports.Schedule`."""
        seconds = self._clock.seconds()
        if self._phase is _Phase.READY:
            return False
        if self._phase is _Phase.FILLING and seconds < self._claim_ends:
            return False
        self._phase = _Phase.FILLING
        self._claim_ends = seconds + PATIENCE
        return True

    async def pause(self, newest: int) -> None:
        """See `ports.Schedule`. Nobody waits: no lease outlived the memory that it was in."""

    async def rebuilt(self) -> None:
        """See `ports.Schedule`."""
        if self._phase is _Phase.FILLING:
            self._phase = _Phase.READY
