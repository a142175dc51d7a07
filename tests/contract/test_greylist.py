"""Greylisting over every backend of counters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from mailhub.coord.memory import MemoryCounters
from mailhub.model.account import Principal, Role, Service
from mailhub.model.envelope import Peer
from mailhub.model.settings import GreylistSettings
from mailhub.policy.greylist import Greylist
from mailhub.policy.step import Facts, Finding
from mailhub.ports import Counters
from tests import turning
from tests.contract.redis import BACKENDS, shared
from tests.fakes import FakeClock

T = TypeVar("T")
FACTS = Facts(
    Peer("192.0.2.7", 25), Service.SMTP, sender="a@b.example", recipients=("joe@us.example",)
)
DAY = 86400


@pytest.fixture(params=["memory", *BACKENDS])
def made(request: pytest.FixtureRequest) -> tuple[Counters, FakeClock]:
    clock = FakeClock()
    if request.param == "memory":
        return MemoryCounters(clock), clock
    return shared(request, request.param).counters(clock), clock


@pytest.fixture
def clock(made: tuple[Counters, FakeClock]) -> FakeClock:
    return made[1]


@pytest.fixture
def greylist(made: tuple[Counters, FakeClock]) -> Callable[..., Greylist]:
    """Makes the step; `spf`: what SPF says."""

    def make(spf: str = "none", **settings: float) -> Greylist:
        async def says(facts: Facts) -> str:
            return spf

        return Greylist(GreylistSettings(**settings), *made, says)  # type: ignore[arg-type]

    return make


def run(awaitable: Awaitable[T]) -> T:
    return turning.result(awaitable)


def early(step: Greylist, facts: Facts = FACTS) -> bool:
    return any(one.name == "early" for one in run(step.run(facts)))


def test_the_second_try_passes_once_the_delay_is_over(
    greylist: Callable[..., Greylist], clock: FakeClock
) -> None:
    step = greylist(delay=120)
    assert early(step)
    clock.advance(119)
    assert early(step)
    clock.advance(1)
    assert [one.name for one in run(step.run(FACTS))] == ["passed"]
    assert run(step.run(FACTS)) == ()


def test_who_comes_too_late_begins_anew(
    greylist: Callable[..., Greylist], clock: FakeClock
) -> None:
    step = greylist(delay=120, window=3600)
    assert early(step)
    clock.advance(3600)
    assert early(step)
    clock.advance(121)
    assert not early(step)


def test_what_passed_stays_known_while_it_is_used(
    greylist: Callable[..., Greylist], clock: FakeClock
) -> None:
    step = greylist(delay=60, lifetime=10 * DAY, passes=0)
    assert early(step)
    clock.advance(60)
    for _ in range(5):
        assert not early(step)
        clock.advance(9 * DAY)
    assert not early(step)
    clock.advance(16 * DAY)
    assert early(step)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"peer": Peer("192.0.2.200", 25)}, True),
        ({"peer": Peer("192.0.3.7", 25)}, False),
        ({"sender": "A@B.example"}, True),
        ({"sender": "c@b.example"}, False),
        ({"sender": ""}, False),
        ({"recipients": ("x@us.example", "JOE@us.example")}, True),
        ({"recipients": ("joe@us.example", "x@us.example")}, False),
    ],
)
def test_what_counts_as_the_same(
    greylist: Callable[..., Greylist], clock: FakeClock, change: dict[str, object], same: bool
) -> None:
    step = greylist(delay=60, passes=0)
    assert early(step)
    clock.advance(60)
    assert early(step, replace(FACTS, **change)) is not same  # type: ignore[arg-type]


def test_senders_that_differ_in_numbers_are_one(
    greylist: Callable[..., Greylist], clock: FakeClock
) -> None:
    step = greylist(delay=60)
    assert early(step, replace(FACTS, sender="bounce-17-a+joe=us.example@b.example"))
    clock.advance(60)
    assert not early(step, replace(FACTS, sender="bounce-9911-a+x@b.example"))


def test_a_network_that_passed_often_is_known(
    greylist: Callable[..., Greylist], clock: FakeClock
) -> None:
    step = greylist(delay=60, passes=2)
    for sender in ("a@b.example", "b@b.example"):
        assert early(step, replace(FACTS, sender=sender))
        clock.advance(60)
        assert not early(step, replace(FACTS, sender=sender))
    assert not early(step, replace(FACTS, sender="c@b.example"))
    assert early(step, replace(FACTS, peer=Peer("198.51.100.1", 25)))


def test_spf_and_good_lists_let_through(greylist: Callable[..., Greylist]) -> None:
    assert not early(greylist("pass"))
    assert early(greylist("pass", spf_pass=False))
    listed = replace(FACTS, findings=(Finding("dnsbl", "good.example", score=-2.0),))
    assert not early(greylist(), listed)
    assert early(greylist(listed_good=False), listed)


def test_only_clients_with_points_where_it_is_set_so(greylist: Callable[..., Greylist]) -> None:
    step = greylist(score=2.0)
    assert not early(step)
    assert early(step, replace(FACTS, findings=(Finding("hello", "literal", score=2.0),)))


def test_users_trusted_clients_and_own_agents_never_wait(
    greylist: Callable[..., Greylist],
) -> None:
    step = greylist()
    joe = Principal(7, "7", "joe", Role.USER, Service.SUBMISSION, 0)
    assert not early(step, replace(FACTS, principal=joe))
    assert not early(step, replace(FACTS, trusted=True))
    assert not early(step, replace(FACTS, service=Service.LMTP))


def test_two_processes_on_one_redis_know_the_same(
    made: tuple[Counters, FakeClock], greylist: Callable[..., Greylist]
) -> None:
    assert early(greylist(delay=60))
    made[1].advance(60)
    assert not early(greylist(delay=60))


def test_the_words_for_the_client(greylist: Callable[..., Greylist]) -> None:
    (finding,) = run(greylist(delay=300).run(FACTS))
    assert finding.said == "451 4.7.1 Greylisted, try again in 300 seconds"
