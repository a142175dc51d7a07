"""What one process at a time does, as every store has it, and as several processes share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from mailhub.model.address import Domain
from mailhub.model.errors import InUse, StaleLease
from mailhub.model.node import NodeState
from mailhub.ports.leases import Nodes, Turn, ending
from mailhub.store.postgres import roll
from mailhub.store.postgres.roll import Own
from tests.contract.postgres import Postgres
from tests.contract.stores import ACTOR, House


def nodes(house: House) -> Nodes:
    found: Nodes = house.store.nodes  # type: ignore[attr-defined]
    return found


def test_a_process_alone_has_every_lease_until_it_drains(house: House) -> None:
    told: list[str] = []
    lease = nodes(house).leases.lease("work")
    lease.watch(lambda: told.append("begin"), lambda: told.append("end"))
    house.ask(nodes(house).start([], told.append))
    assert lease.held()
    (node,) = house.ask(nodes(house).all())
    assert node.own
    assert "work" in node.holds
    house.ask(nodes(house).drain())
    assert not lease.held()
    assert told == ["begin", "end"]
    house.ask(nodes(house).stop())


# -- several


@pytest.fixture
def two(shared_postgres: Postgres, tmp_path: Path) -> Iterator[tuple[House, House]]:
    first = shared_postgres.house(tmp_path, own=Own("first", "here"))
    second = shared_postgres.house(tmp_path, beside=first, own=Own("second", "there"))
    yield first, second
    for house in (first, second):
        house.ask(nodes(house).stop())
        house.stop()


class Work:
    """Something that is done under a lease."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.told: list[str] = []
        self.waits: Deferred[None] | None = None
        self.lease = nodes(house).leases.lease("work")
        self.lease.watch(lambda: self.told.append("begin"), self._end)

    async def _end(self) -> None:
        self.told.append("end")
        if self.waits is not None:
            await self.waits


def passes(house: House, seconds: float) -> None:
    """Time passes for a process, and what it asked of the database is answered."""
    for _ in range(round(seconds)):
        house.clock.advance(1)
        house.reactor.advance(1)
        house.ask(nodes(house).all())  # behind what was asked before


def comes(house: House, done: Callable[[], object]) -> None:
    """Time passes until it is so: a sign of life that waits for the database is followed by no
    other."""
    for _ in range(400):
        if done():
            return
        passes(house, 1)
        house.reactor.turn(0.05)
    raise AssertionError("it does not come")


def out(house: House, lease: str) -> None:
    """The database's clock says that the lease is over."""
    house.ask(house.store.runner.write(_over, lease))


def _over(tx: object, lease: str) -> None:
    tx.execute("UPDATE lease SET expires = 1 WHERE name = :name", {"name": lease})  # type: ignore[attr-defined]


def begin(house: House) -> None:
    house.ask(nodes(house).start(["imap 127.0.0.1:143"], lambda _: None))


@pytest.mark.live
def test_one_of_two_has_it_and_hands_it_over(two: tuple[House, House]) -> None:
    first, second = (Work(house) for house in two)
    begin(first.house)
    begin(second.house)
    passes(second.house, 4)
    assert (first.told, second.told) == (["begin"], [])
    first.waits = Deferred()
    draining = Deferred.fromCoroutine(_drain(first.house))
    passes(second.house, 4)
    assert second.told == []  # what is under way at the first has not ended
    first.waits.callback(None)
    first.house.reactor.until(lambda: bool(draining.called))
    comes(second.house, lambda: second.told)
    assert (first.told, second.told) == (["begin", "end"], ["begin"])
    rows = second.house.ask(nodes(second.house).all())
    assert [(row.name, row.state) for row in rows] == [
        ("first", NodeState.DRAINING),
        ("second", NodeState.STARTING),
    ]
    assert rows[0].addresses == ("imap 127.0.0.1:143",)


async def _drain(house: House) -> None:
    await nodes(house).drain()


@pytest.mark.live
def test_who_hung_beyond_its_turn_notices_and_writes_nothing(two: tuple[House, House]) -> None:
    first, second = (Work(house) for house in two)
    begin(first.house)
    begin(second.house)
    turn = Turn(first.lease)
    assert turn.held()
    # The first is stopped: its clock goes on and it does nothing. Its lease ends meanwhile.
    out(second.house, "work")
    comes(second.house, lambda: second.told)
    assert second.told == ["begin"]
    first.house.clock.advance(60)
    assert not turn.held()
    # What it had asked for a moment before, and what asks without looking.
    with pytest.raises(StaleLease):
        first.house.ask(ending(turn, _domain(first.house, "late.test")))
    passes(first.house, 4)
    assert first.told == ["begin", "end"]
    second.house.ask(ending(Turn(second.lease), _domain(second.house, "right.test")))
    names = [one.name for one in first.house.ask(first.house.store.domains.all())]
    assert names == ["right.test"]


async def _domain(house: House, name: str) -> None:
    await house.store.domains.add(Domain(0, name.encode().hex().ljust(24, "0")[:24], name), ACTOR)


@pytest.mark.live
def test_a_database_that_is_silent_costs_the_lease_in_time(two: tuple[House, House]) -> None:
    work = Work(two[0])
    begin(work.house)
    work.house.clock.advance(roll.LIFE / 1000 - 1.5)
    assert work.lease.held()
    work.house.clock.advance(0.6)
    assert not work.lease.held()
    work.house.reactor.advance(1)
    assert work.told == ["begin", "end"]


@pytest.mark.live
def test_a_second_one_without_a_schedule_for_all_does_not_begin(
    shared_postgres: Postgres, tmp_path: Path
) -> None:
    first = shared_postgres.house(tmp_path, own=Own("first", "here", several=False))
    second = shared_postgres.house(
        tmp_path, beside=first, own=Own("second", "there", several=False)
    )
    begin(first)
    failures: list[object] = []
    starting = Deferred.fromCoroutine(_start(second)).addErrback(failures.append)

    def refused() -> bool:
        passes(first, 1)
        return bool(starting.called)

    comes(second, refused)
    (failure,) = failures
    assert isinstance(failure.value, InUse)  # type: ignore[attr-defined]
    assert "redis.url" in failure.value.text  # type: ignore[attr-defined]
    first.ask(nodes(first).stop())
    begin(second)
    second.ask(nodes(second).stop())
    for house in (first, second):
        house.stop()


async def _start(house: House) -> None:
    await nodes(house).start([], lambda _: None)
