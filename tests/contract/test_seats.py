"""What every `ports.Seats` does, and what those over Redis do between processes."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import pytest

from mailhub.coord.memory import MemorySeats
from mailhub.coord.redis.seats import LIFE, REFRESH, RedisSeats
from mailhub.ports import Seats
from tests import turning
from tests.contract.redis import BACKENDS, Shared, shared
from tests.fakes import FakeClock

T = TypeVar("T")


def run(awaitable: Awaitable[T]) -> T:
    return turning.result(awaitable)


@pytest.fixture(params=["memory", *BACKENDS])
def seats(request: pytest.FixtureRequest) -> Seats:
    if request.param == "memory":
        return MemorySeats()
    return shared(request, request.param).seats(FakeClock(), 1)[0]


def test_as_many_are_taken_as_there_are(seats: Seats) -> None:
    assert [run(seats.take("a", 2)) for _ in range(3)] == [True, True, False]
    assert run(seats.count("a")) == 2
    assert run(seats.take("b", 1))
    seats.give("a")
    assert run(seats.take("a", 2))
    assert not run(seats.take("a", 2))


def test_without_a_limit_any_number_is(seats: Seats) -> None:
    assert all(run(seats.take("a", 0)) for _ in range(50))
    assert run(seats.count("a")) == 50
    assert not run(seats.take("a", 50))
    for _ in range(50):
        seats.give("a")
    assert run(seats.count("a")) == 0


def test_what_is_admitted_is_counted_at_once(seats: Seats) -> None:
    assert [seats.admit("a", 2) for _ in range(3)] == [True, True, False]
    assert seats.admit("a", 0)
    seats.give("a")
    assert not seats.admit("a", 2)
    seats.give("a")
    assert seats.admit("a", 2)


# -- several processes


class Nodes:
    """Processes on one Redis, whose time stands still until it is passed."""

    def __init__(self, backend: Shared) -> None:
        self.clock = FakeClock()
        self.backend = backend
        self.all = backend.seats(self.clock, 3)

    def pass_time(self, seconds: float, *living: RedisSeats) -> None:
        """Second by second, as those see it that live."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            for one in living:
                run(one.beat())

    def settled(self) -> None:
        """What was told without being waited for has arrived: answers come in order."""
        run(self.all[0].count("nothing"))


@pytest.fixture(params=BACKENDS)
def nodes(request: pytest.FixtureRequest) -> Nodes:
    return Nodes(shared(request, request.param))


def test_one_of_several_processes_has_the_last_one(nodes: Nodes) -> None:
    one, two, three = nodes.all
    assert run(one.take("a", 1))
    assert not run(two.take("a", 1))
    assert not run(three.take("a", 1))
    assert run(two.take("b", 1))
    one.give("a")
    nodes.settled()
    assert run(three.take("a", 1))
    assert not run(one.take("a", 1))
    nodes.pass_time(2 * LIFE, *nodes.all)
    assert not run(one.take("a", 1))


def test_those_of_all_add_up(nodes: Nodes) -> None:
    one, two, three = nodes.all
    assert [run(node.take("a", 3)) for node in (one, two, three, one)] == [True] * 3 + [False]
    assert {run(node.count("a")) for node in nodes.all} == {3}
    two.give("a")
    nodes.settled()
    assert run(one.take("a", 3))
    assert not run(two.take("a", 3))


def test_a_refusal_leaves_nothing_behind(nodes: Nodes) -> None:
    one, two, _ = nodes.all
    assert run(one.take("a", 1))
    assert not run(two.take("a", 1))
    one.give("a")
    nodes.pass_time(2, *nodes.all)
    assert run(two.count("a")) == 0
    assert run(one.take("a", 1))


def test_what_a_dead_process_had_is_free_within_seconds(nodes: Nodes) -> None:
    dead, one, two = nodes.all
    assert run(dead.take("a", 1))
    assert run(dead.take("b", 2))
    nodes.pass_time(LIFE - 2, one, two)
    assert not run(one.take("a", 1))
    nodes.pass_time(2, one, two)
    assert run(one.take("a", 1))
    assert not run(two.take("a", 1))
    assert run(two.count("b")) == 0


def test_what_a_stopped_process_had_is_free_at_once(nodes: Nodes) -> None:
    gone, one, _ = nodes.all
    assert run(gone.take("a", 1))
    run(gone.leave())
    assert run(one.take("a", 1))


def test_a_process_that_hung_says_anew_what_it_has(nodes: Nodes) -> None:
    hung, one, two = nodes.all
    assert run(hung.take("a", 1))
    assert run(hung.take("b", 1))
    nodes.pass_time(LIFE + 1, one, two)
    assert run(one.take("a", 1))
    run(hung.beat())
    assert not run(two.take("b", 1))
    one.give("a")
    nodes.settled()
    assert not run(two.take("a", 1)), "the one that hung has it yet"
    hung.give("a")
    nodes.settled()
    assert run(two.take("a", 1))


def test_what_redis_forgot_is_said_again(nodes: Nodes) -> None:
    one, two, _ = nodes.all
    for number in range(30):
        assert run(one.take(f"a{number}", 1))
    nodes.backend.ask(_emptied(nodes))
    nodes.pass_time(1, *nodes.all)
    assert not any(run(two.take(f"a{number}", 1)) for number in range(30))


async def _emptied(nodes: Nodes) -> None:
    """As after FLUSHALL, of what these processes have there."""
    for one in nodes.all[:1]:
        await one._link.ask("DEL", one._nodes)
        for number in range(30):
            await one._link.ask("DEL", one._key(f"a{number}"))


def test_what_is_open_for_long_stays_known(nodes: Nodes) -> None:
    one, two, _ = nodes.all
    assert run(one.take("a", 1))
    run(_without(one, "a"))
    for _ in range(int(REFRESH / 4) + 1):
        nodes.clock.advance(4)
        run(one.beat())
    assert not run(two.take("a", 1))


async def _without(node: RedisSeats, key: str) -> None:
    await node._link.ask("DEL", node._key(key))


def test_a_crowd_is_known_to_all_a_second_later(nodes: Nodes) -> None:
    one, two, _ = nodes.all
    nodes.pass_time(2, *nodes.all)
    assert sum(one.admit("net", 100) for _ in range(120)) == 100
    assert sum(two.admit("net", 100) for _ in range(30)) == 30
    nodes.pass_time(1, *nodes.all)
    assert not two.admit("net", 100)
    assert two.admit("net", 0)
    for _ in range(95):
        one.give("net")
    nodes.pass_time(1, *nodes.all)
    assert two.admit("net", 100)


def test_few_are_nobodys_affair(nodes: Nodes) -> None:
    one = nodes.all[0]
    nodes.pass_time(2, *nodes.all)
    for _ in range(7):  # of a hundred at three processes
        assert one.admit("net", 100)
    nodes.pass_time(1, *nodes.all)
    assert run(nodes.backend.link.keyed.ask("ZCARD", one._key("net"))) == 0
    assert one.admit("net", 100)
    nodes.pass_time(1, *nodes.all)
    assert run(nodes.backend.link.keyed.ask("ZCARD", one._key("net"))) == 1
    one.give("net")
    nodes.pass_time(1, *nodes.all)
    assert run(nodes.backend.link.keyed.ask("ZCARD", one._key("net"))) == 0
