"""Commits are told once and in order, whichever way they come; a gap is told, too."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailhub.model.change import Change, Missed, ZonesChanged
from mailhub.model.errors import Unavailable
from mailhub.store.postgres.follower import INTERVAL, Follower
from mailhub.store.postgres.news import STEP, Bulletin, Issue, Place
from mailhub.store.watchers import Watchers


def issue(number: int, era: int = 0) -> Issue:
    return Issue(Place(era, number, number), [ZonesChanged(number)])


class Reader:
    """A bulletin at `last`, and what its watchers heard."""

    def __init__(self, last: int = 0) -> None:
        watchers = Watchers()
        self.heard: list[Change] = []
        watchers.add(self.heard.extend)
        self.bulletin = Bulletin(watchers, Place(0, last, last))

    @property
    def numbers(self) -> list[int]:
        return [0 if isinstance(one, Missed) else one.journal for one in self.heard]  # type: ignore[union-attr]


@settings(max_examples=50)
@given(st.integers(1, 40), st.integers(0, 10_000))
def test_two_ways_of_hearing_are_heard_once(count: int, seed: int) -> None:
    """The thread that writes and the one that looks each hand on all in order, at their pace."""
    chance = random.Random(seed)
    reader, ways = Reader(), [1, 1]
    while max(ways) <= count:
        way = chance.randrange(2)
        # Each way begins behind what was told, or where it ended, as the threads do.
        start = chance.choice((ways[way], reader.bulletin.told.number + 1))
        end = min(count, start + chance.randrange(5))
        if start <= reader.bulletin.told.number + 1:
            reader.bulletin.tell([issue(number) for number in range(start, end + 1)])
            ways[way] = end + 1
    assert reader.numbers == list(range(1, count + 1))


def test_a_gap_is_told_before_what_follows() -> None:
    reader = Reader(5)
    reader.bulletin.tell([issue(6), issue(9), issue(10)])
    assert reader.numbers == [6, 0, 9, 10]
    reader.bulletin.tell([issue(9), issue(11)])
    assert reader.numbers == [6, 0, 9, 10, 11]


def test_a_database_that_went_back_is_told_once_and_followed_from_there() -> None:
    """Both threads find out, one after the other; what is said of the lost time comes too late."""
    reader = Reader(5)
    reader.bulletin.tell([Issue(Place(1, 3, 33), ())])
    assert reader.numbers == [0]
    assert reader.bulletin.told == Place(1, 3)
    reader.bulletin.tell([Issue(Place(1, 3, 33), ()), issue(4, 1)])
    reader.bulletin.tell([issue(6)])
    reader.bulletin.tell([issue(4, 1), issue(5, 1)])
    assert reader.numbers == [0, 4, 5]


def test_a_database_that_went_back_while_it_was_read_is_told_too() -> None:
    """What was asked before the last one was told comes after it, from another database."""
    reader = Reader(3)
    reader.bulletin.tell([issue(4), issue(5)])
    others = [Issue(Place(0, number, number + 90), [ZonesChanged(90)]) for number in (4, 5, 6)]
    reader.bulletin.tell([issue(3), *others])
    assert reader.numbers == [4, 5, 0]
    assert reader.bulletin.told == Place(1, 5)
    assert reader.bulletin.told.mark == 95
    reader.bulletin.tell([*others, issue(6, 1)])
    assert reader.numbers == [4, 5, 0, 6]


class Looking:
    """A follower whose reads are answered by hand."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.reader = Reader()
        self.asked: list[tuple[int, Deferred[list[Issue]]]] = []
        self.doubted: list[bool] = []
        self.follower = Follower(self.clock, self._read, self.reader.bulletin, self.clock.seconds)
        self.follower.start()

    def _read(self, last: Place, doubted: bool) -> Deferred[list[Issue]]:
        self.asked.append((last.number, Deferred()))
        self.doubted.append(doubted)
        return self.asked[-1][1]

    def answer(self, *numbers: int) -> None:
        self.asked[-1][1].callback([issue(number) for number in numbers])


def test_it_looks_twice_a_second_and_when_somebody_rings() -> None:
    looking = Looking()
    looking.answer(1, 2)
    assert looking.reader.numbers == [1, 2]
    looking.clock.advance(INTERVAL)
    assert [last for last, _ in looking.asked] == [0, 2]
    looking.answer()
    looking.follower.wake()
    assert len(looking.asked) == 3


def test_who_rings_while_it_looks_is_looked_for_once_more() -> None:
    looking = Looking()
    looking.follower.wake()
    looking.follower.wake()
    assert len(looking.asked) == 1
    looking.answer(1)
    assert [last for last, _ in looking.asked] == [0, 1]


def test_where_much_is_new_it_reads_on_at_once() -> None:
    looking = Looking()
    looking.answer(*range(1, STEP + 1))
    assert [last for last, _ in looking.asked] == [0, STEP]


def test_a_database_that_is_away_is_looked_at_again_later() -> None:
    looking = Looking()
    looking.asked[0][1].errback(Unavailable())
    assert len(looking.asked) == 1
    looking.clock.advance(INTERVAL)
    looking.answer(1)
    assert looking.reader.numbers == [1]
    looking.clock.advance(INTERVAL)
    looking.answer()
    looking.clock.advance(INTERVAL)
    # It may be another one behind each new connection: what was known of it is looked at once.
    assert looking.doubted == [True, True, False, False]


def test_it_stops() -> None:
    looking = Looking()
    looking.follower.stop()
    looking.answer(1)
    looking.follower.wake()
    looking.clock.advance(10)
    assert len(looking.asked) == 1
    assert not looking.clock.getDelayedCalls()


def test_who_wants_to_be_sure_waits_for_a_look_that_began_after() -> None:
    looking = Looking()
    sure: list[object] = []
    looking.follower.look().addCallback(sure.append)
    looking.answer(1)  # it began before
    assert sure == []
    looking.answer(*range(2, STEP + 2))
    assert sure == []  # there is more
    looking.answer(STEP + 2)
    assert sure == [None]
    looking.follower.look().addErrback(lambda failure: sure.append(failure.type))
    looking.asked[-1][1].errback(Unavailable())
    assert sure == [None, Unavailable]
    looking.follower.look().addCallback(sure.append)
    looking.follower.stop()
    assert sure == [None, Unavailable, None]
    looking.follower.look().addCallback(sure.append)
    assert len(sure) == 4


def test_its_age_is_since_it_knew_all() -> None:
    looking = Looking()
    looking.clock.advance(3)
    assert looking.follower.age == 3
    looking.answer(1, 2)
    assert looking.follower.age == 0
    looking.clock.advance(INTERVAL)
    looking.asked[-1][1].errback(Unavailable())
    looking.clock.advance(INTERVAL)
    assert looking.follower.age == 2 * INTERVAL
    looking.answer(*range(3, 3 + STEP))
    assert looking.follower.age == 2 * INTERVAL, "there may be more"
    looking.answer()
    assert looking.follower.age == 0
    looking.follower.stop()
    looking.clock.advance(9)
    assert looking.follower.age == 0
