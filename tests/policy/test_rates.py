"""Limits over a sliding hour, and answers that wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.coord.memory import MemoryCounters
from mailhub.model.account import Principal, Role, Service
from mailhub.model.envelope import Peer
from mailhub.model.settings import RateSettings, TarpitSettings
from mailhub.policy.rates import Rates
from mailhub.policy.sliding import SlidingCount
from mailhub.policy.step import Facts, Finding, Stage
from mailhub.policy.tarpit import Tarpit
from tests.fakes import FakeClock
from tests.support import run

FACTS = Facts(
    Peer("192.0.2.7", 25),
    Service.SMTP,
    sender="a@b.example",
    recipients=("x@us.example", "Joe@us.example"),
)
JOE = Principal(7, "7", "joe", Role.USER, Service.SUBMISSION, 0)


def rates(stage: Stage = Stage.SENDER, **limits: int) -> tuple[Rates, FakeClock]:
    clock = FakeClock(1_800_000_000.0)
    settings = RateSettings(**{"network": 0, **limits})
    return Rates(settings, MemoryCounters(clock), clock, stage), clock


def taken(made: Rates, facts: Facts = FACTS, *, of: int = 1) -> int:
    return sum(not run(made.run(facts)) for _ in range(of))


@pytest.mark.parametrize(
    ("name", "stage", "facts", "other"),
    [
        ("network", Stage.SENDER, FACTS, replace(FACTS, peer=Peer("192.0.3.7", 25))),
        ("domain", Stage.SENDER, FACTS, replace(FACTS, sender="a@c.example")),
        ("recipient", Stage.RECIPIENT, FACTS, replace(FACTS, recipients=("a@us.example",))),
        (
            "account",
            Stage.SENDER,
            replace(FACTS, principal=JOE),
            replace(FACTS, principal=replace(JOE, account=8)),
        ),
    ],
)
def test_each_limit_counts_its_own(name: str, stage: Stage, facts: Facts, other: Facts) -> None:
    made, clock = rates(stage, **{name: 3})
    assert taken(made, facts, of=5) == 3
    (finding,) = run(made.run(facts))
    assert finding.name == name
    assert finding.said.startswith("451 4.7.1 ")
    assert taken(made, other, of=5) == 3
    clock.advance(7200)
    assert taken(made, facts, of=5) == 3


def test_one_network_of_many_addresses() -> None:
    made, _ = rates(network=2)
    addresses = ("192.0.2.1", "192.0.2.2", "192.0.2.3")
    assert sum(taken(made, replace(FACTS, peer=Peer(one, 25))) for one in addresses) == 2
    six = ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:3")
    assert sum(taken(made, replace(FACTS, peer=Peer(one, 25))) for one in six) == 2


def test_the_hour_slides() -> None:
    made, clock = rates(network=100)
    clock.advance(3600 - clock.now() % 3600)
    assert taken(made, of=150) == 100
    clock.advance(3600)
    assert taken(made, of=150) == 0
    clock.advance(900)
    assert 24 <= taken(made, of=150) <= 25
    clock.advance(1800)
    assert 49 <= taken(made, of=150) <= 50


def test_who_is_refused_by_one_limit_is_not_counted_by_another() -> None:
    made, _ = rates(network=100, domain=1)
    assert taken(made, of=50) == 1
    assert taken(made, replace(FACTS, sender="")) == 1
    count = SlidingCount(made._count._counters, made._count._clock, 3600.0)
    assert run(count.hit("rate:network:192.0.2.0/24")) == 3


def test_users_are_not_limited_as_strangers_are() -> None:
    made, _ = rates(network=1, domain=1)
    assert taken(made, replace(FACTS, principal=JOE), of=5) == 5
    assert taken(made, replace(FACTS, trusted=True), of=5) == 5
    made, _ = rates(Stage.RECIPIENT, recipient=1)
    assert taken(made, replace(FACTS, principal=JOE), of=5) == 5


def test_a_tarpit_is_for_clients_with_points() -> None:
    made = Tarpit(TarpitSettings(score=4.0, wait=7.0))
    facts = replace(FACTS, findings=(Finding("a", "b", score=3.0), Finding("a", "c", score=1.0)))
    (finding,) = run(made.run(facts))
    assert finding.delay == 7.0
    assert not run(made.run(replace(facts, findings=facts.findings[:1])))
    assert not run(made.run(replace(facts, principal=JOE)))
