"""Rows of nodes and leases, on any database that runs the store's statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mailhub.model.errors import Outdated, StaleLease
from mailhub.model.node import Fence, NodeState
from mailhub.store import leases
from mailhub.store.leases import AllLeases
from mailhub.store.postgres import roll, stepping
from mailhub.store.postgres.nodes import HELD
from mailhub.store.postgres.roll import Own
from mailhub.store.sql import Cursor
from mailhub.store.transaction import Transaction

pytestmark = pytest.mark.thorough


class Base:
    """A database and its clock."""

    def __init__(self) -> None:
        self.now = 1_000_000
        self.database = sqlite3.connect(":memory:", isolation_level=None)
        self.database.execute("CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT)")
        for table in (*roll.TABLES, stepping.TABLE):
            self.database.execute(table)

    def moment(self, _: Cursor) -> int:
        return self.now

    @property
    def tx(self) -> Transaction:
        return Transaction(self.database, self.now // 1000, 0, 0)

    def join(self, own: Own) -> list[str]:
        return [one.name for one in roll.join(self.tx, own, self.moment)]

    def beat(self, name: str, *wanted: str) -> Mapping[str, int] | None:
        return roll.beat(self.tx, name, NodeState.SERVING, wanted, self.moment)

    def names(self) -> list[str]:
        return [one.name for one in roll.everyone(self.database, "", self.moment)]

    def counters(self) -> set[str]:
        return {name for (name,) in self.database.execute("SELECT name FROM counter")}

    def count(self, name: str, value: int) -> None:
        self.database.execute("INSERT OR REPLACE INTO counter VALUES (?, ?)", (name, value))


ONE = Own("one", "place 1", "host")
TWO = Own("two", "place 2", "host")


def test_a_lease_has_one_holder_until_it_ends_and_each_turn_a_greater_number() -> None:
    base = Base()
    assert base.join(ONE) == [] == base.join(TWO)
    assert base.beat("one", "a", "b") == {"a": 1, "b": 1}
    assert base.beat("two", "a", "b", "c") == {"c": 1}
    base.now += roll.LIFE - 1
    assert base.beat("one", "a") == {"a": 1}  # renewed, and b given back
    assert base.beat("two", "a", "b", "c") == {"b": 2, "c": 1}
    base.now += roll.LIFE
    assert base.beat("two", "a", "b", "c") == {"a": 2, "b": 3, "c": 2}
    assert base.beat("one", "a") == {}


def test_nodes_tell_of_themselves_and_of_what_they_hold() -> None:
    base = Base()
    base.join(replace(ONE, addresses=("127.0.0.1:25", "[::1]:143")))
    base.now += 5
    base.join(TWO)
    base.beat("one", "b", "a")
    base.now += roll.DEAD
    base.beat("two", "c")
    one, two = roll.everyone(base.database, "two", base.moment)
    assert (one.name, one.live, one.holds, one.own) == ("one", False, (), False)
    assert one.addresses == ("127.0.0.1:25", "[::1]:143")
    assert (two.name, two.live, two.holds, two.own) == ("two", True, ("c",), True)
    assert two.state is NodeState.SERVING
    assert two.started == 1_000_005


@pytest.mark.parametrize("alone", ["first", "second", "both"])
def test_without_a_schedule_for_all_there_is_one(alone: str) -> None:
    base = Base()
    one = replace(ONE, several=alone == "second")
    two = replace(TWO, several=alone == "first")
    base.join(one)
    assert base.join(two) == ["one"]
    assert base.names() == ["one"]
    base.now += roll.DEAD
    assert base.join(two) == []


def test_a_new_process_in_the_place_of_another_takes_over_at_once() -> None:
    base = Base()
    base.join(replace(ONE, several=False))
    base.beat("one", "a")
    base.count("node one", 3)
    assert base.join(replace(ONE, name="three", several=False)) == []
    assert base.names() == ["three"]
    assert base.counters() == set()
    assert base.beat("three", "a") == {"a": 2}
    assert base.beat("one", "a") is None


def test_who_leaves_gives_its_leases_back() -> None:
    base = Base()
    base.join(ONE)
    base.join(TWO)
    base.beat("one", "a")
    roll.leave(base.tx, "one")
    assert base.names() == ["two"]
    assert base.beat("two", "a") == {"a": 2}


def test_the_dead_are_forgotten_and_their_counters_with_them() -> None:
    base = Base()
    base.join(ONE)
    base.join(TWO)
    base.count("node one", 7)
    base.count("node two", 7)
    base.count("journal", 7)
    base.beat("one", "a")
    base.now += roll.FORGET
    base.beat("two")
    assert roll.purge(base.tx, base.moment) == []
    base.now += 1
    base.beat("two")
    assert roll.purge(base.tx, base.moment) == ["one"]
    assert base.names() == ["two"]
    assert base.counters() == {"node two", "journal"}


def test_a_counter_of_nobody_goes_when_it_stands_still() -> None:
    base = Base()
    base.join(ONE)
    for name, value in (("node one", 1), ("node command", 4), ("node busy", 9), ("journal", 2)):
        base.count(name, value)
    seen = roll.strays(base.tx, {})
    assert seen == {"node command": 4, "node busy": 9}
    base.count("node busy", 10)
    assert roll.strays(base.tx, seen) == {"node busy": 10}
    assert base.counters() == {"node one", "node busy", "journal"}


def test_a_node_that_is_too_old_for_the_schema_may_not_join() -> None:
    base = Base()
    base.database.execute("INSERT INTO schema_step VALUES (4, 'added', 1, 0), (3, 'moved', 1, 1)")
    assert base.join(replace(ONE, step=3)) == []
    with pytest.raises(Outdated, match=r"step 3.*up to 2"):
        base.join(replace(TWO, step=2))


# -- many processes that stop, go on and are late


@dataclass
class Process:
    name: str
    leases: AllLeases
    stopped: bool = False
    asked: float | None = None
    answer: Any = None
    fence: Fence | None = None
    """Of work that was begun while the lease was held."""


class Interleaved(RuleBasedStateMachine):
    """Three processes, each of which beats, hangs and goes on as it comes."""

    @initialize()
    def begin(self) -> None:
        self.base = Base()
        self.written = 0
        self.processes = []
        for name in ("one", "two", "three"):
            self.base.join(Own(name, name))
            made = AllLeases(lambda: self.base.now / 1000)
            made.lease("a").watch(lambda: None, lambda: None)
            self.processes.append(Process(name, made))

    who = st.integers(0, 2)

    @rule(milliseconds=st.sampled_from((500, 3000, roll.LIFE - 1, roll.LIFE, roll.LIFE + 1500)))
    def time_passes(self, milliseconds: int) -> None:
        self.base.now += milliseconds

    @rule(who=who)
    def ask(self, who: int) -> None:
        one = self.processes[who]
        if not one.stopped and one.asked is None:
            one.asked = self.base.now / 1000

    @rule(who=who)
    def commit(self, who: int) -> None:
        """The database may do it while the process hangs."""
        one = self.processes[who]
        if one.asked is not None and one.answer is None:
            one.answer = self.base.beat(one.name, "a")

    @rule(who=who)
    def hear(self, who: int) -> None:
        one = self.processes[who]
        if not one.stopped and one.answer is not None and one.asked is not None:
            one.leases.grant(one.answer, one.asked + HELD)
            one.asked = one.answer = None

    @rule(who=who)
    def beat(self, who: int) -> None:
        """All of it at once, as it mostly is."""
        self.ask(who)
        self.commit(who)
        self.hear(who)

    @rule(who=who)
    def hang(self, who: int) -> None:
        self.processes[who].stopped = not self.processes[who].stopped

    @rule(who=who)
    def begin_to_write(self, who: int) -> None:
        one = self.processes[who]
        lease = one.leases.lease("a")
        if not one.stopped and lease.held():
            one.fence = lease.fence

    @rule(who=who)
    def write(self, who: int) -> None:
        """What was asked for, however long ago."""
        fence = self.processes[who].fence
        if fence is None:
            return
        try:
            leases.check(self.base.database, fence)
        except StaleLease:
            return
        assert fence.number >= self.written, "a turn that was over wrote"
        self.written = fence.number

    @invariant()
    def one_at_most_thinks_that_it_holds_it(self) -> None:
        if hasattr(self, "processes"):
            assert sum(one.leases.lease("a").held() for one in self.processes) <= 1


def test_no_two_hold_it_however_their_acts_interleave() -> None:
    tried = settings(max_examples=40, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(Interleaved, settings=tried)
