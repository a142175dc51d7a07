"""What every `ports.Wakeups` does: two processes' over each backend that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mailhub.coord.memory import MemoryWakeups
from mailhub.ports import Wakeups
from tests import turning
from tests.contract.redis import BACKENDS, shared
from tests.fakes import ListLog

Pair = tuple[Wakeups, Wakeups]


@pytest.fixture(params=["memory", *BACKENDS])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    if request.param == "memory":
        street: list[MemoryWakeups] = []
        yield MemoryWakeups(street), MemoryWakeups(street)
        return
    kept = shared(request, request.param)
    other = kept.connection(ListLog())
    yield kept.link.wakeups, other.wakeups
    turning.result(other.stop())


def ear(wakeups: Wakeups, channel: str) -> tuple[list[str], Callable[[], None]]:
    heard: list[str] = []
    return heard, wakeups.listen(channel, lambda: heard.append(channel))


def test_a_ring_is_heard_on_its_channel_by_the_other_process(pair: Pair) -> None:
    here, there = pair
    ends = []
    news, end = ear(there, "news")
    ends.append(end)
    twice, end = ear(there, "news")
    ends.append(end)
    other, end = ear(there, "other")
    ends.append(end)
    own, end = ear(here, "news")
    ends.append(end)
    here.ring("news")
    turning.until(lambda: news and twice)
    there.ring("news")
    turning.until(lambda: own)
    assert (other, news, twice, own) == ([], ["news"], ["news"], ["news"])
    for end in ends:
        end()


def test_who_ended_listening_hears_no_more(pair: Pair) -> None:
    here, there = pair
    gone, end = ear(there, "news")
    end()
    news, end = ear(there, "news")
    here.ring("news")
    turning.until(lambda: news)
    assert gone == []
    end()


def test_a_ring_after_others_is_never_swallowed_by_them(pair: Pair) -> None:
    """What is rung for is looked at after the last ring, however many there were."""
    here, there = pair
    done: list[int] = []
    seen: list[int] = []
    end = there.listen("news", lambda: seen.append(len(done)))
    for number in range(200):
        done.append(number)
        here.ring("news")
    turning.until(lambda: seen and seen[-1] == 200)
    assert len(seen) <= 200
    end()
