"""Leases as a process has them, and work that is done under one."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mailhub.model.node import Fence, NodeState
from mailhub.ports.leases import LeaseLost, Turn, carried, current, ending, fence, under, within
from mailhub.store.leases import AllLeases, Alone, OneLease
from tests.support import run


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


class Told:
    """Something that is done under a lease."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.waits: Deferred[None] | None = None

    def begin(self) -> None:
        self.told.append("begin")

    async def end(self) -> None:
        self.told.append("end")
        if self.waits is not None:
            await self.waits


def begun(work: Coroutine[Any, Any, Any]) -> tuple[Deferred[Any], list[Any]]:
    """Runs it until it waits; what comes of it."""
    outcome: list[Any] = []
    done = Deferred.fromCoroutine(work)
    done.addCallbacks(outcome.append, lambda failure: outcome.append(failure.value))
    return done, outcome


def test_a_lease_is_begun_and_ended_with_each_turn() -> None:
    hand, told = Hand(), Told()
    lease = OneLease("sweeps", hand)
    forget = lease.watch(told.begin, told.end)
    assert (lease.wanted, lease.held(), lease.fence) == (True, False, None)
    lease.grant(3, 110)
    assert lease.held()
    assert lease.fence == Fence("sweeps", 3)
    lease.grant(3, 115)  # renewed
    assert told.told == ["begin"]
    lease.grant(4, 120)  # it ran out meanwhile, and somebody else may have had it
    assert told.told == ["begin", "end", "begin"]
    hand.at = 120.0
    assert not lease.held()
    lease.lose()
    lease.lose()
    assert told.told == ["begin", "end", "begin", "end"]
    forget()
    assert not lease.wanted


def test_who_wants_a_lease_late_begins_at_once() -> None:
    lease, told = OneLease("sweeps", Hand()), Told()
    lease.grant(1, 110)
    lease.watch(told.begin, told.end)
    assert told.told == ["begin"]


def test_a_grant_that_is_over_when_it_comes_begins_nothing() -> None:
    lease, told = OneLease("sweeps", Hand()), Told()
    lease.watch(told.begin, told.end)
    lease.grant(1, 100)
    assert told.told == []


def test_leaving_waits_for_the_end_and_holds_the_lease_meanwhile() -> None:
    hand, told = Hand(), Told()
    leases = AllLeases(hand)
    leases.lease("a").watch(told.begin, told.end)
    told.waits = Deferred()
    assert leases.wanted == ["a"]
    leases.grant({"a": 1}, 110)
    _done, outcome = begun(leases.leave())
    assert not outcome
    assert leases.lease("a").held()
    leases.grant({"a": 1}, 120)  # a sign of life meanwhile renews it, and begins nothing
    assert told.told == ["begin", "end"]
    assert leases.lease("a").until == 120
    told.waits.callback(None)
    assert outcome == [None]
    assert not leases.lease("a").held()
    leases.grant({"a": 2}, 130)
    assert told.told == ["begin", "end"]


def test_what_is_not_granted_any_more_is_lost() -> None:
    hand, one, two = Hand(), Told(), Told()
    leases = AllLeases(hand)
    leases.lease("a").watch(one.begin, one.end)
    leases.lease("b").watch(two.begin, two.end)
    leases.grant({"a": 1, "b": 1}, 110)
    leases.grant({"b": 1}, 112)
    assert (one.told, two.told) == (["begin", "end"], ["begin"])
    hand.at = 112.0
    leases.check()
    assert two.told == ["begin", "end"]


def test_a_store_of_one_process_has_every_lease_until_it_gives_them_back() -> None:
    told = Told()
    nodes = Alone(lambda: 1000.0)
    lease = nodes.leases.lease("sweeps")
    lease.watch(told.begin, told.end)
    assert lease.held()
    assert lease.fence is None
    assert told.told == ["begin"]
    run(nodes.start(["127.0.0.1:25"], lambda _: None))
    run(nodes.serving())
    (node,) = run(nodes.all())
    assert node.own
    assert node.live
    assert node.holds == ("sweeps",)
    assert node.addresses == ("127.0.0.1:25",)
    assert node.state is NodeState.SERVING
    run(nodes.drain())
    assert not lease.held()
    assert told.told == ["begin", "end"]
    other = nodes.leases.lease("another")
    other.watch(told.begin, told.end)
    assert not other.held()
    assert told.told == ["begin", "end"]
    run(nodes.drained())
    (node,) = run(nodes.all())
    assert node.state is NodeState.DRAINED
    assert node.holds == ()


# -- work


def test_work_notices_that_its_turn_is_over_before_it_does_anything_else() -> None:
    hand = Hand()
    lease = OneLease("sweeps", hand)
    lease.grant(1, 110)
    stopped: Deferred[str] = Deferred()
    done: list[str] = []

    async def inner() -> None:
        try:
            done.append(await stopped)
        except Exception:
            done.append("took it for a failure")

    async def work() -> None:
        try:
            await inner()
            done.append("acted")
        finally:
            done.append("cleaned")

    _, outcome = begun(under(lease, work()))
    hand.at = 200.0  # the process did not run meanwhile
    stopped.callback("answer")
    assert done == ["cleaned"]
    assert isinstance(outcome[0], LeaseLost)


def test_work_may_wait_while_it_cleans_up() -> None:
    hand = Hand()
    lease = OneLease("sweeps", hand)
    lease.grant(1, 110)
    first: Deferred[None] = Deferred()
    second: Deferred[None] = Deferred()
    done: list[str] = []

    async def work() -> None:
        try:
            await first
        finally:
            await second
            done.append("cleaned")

    _, outcome = begun(under(lease, work()))
    hand.at = 200.0
    first.callback(None)
    assert not outcome
    second.callback(None)
    assert done == ["cleaned"]
    assert isinstance(outcome[0], LeaseLost)


def test_work_has_its_results_and_its_errors() -> None:
    lease = OneLease("sweeps", Hand())
    lease.grant(1, 110)
    waits: Deferred[int] = Deferred()

    async def work() -> int:
        try:
            await waits
        except ValueError:
            return 7
        return 0

    _, outcome = begun(under(lease, work()))
    waits.errback(ValueError())
    assert outcome == [7]


def test_work_without_its_lease_is_not_begun() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("acted")

    with pytest.raises(LeaseLost):
        run(under(OneLease("sweeps", Hand()), work()))
    assert done == []


def test_what_is_asked_for_under_a_lease_carries_its_fence_and_nothing_else_does() -> None:
    lease = OneLease("sweeps", Hand())
    lease.grant(5, 110)
    waits: Deferred[None] = Deferred()
    seen: list[Fence | None] = []

    async def beside() -> None:
        await waits
        seen.append(fence())

    async def work() -> None:
        seen.append(fence())
        begun(carried(beside()))
        await waits
        seen.append(fence())

    begun(under(lease, work()))
    assert current() is None
    assert fence() is None
    waits.callback(None)
    assert seen == [Fence("sweeps", 5)] * 3
    assert fence() is None


def test_a_turn_is_over_though_the_lease_is_held_again() -> None:
    hand = Hand()
    lease = OneLease("sweeps", hand)
    lease.grant(1, 110)
    waits: Deferred[None] = Deferred()
    done: list[str] = []

    async def work() -> None:
        await waits
        done.append("acted")

    turn = Turn(lease)
    _, outcome = begun(within(turn, work()))
    hand.at = 120.0
    lease.lose()
    lease.grant(3, 130)
    assert lease.held()
    assert not turn.held()
    waits.callback(None)
    assert done == []
    assert isinstance(outcome[0], LeaseLost)


def test_the_end_of_something_is_done_without_its_turn_and_carries_its_fence() -> None:
    hand = Hand()
    lease = OneLease("sweeps", hand)
    lease.grant(1, 110)
    turn = Turn(lease)
    hand.at = 120.0
    lease.grant(2, 130)

    async def end() -> Fence | None:
        return fence()

    assert run(ending(turn, end())) == Fence("sweeps", 1)
    assert run(ending(None, end())) is None


def test_whose_turn_it_is_can_be_watched() -> None:
    hand = Hand()
    leases = AllLeases(hand)
    for name in ("a", "b", "nobody's"):
        leases.lease(name)
    for name in ("a", "b"):
        leases.lease(name).watch(Told().begin, Told().end)
    leases.grant({"a": 1}, 110)
    assert leases.turns == {"a": True, "b": False}
    hand.at = 110
    assert leases.turns == {"a": False, "b": False}
    alone = Alone(lambda: 1.0)
    alone.leases.lease("a").watch(Told().begin, Told().end)
    assert alone.turns == {"a": True}
    run(alone.drain())
    assert alone.turns == {"a": False}
