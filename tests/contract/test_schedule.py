"""What every `ports.Schedule` does: run over each backend that there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from mailhub.coord.limits import PATIENCE, ScheduleLimits
from mailhub.coord.memory_schedule import MemorySchedule
from mailhub.model.queue import Lease, Slot
from mailhub.ports import Schedule
from tests.contract.redis import BACKENDS, shared
from tests.fakes import FakeClock
from tests.support import run

T = TypeVar("T")
QUIET = 120.0


@dataclass(slots=True)
class Bench:
    """A schedule with hands of the test on its clock."""

    schedule: Schedule
    clock: FakeClock
    ask: Callable[[Awaitable[Any]], Any]

    @property
    def now(self) -> int:
        return int(self.clock.now())

    def put(self, *slots: Slot) -> None:
        self.ask(self.schedule.put(slots))

    def take(self, leases: int = 100, entries: int = 10, seconds: float = 60) -> Sequence[Lease]:
        return self.ask(self.schedule.take(leases, entries, seconds))  # type: ignore[no-any-return]

    def taken(self, **most: Any) -> list[tuple[str, tuple[int, ...]]]:
        return [(lease.lane, lease.entries) for lease in self.take(**most)]

    def end(self, token: int, *again: Slot) -> None:
        self.ask(self.schedule.end(token, again))

    def due(self) -> int | None:
        return self.ask(self.schedule.next_due())  # type: ignore[no-any-return]

    def size(self) -> int:
        return self.ask(self.schedule.size())  # type: ignore[no-any-return]


@pytest.fixture(params=["memory", *BACKENDS])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Bench]]:
    """Makes an empty schedule that nobody claimed yet."""
    if request.param == "memory":

        def make_memory(**limits: int) -> Bench:
            clock = FakeClock()
            return Bench(MemorySchedule(clock, ScheduleLimits(**limits)), clock, run)

        yield make_memory
        return
    kept = shared(request, request.param)

    def make_redis(**limits: int) -> Bench:
        clock = FakeClock()
        schedule = kept.schedule(clock, ScheduleLimits(**limits), QUIET)
        return Bench(schedule, clock, kept.ask)

    yield make_redis


def opened(made: Bench) -> Bench:
    """Claimed, filled with nothing, and past the time in which older leases could be alive."""
    assert made.ask(made.schedule.claim_rebuild())
    made.ask(made.schedule.rebuilt())
    made.clock.advance(QUIET + 1000)
    return made


@pytest.fixture
def bench(make: Callable[..., Bench]) -> Bench:
    return opened(make())


# -- what is due


def test_an_entry_is_given_when_it_is_due_and_once(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"), Slot(2, bench.now + 30, "a.example"))
    [lease] = bench.take(seconds=60)
    assert (lease.lane, lease.entries) == ("a.example", (1,))
    assert lease.expires == bench.clock.seconds() + 60
    assert bench.take() == []
    bench.clock.advance(29)
    assert bench.take() == []
    bench.clock.advance(1)
    assert bench.taken() == [("a.example", (2,))]


def test_what_is_overdue_comes_first_and_equal_ones_in_their_order(bench: Bench) -> None:
    lane = "a.example"
    for number, late in ((5, 10), (3, 20), (4, 10), (10, 10), (9, 10)):
        bench.put(Slot(number, bench.now - late, lane))
    assert bench.taken() == [(lane, (3, 4, 5, 9, 10))]


def test_a_put_moves_what_waits_in_time_and_between_lanes(bench: Bench) -> None:
    bench.put(Slot(1, bench.now + 500, "a.example"), Slot(2, bench.now, "a.example"))
    bench.put(Slot(1, bench.now, "b.example"), Slot(2, bench.now + 500, "a.example"))
    assert bench.size() == 2
    assert bench.taken() == [("b.example", (1,))]
    bench.put(Slot(2, bench.now, "a.example"), Slot(2, bench.now + 5, "c.example"))
    assert bench.taken() == []
    bench.clock.advance(5)
    assert bench.taken() == [("c.example", (2,))]


def test_what_is_known_already_is_not_added(bench: Bench) -> None:
    bench.put(Slot(1, bench.now + 60, "a"), Slot(2, bench.now, "a"))
    [lease] = bench.take()
    wrong = [Slot(number, bench.now, "b") for number in (1, 2, 3)]
    bench.ask(bench.schedule.add(wrong))
    assert bench.taken(seconds=100) == [("b", (3,))]
    bench.end(lease.token)
    assert bench.taken() == []
    bench.clock.advance(60)
    assert bench.taken() == [("a", (1,))]


def test_a_lease_has_so_many_entries_and_a_lane_gives_several(bench: Bench) -> None:
    bench.put(*(Slot(number, bench.now, "a.example") for number in range(1, 8)))
    assert [entries for _, entries in bench.taken(entries=3)] == [(1, 2, 3), (4, 5, 6), (7,)]


def test_asking_for_nothing_gives_nothing(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"))
    assert bench.take(leases=0) == bench.take(entries=0) == bench.take(leases=-1) == []
    bench.put()
    bench.ask(bench.schedule.drop([]))
    assert bench.size() == 1


def test_lanes_have_any_name(bench: Bench) -> None:
    names = ["", "a:b", "*", "xn--bcher-kva.example", "bücher.example", "a" * 255, "}{\r\n"]
    bench.put(*(Slot(number, bench.now, name) for number, name in enumerate(names, 1)))
    assert dict(bench.taken()) == {name: (number,) for number, name in enumerate(names, 1)}


def test_numbers_and_times_may_be_large(bench: Bench) -> None:
    number = 2**53 - 1
    bench.put(Slot(number, -5, "a.example"), Slot(7, 10**14, "a.example"))
    assert bench.taken() == [("a.example", (number,))]
    assert bench.due() == bench.now + 60
    assert bench.size() == 2


# -- fairness and limits


def test_lanes_take_turns_beginning_with_the_earliest_due(make: Callable[..., Bench]) -> None:
    bench = opened(make(lane=100))
    for number in range(100, 160):
        bench.put(Slot(number, bench.now - 1000, "long.example"))
    bench.put(Slot(1, bench.now - 10, "b.example"), Slot(2, bench.now - 5, "c.example"))
    lanes = [lane for lane, _ in bench.taken(leases=5, entries=1)]
    assert lanes == ["long.example", "b.example", "c.example", "long.example", "long.example"]


def test_a_long_lane_holds_up_nobody_however_few_are_asked_for(
    make: Callable[..., Bench],
) -> None:
    bench = opened(make(lane=100))
    bench.put(*(Slot(number, bench.now - 9000, "long.example") for number in range(1000, 3000)))
    assert [lane for lane, _ in bench.taken(leases=1, entries=1)] == ["long.example"]
    bench.clock.advance(1)
    bench.put(Slot(1, bench.now - 5, "short.example"))
    assert [lane for lane, _ in bench.taken(leases=1, entries=1)] == ["short.example"]
    assert [lane for lane, _ in bench.taken(leases=1, entries=1)] == ["long.example"]


def test_a_lane_gives_no_more_leases_than_it_may(make: Callable[..., Bench]) -> None:
    bench = opened(make(lane=2))
    bench.put(*(Slot(number, bench.now, "a.example") for number in range(1, 6)))
    first, second = bench.take(entries=1)
    assert bench.take(entries=1) == []
    bench.end(first.token)
    assert bench.taken(entries=1) == [("a.example", (3,))]
    bench.end(second.token, Slot(2, bench.now, "a.example"))
    assert bench.taken(entries=1) == [("a.example", (2,))]


def test_there_are_no_more_leases_in_all_than_there_may_be(make: Callable[..., Bench]) -> None:
    bench = opened(make(total=3))
    bench.put(*(Slot(number, bench.now, f"{number}.example") for number in range(1, 6)))
    leases = bench.take()
    assert len(leases) == 3
    assert bench.take() == []
    bench.end(leases[0].token)
    assert len(bench.take()) == 1


def test_a_lane_that_backs_off_gives_nothing_until_then(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"), Slot(2, bench.now, "b.example"))
    bench.ask(bench.schedule.back_off("a.example", bench.now + 100))
    assert bench.taken() == [("b.example", (2,))]
    assert bench.due() == bench.now + 60
    bench.clock.advance(99)
    bench.put(Slot(3, bench.now, "a.example"))
    assert not any(lane == "a.example" for lane, _ in bench.taken())
    bench.clock.advance(1)
    assert ("a.example", (1, 3)) in bench.taken()


def test_a_back_off_is_replaced_and_ended(bench: Bench) -> None:
    bench.ask(bench.schedule.back_off("a.example", bench.now + 1000))
    bench.put(Slot(1, bench.now, "a.example"))
    assert bench.due() == bench.now + 1000
    bench.ask(bench.schedule.back_off("a.example", bench.now + 10))
    assert bench.due() == bench.now + 10
    assert bench.taken() == []
    bench.ask(bench.schedule.back_off("a.example", 0))
    assert bench.taken() == [("a.example", (1,))]


# -- the end of leases


def test_the_end_tells_which_entries_go_on_and_when(bench: Bench) -> None:
    bench.put(*(Slot(number, bench.now, "a.example") for number in (1, 2, 3)))
    [lease] = bench.take()
    assert bench.size() == 3
    bench.end(lease.token, Slot(2, bench.now + 300, "a.example"), Slot(99, 0, "a.example"))
    assert bench.size() == 1
    assert bench.due() == bench.now + 300
    bench.clock.advance(300)
    assert bench.taken() == [("a.example", (2,))]


def test_a_lease_runs_out_and_its_entries_are_due_at_once(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"), Slot(2, bench.now, "a.example"))
    [lease] = bench.take(seconds=30)
    assert bench.due() == bench.now + 30
    bench.clock.advance(30)
    [again] = bench.take()
    assert again.entries == (1, 2)
    assert again.token > lease.token
    assert not bench.ask(bench.schedule.renew(lease.token, 60))
    bench.end(lease.token, Slot(1, bench.now, "a.example"))
    assert bench.take() == []
    assert bench.size() == 2


def test_a_lease_that_ran_out_frees_its_place(make: Callable[..., Bench]) -> None:
    bench = opened(make(lane=1, total=1))
    bench.put(Slot(1, bench.now, "a.example"), Slot(2, bench.now - 1, "a.example"))
    assert bench.taken(entries=1) == [("a.example", (2,))]
    bench.clock.advance(60)
    assert bench.taken(entries=5) == [("a.example", (1, 2))]


def test_a_renewed_lease_lives_on(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"))
    [lease] = bench.take(seconds=30)
    for _ in range(5):
        bench.clock.advance(20)
        assert bench.ask(bench.schedule.renew(lease.token, 30))
    assert bench.take() == []
    bench.clock.advance(30)
    assert not bench.ask(bench.schedule.renew(lease.token, 30))
    assert not bench.ask(bench.schedule.renew(12345, 30))


def test_tokens_grow(bench: Bench) -> None:
    tokens = []
    for number in range(1, 6):
        bench.put(Slot(number, bench.now, "a.example"), Slot(number + 50, bench.now, "b.example"))
        tokens += [lease.token for lease in bench.take()]
    bench.clock.step(-50)
    bench.put(Slot(9, 0, "a.example"))
    tokens += [lease.token for lease in bench.take()]
    assert tokens == sorted(set(tokens))
    assert len(tokens) == 11
    assert tokens[0] >= int((bench.clock.now() - 1000) * 1_000_000)


# -- what is said of entries that are leased


@pytest.mark.parametrize(("put", "end", "wins"), [(50, 300, 300), (300, 50, 300), (50, None, 50)])
def test_a_put_of_a_leased_entry_is_remembered(
    bench: Bench, put: int, end: int | None, wins: int
) -> None:
    bench.put(Slot(1, bench.now, "a.example"))
    [lease] = bench.take()
    bench.put(Slot(1, bench.now + put, "a.example"))
    assert bench.take() == []
    bench.end(lease.token, *([] if end is None else [Slot(1, bench.now + end, "a.example")]))
    assert bench.due() == bench.now + wins
    assert bench.size() == 1


def test_a_drop_of_a_leased_entry_is_remembered(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"), Slot(2, bench.now, "a.example"))
    [lease] = bench.take()
    bench.ask(bench.schedule.drop([1]))
    bench.end(lease.token, Slot(1, bench.now, "a.example"), Slot(2, bench.now, "a.example"))
    assert bench.taken() == [("a.example", (2,))]


def test_the_last_word_on_a_leased_entry_counts(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"), Slot(2, bench.now, "a.example"))
    [lease] = bench.take()
    bench.ask(bench.schedule.drop([1]))
    bench.put(Slot(1, bench.now + 5, "a.example"), Slot(2, bench.now + 5, "a.example"))
    bench.ask(bench.schedule.drop([2]))
    bench.end(lease.token)
    bench.clock.advance(5)
    assert bench.taken() == [("a.example", (1,))]
    assert bench.size() == 1


def test_words_on_leased_entries_count_when_the_lease_runs_out(bench: Bench) -> None:
    bench.put(*(Slot(number, bench.now, "a.example") for number in (1, 2, 3)))
    bench.take(seconds=10)
    bench.put(Slot(1, bench.now + 500, "a.example"))
    bench.ask(bench.schedule.drop([2]))
    bench.clock.advance(10)
    assert bench.taken(seconds=1) == [("a.example", (3,))]
    assert bench.size() == 2
    bench.clock.advance(490)
    assert bench.taken() == [("a.example", (3, 1))] or bench.size() == 2


def test_a_word_is_forgotten_with_its_lease(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"))
    [lease] = bench.take()
    bench.ask(bench.schedule.drop([1]))
    bench.end(lease.token)
    bench.put(Slot(1, bench.now, "a.example"))
    [lease] = bench.take()
    bench.end(lease.token, Slot(1, bench.now, "a.example"))
    assert bench.taken() == [("a.example", (1,))]


def test_dropped_entries_are_gone(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"), Slot(2, bench.now, "b.example"))
    bench.ask(bench.schedule.drop([1, 77]))
    assert bench.size() == 1
    assert bench.taken() == [("b.example", (2,))]
    bench.ask(bench.schedule.drop([2]))
    assert bench.due() == bench.now + 60


# -- claims by hand


def test_a_claim_takes_what_is_named_due_or_not_and_unknown(make: Callable[..., Bench]) -> None:
    bench = opened(make(lane=1, total=1))
    bench.put(*(Slot(number, bench.now, "a.example") for number in (1, 2)))
    bench.put(Slot(3, bench.now + 900, "b.example"))
    [lease] = bench.take(entries=1)
    claim = bench.ask(bench.schedule.claim([1, 2, 3, 3, 44], 30))
    assert (claim.lane, claim.entries) == ("", (2, 3, 44))
    assert claim.token > lease.token
    assert claim.expires == bench.clock.seconds() + 30
    assert bench.size() == 4
    bench.end(lease.token)
    assert bench.take() == []
    assert bench.ask(bench.schedule.renew(claim.token, 30))
    bench.end(claim.token, Slot(3, bench.now, "c.example"))
    assert bench.taken() == [("c.example", (3,))]
    assert bench.size() == 1


def test_a_claim_that_runs_out_leaves_everything_as_it_was(bench: Bench) -> None:
    bench.put(Slot(1, bench.now - 5, "a.example"), Slot(2, bench.now + 900, "a.example"))
    claim = bench.ask(bench.schedule.claim([1, 2, 3], 30))
    assert bench.due() == bench.now + 30
    bench.clock.advance(30)
    assert not bench.ask(bench.schedule.renew(claim.token, 30))
    assert bench.size() == 2
    assert bench.taken() == [("a.example", (1,))]
    bench.clock.advance(870)
    assert bench.taken() == [("a.example", (1, 2))]


def test_a_claim_of_nothing_that_is_free_has_no_entries(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"))
    bench.take()
    claim = bench.ask(bench.schedule.claim([1], 30))
    assert claim.entries == ()
    bench.end(claim.token)
    assert bench.ask(bench.schedule.claim([], 30)).entries == ()
    assert bench.size() == 1


def test_words_on_claimed_entries_count(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"), Slot(2, bench.now, "a.example"))
    claim = bench.ask(bench.schedule.claim([1, 2, 3], 30))
    bench.ask(bench.schedule.drop([1]))
    bench.put(Slot(3, bench.now, "z.example"))
    assert bench.take() == []
    bench.end(claim.token, Slot(1, bench.now, "a.example"))
    assert bench.taken() == [("z.example", (3,))]


# -- looking


def test_which_entries_are_leased(bench: Bench) -> None:
    bench.put(*(Slot(number, bench.now, "a.example") for number in (1, 2)))
    bench.put(Slot(3, bench.now + 900, "b.example"))

    def leased(*numbers: int) -> frozenset[int]:
        return bench.ask(bench.schedule.leased(numbers))  # type: ignore[no-any-return]

    assert leased(1, 2, 3, 44) == leased() == frozenset()
    [lease] = bench.take(entries=1, leases=1, seconds=30)
    claim = bench.ask(bench.schedule.claim([3, 44], 60))
    assert leased(2, 44, 1, 3, 3, 55) == {1, 3, 44}
    assert leased(2, 55) == frozenset()
    bench.end(claim.token)
    assert leased(1, 2, 3, 44) == {1}
    bench.clock.advance(30)
    assert leased(1, 2, 3, 44) == frozenset()
    assert not bench.ask(bench.schedule.renew(lease.token, 30))


def test_any_number_of_entries_may_be_asked_about(bench: Bench) -> None:
    bench.put(*(Slot(number, bench.now, "a.example") for number in range(2500)))
    held = {number for lease in bench.take(leases=2, entries=700) for number in lease.entries}
    assert len(held) == 1400
    assert bench.ask(bench.schedule.leased(range(3000))) == held


# -- time


def test_the_next_due_time(bench: Bench) -> None:
    assert bench.due() is None
    bench.put(Slot(1, bench.now + 50, "a.example"), Slot(2, bench.now + 20, "b.example"))
    assert bench.due() == bench.now + 20
    bench.clock.advance(20)
    assert bench.due() == bench.now
    assert len(bench.take(seconds=10)) == 1
    assert bench.due() == bench.now + 10
    bench.ask(bench.schedule.drop([1]))
    assert bench.due() == bench.now + 10


def test_the_next_due_time_at_the_limit_is_when_a_lease_runs_out(
    make: Callable[..., Bench],
) -> None:
    bench = opened(make(total=1))
    bench.put(Slot(1, bench.now, "a.example"), Slot(2, bench.now, "b.example"))
    [lease] = bench.take(seconds=45)
    assert bench.due() == bench.now + 45
    bench.end(lease.token)
    assert bench.due() == bench.now


def test_the_wall_clock_set_back_delays_what_waits_and_loses_nothing(bench: Bench) -> None:
    bench.put(Slot(1, bench.now, "a.example"))
    assert bench.due() == bench.now
    bench.clock.step(-100)
    assert bench.take() == []
    bench.clock.step(100)
    assert bench.taken() == [("a.example", (1,))]


def test_those_who_watch_are_woken_by_what_comes_earlier(bench: Bench) -> None:
    woken: list[int] = []
    stop = bench.schedule.watch(lambda: woken.append(1))
    bench.put(Slot(1, bench.now + 100, "a.example"))
    _told(bench, woken)
    bench.put(Slot(2, bench.now + 200, "a.example"))
    bench.ask(bench.schedule.size())
    assert woken == []
    bench.put(Slot(3, bench.now + 50, "b.example"))
    _told(bench, woken)
    bench.ask(bench.schedule.back_off("b.example", bench.now + 500))
    bench.ask(bench.schedule.back_off("b.example", 0))
    _told(bench, woken)
    claim = bench.ask(bench.schedule.claim([1, 2, 3], 400))
    bench.end(claim.token, Slot(3, bench.now, "b.example"))
    _told(bench, woken)
    stop()
    bench.put(Slot(4, 0, "a.example"))
    bench.ask(bench.schedule.size())
    assert woken == []


def _told(bench: Bench, woken: list[int]) -> None:
    """Over Redis the word comes a moment later."""
    for _ in range(200):
        bench.ask(bench.schedule.size())
        if woken:
            break
    assert woken
    woken.clear()


# -- rebuilding


def test_one_claims_the_rebuild_and_the_others_wait(make: Callable[..., Bench]) -> None:
    bench = make()
    claims = [bench.ask(bench.schedule.claim_rebuild()) for _ in range(3)]
    assert claims == [True, False, False]
    bench.put(Slot(1, bench.now, "a.example"))
    bench.ask(bench.schedule.rebuilt())
    bench.clock.advance(10 * PATIENCE)
    assert not bench.ask(bench.schedule.claim_rebuild())
    assert bench.taken() == [("a.example", (1,))]


def test_a_claimer_that_says_nothing_is_followed_by_another(make: Callable[..., Bench]) -> None:
    bench = make()
    assert bench.ask(bench.schedule.claim_rebuild())
    for number in range(1, 4):
        bench.clock.advance(PATIENCE - 1)
        bench.put(Slot(number, bench.now, "a.example"))
        assert not bench.ask(bench.schedule.claim_rebuild())
    bench.clock.advance(PATIENCE)
    assert bench.ask(bench.schedule.claim_rebuild())
    assert bench.size() == 3


def test_many_entries_go_in_and_out_again(bench: Bench) -> None:
    slots = [
        Slot(number, bench.now - number % 7, f"{number % 9}.example") for number in range(2500)
    ]
    bench.put(*slots)
    bench.put(*slots)
    assert bench.size() == 2500
    seen: list[int] = []
    while leases := bench.take(entries=100):
        for lease in leases:
            seen += lease.entries
            bench.end(lease.token)
    assert sorted(seen) == list(range(2500))
    assert bench.size() == 0
    assert bench.due() is None
