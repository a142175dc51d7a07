"""Any order of calls, against a model that is too simple to be wrong, on each backend.

Whatever is asked: no entry is in two leases, none is lost, none is given before it is due or while
its lane backs off, no limit is passed, and the schedule says when to ask again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mailhub.coord.limits import ScheduleLimits
from mailhub.coord.memory_schedule import MemorySchedule
from mailhub.model.queue import Lease, Slot
from tests import turning
from tests.contract.redis import Shared
from tests.contract.test_schedule import QUIET, Bench, opened
from tests.fakes import FakeClock
from tests.support import run

pytestmark = pytest.mark.thorough

LANES = ("a.example", "b.example")
Wait = Callable[[Callable[[], bool]], None]
LIMITS = ScheduleLimits(lane=2, total=3)
numbers = st.integers(1, 16)
lanes = st.sampled_from(LANES)
waits = st.integers(-4, 9)


@dataclass
class Out:
    """A lease as the model has it. `was`: how claimed entries waited; None for one of `take`."""

    token: int
    lane: str
    entries: tuple[int, ...]
    ends: float
    was: dict[int, Slot | None] | None
    said: dict[int, Slot | None] = field(default_factory=dict)


class Rules(RuleBasedStateMachine):
    """Calls of the schedule that `make` makes, and the model beside them."""

    def __init__(
        self, make: Callable[[], Bench], wait: Callable[[Callable[[], bool]], None]
    ) -> None:
        super().__init__()
        self.wait = wait
        self.bench = opened(make())
        self.woken = 0
        self.bench.schedule.watch(self.wake)
        self.waiting: dict[int, Slot] = {}
        self.out: dict[int, Out] = {}
        self.ended: list[int] = []
        self.opens: dict[str, int] = {}
        self.newest = 0

    def wake(self) -> None:
        self.woken += 1

    # -- the model

    @property
    def now(self) -> int:
        return self.bench.now

    def leased(self) -> dict[int, Out]:
        return {number: out for out in self.out.values() for number in out.entries}

    def ready(self, number: int) -> bool:
        slot = self.waiting[number]
        return slot.due <= self.now and self.opens.get(slot.lane, 0) <= self.now

    @contextmanager
    def told(self) -> Iterator[None]:
        """What can be taken earlier than was said is told of, in time."""
        before, woken = self.bench.due(), self.woken
        yield
        after = self.bench.due()
        if after is not None and (before is None or max(after, self.now) < before):
            self.wait(lambda: self.woken > woken)

    def count(self, lane: str) -> int:
        return sum(out.was is None and out.lane == lane for out in self.out.values())

    def room(self, lane: str) -> int:
        total = sum(out.was is None for out in self.out.values())
        return min(LIMITS.lane - self.count(lane), LIMITS.total - total)

    def settle(self, out: Out, stay: dict[int, Slot], *, expired: bool) -> None:
        del self.out[out.token]
        self.ended.append(out.token)
        for number in out.entries:
            slot = stay.get(number)
            if number in out.said:
                mark = out.said[number]
                if mark is None:
                    slot = None
                elif expired or slot is None or slot.due < mark.due:
                    slot = mark
            if slot is not None:
                self.waiting[number] = slot

    def run_out(self) -> bool:
        """Ends leases whose time is over, as far as the model goes; whether there were any."""
        over = [out for out in self.out.values() if out.ends <= self.bench.clock.seconds()]
        for out in sorted(over, key=lambda out: (out.ends, out.token)):
            if out.was is None:
                stay = {number: Slot(number, self.now, out.lane) for number in out.entries}
            else:
                stay = {number: slot for number, slot in out.was.items() if slot is not None}
            self.settle(out, stay, expired=True)
        return bool(over)

    def note(self, lease: Lease, seconds: int, was: dict[int, Slot | None] | None) -> None:
        assert lease.token > self.newest
        self.newest = lease.token
        assert lease.expires == self.bench.clock.seconds() + seconds
        assert len(set(lease.entries)) == len(lease.entries)
        if lease.entries:
            ends = lease.expires
            self.out[lease.token] = Out(lease.token, lease.lane, lease.entries, ends, was)

    # -- what may be asked

    @rule(slots=st.lists(st.tuples(numbers, waits, lanes), min_size=1, max_size=8))
    def put(self, slots: list[tuple[int, int, str]]) -> None:
        made = [Slot(number, self.now + wait, lane) for number, wait, lane in slots]
        with self.told():
            self.bench.put(*made)
        leased = self.leased()
        for slot in made:
            if slot.number in leased:
                leased[slot.number].said[slot.number] = slot
            else:
                self.waiting[slot.number] = slot

    @rule(gone=st.lists(numbers, max_size=4))
    def drop(self, gone: list[int]) -> None:
        self.bench.ask(self.bench.schedule.drop(gone))
        leased = self.leased()
        for number in gone:
            if number in leased:
                leased[number].said[number] = None
            else:
                self.waiting.pop(number, None)

    @rule(leases=st.integers(1, 5), most=st.integers(1, 2), seconds=st.integers(3, 20))
    def take(self, leases: int, most: int, seconds: int) -> None:
        given = self.bench.take(leases, most, seconds)
        assert len(given) <= leases
        for lease in given:
            assert 1 <= len(lease.entries) <= most
            assert self.room(lease.lane) > 0
            assert all(map(self.ready, lease.entries))
            gone = [self.waiting.pop(number) for number in lease.entries]
            assert {slot.lane for slot in gone} == {lease.lane}
            left = [slot for slot in self.waiting.values() if slot.lane == lease.lane]
            turns = [(slot.due, slot.number) for slot in (*gone, *left)]
            assert sorted(turns)[: len(gone)] == turns[: len(gone)]
            self.note(lease, seconds, None)
        if len(given) < leases:
            # Nothing was kept back: whatever is due stands in a lane that may give no more.
            due = [self.waiting[number] for number in self.waiting if self.ready(number)]
            assert not [slot for slot in due if self.room(slot.lane) > 0]

    @rule(wanted=st.lists(numbers, max_size=4), seconds=st.integers(3, 20))
    def claim(self, wanted: list[int], seconds: int) -> None:
        lease = self.bench.ask(self.bench.schedule.claim(wanted, seconds))
        leased = self.leased()
        free = [number for number in dict.fromkeys(wanted) if number not in leased]
        assert lease.entries == tuple(free)
        if free:
            self.note(lease, seconds, {number: self.waiting.pop(number, None) for number in free})

    @precondition(lambda self: self.out)
    @rule(which=st.randoms(use_true_random=False), seconds=st.integers(3, 20))
    def renew(self, which: random.Random, seconds: int) -> None:
        out = which.choice(sorted(self.out.values(), key=lambda out: out.token))
        assert self.bench.ask(self.bench.schedule.renew(out.token, seconds))
        out.ends = self.bench.clock.seconds() + seconds

    @precondition(lambda self: self.out)
    @rule(which=st.randoms(use_true_random=False), stay=st.lists(numbers), wait=waits)
    def end(self, which: random.Random, stay: list[int], wait: int) -> None:
        out = which.choice(sorted(self.out.values(), key=lambda out: out.token))
        again = [Slot(number, self.now + wait, out.lane or LANES[0]) for number in set(stay)]
        with self.told():
            self.bench.end(out.token, *again)
        self.settle(out, {slot.number: slot for slot in again}, expired=False)

    @precondition(lambda self: self.ended)
    @rule(which=st.randoms(use_true_random=False), number=numbers)
    def act_on_an_ended_lease(self, which: random.Random, number: int) -> None:
        token = which.choice(self.ended)
        assert not self.bench.ask(self.bench.schedule.renew(token, 30))
        self.bench.end(token, Slot(number, self.now, LANES[0]))

    @rule(lane=lanes, wait=waits)
    def back_off(self, lane: str, wait: int) -> None:
        self.opens[lane] = self.now + wait
        with self.told():
            self.bench.ask(self.bench.schedule.back_off(lane, self.now + wait))

    @rule(seconds=st.integers(1, 12))
    def pass_time(self, seconds: int) -> None:
        # What runs out becomes due when somebody looks: here in the second in which it does.
        for _ in range(seconds):
            self.bench.clock.advance(1)
            if self.run_out():
                self.bench.size()

    # -- what is true after each

    @invariant()
    def nothing_is_lost(self) -> None:
        leased = self.leased()
        assert self.bench.size() == len(self.waiting) + len(leased)
        assert self.bench.ask(self.bench.schedule.leased(range(20))) == set(leased)

    @invariant()
    def the_next_time_is_right(self) -> None:
        times = [int(out.ends - self.bench.clock.seconds()) + self.now for out in self.out.values()]
        for slot in self.waiting.values():
            if self.room(slot.lane) > 0:
                times.append(max(slot.due, self.opens.get(slot.lane, 0)))
        said = self.bench.due()
        if times and min(times) > self.now:
            assert said == min(times)
        elif times:
            assert said is not None
            assert said <= self.now
        else:
            assert said is None


def live_through(make: Callable[[], Bench], wait: Wait) -> None:
    """A bounded number of random lives. `wait`: until what is told has arrived."""
    run_state_machine_as_test(
        lambda: Rules(make, wait),
        settings=settings(
            max_examples=50, stateful_step_count=40, deadline=None, derandomize=True, database=None
        ),
    )


def test_any_order_of_calls_in_memory() -> None:
    def make() -> Bench:
        clock = FakeClock()
        return Bench(MemorySchedule(clock, LIMITS), clock, run)

    def at_once(told: Callable[[], bool]) -> None:
        assert told()

    live_through(make, at_once)


@pytest.mark.live
def test_any_order_of_calls_over_redis(shared_redis: Shared) -> None:
    def make() -> Bench:
        clock = FakeClock()
        return Bench(shared_redis.schedule(clock, LIMITS, QUIET), clock, shared_redis.ask)

    live_through(make, turning.until)
