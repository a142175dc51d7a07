from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from mailhub.model.queue import QueueEntry, QueueSender
from mailhub.model.route import Route
from mailhub.queue.routing import Table, choose

ENTRY = QueueEntry(
    number=1,
    message=1,
    sender=QueueSender("Joe@Example.org", account=5),
    recipient="b@example.net",
    notify=(),
    orcpt="",
    size=1,
    created=0,
    due=0,
    attempts=0,
    lane="example.net",
)
BY_RANK = [
    Route(1, "example.net", account=5, sender="joe@example.org"),
    Route(2, "example.net", account=5),
    Route(3, "example.net", sender="joe@example.org"),
    Route(4, "example.net", sender="example.org"),
    Route(5, "*", account=5),
    Route(6, "*", sender="joe@example.org"),
    Route(7, "*", sender="@example.org"),
    Route(8, "example.net"),
    Route(9, "*"),
]


def numbers(routes: list[Route], entry: QueueEntry = ENTRY, seed: int = 1) -> list[int]:
    return [route.number for route in choose(routes, entry, Random(seed).random)]


@pytest.mark.parametrize("lane", ["example.net", "example.com"])
@pytest.mark.parametrize("chosen", [0, 4, 99])
@pytest.mark.parametrize("first", range(len(BY_RANK) + 1))
def test_a_table_says_what_all_routes_say(first: int, chosen: int, lane: str) -> None:
    entry = replace(ENTRY, route=chosen, lane=lane)
    routes = [*BY_RANK[first:], Route(20, "example.com", weight=3), Route(21, "example.com")]
    for seed in range(5):
        found = Table(routes).choose(entry, Random(seed).random)
        assert list(found) == list(choose(routes, entry, Random(seed).random))


def test_an_empty_table_leaves_it_to_the_dns() -> None:
    assert not Table().choose(ENTRY, Random(1).random)


@pytest.mark.parametrize("first", range(len(BY_RANK)))
def test_the_most_specific_route_wins_alone(first: int) -> None:
    left = BY_RANK[first:]
    assert numbers(left[::-1]) == [left[0].number]


@pytest.mark.parametrize(
    "route",
    [
        Route(1, "example.com"),
        Route(1, "*", account=6),
        Route(1, "*", sender="jane@example.org"),
        Route(1, "*", sender="example.net"),
        Route(1, "*", sender="ple.org"),
    ],
)
def test_what_does_not_apply(route: Route) -> None:
    assert numbers([route]) == []


def test_the_null_sender_has_no_domain() -> None:
    null = replace(ENTRY, sender=QueueSender(""))
    assert numbers(BY_RANK, null) == [8]
    assert numbers([Route(1, "*", sender="example.org"), Route(2, "*")], null) == [2]


def test_an_administrators_choice_stands_before_all() -> None:
    assert numbers(BY_RANK, replace(ENTRY, route=9)) == [9]
    assert numbers(BY_RANK, replace(ENTRY, route=77)) == [1]  # it was removed since


def test_failover_is_by_priority() -> None:
    routes = [Route(1, "*", priority=20), Route(2, "*", priority=5), Route(3, "*", priority=10)]
    assert numbers(routes) == [2, 3, 1]


def test_equals_share_by_weight() -> None:
    routes = [Route(1, "*", weight=3), Route(2, "*", weight=1), Route(3, "*", weight=0)]
    draw = Random(7).random
    first = Counter(choose(routes, ENTRY, draw)[0].number for _ in range(2000))
    assert 1400 < first[1] < 1600
    assert first[3] == 0
    assert sorted(route.number for route in choose(routes, ENTRY, draw)) == [1, 2, 3]
