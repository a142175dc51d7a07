"""Lists in the DNS: names, answers, and what is made of them."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mailhub.model.account import Principal, Role, Service
from mailhub.model.envelope import Peer
from mailhub.model.errors import Invalid, Unavailable
from mailhub.model.settings import DnsblSettings
from mailhub.policy.dnsbl import REST, Dnsbl
from mailhub.policy.step import Facts
from mailhub.wire.dnslist import Code, address_name, domain_name, means
from tests.fakes import FakeClock
from tests.names import FakeResolver
from tests.support import run

ZONE: dict[tuple[str, str], Any] = {
    ("7.2.0.192.bad.example", "A"): ["127.0.0.2", "127.0.0.10"],
    ("8.2.0.192.bad.example", "A"): ["127.0.0.4"],
    ("9.2.0.192.bad.example", "A"): ["192.0.2.200"],
    ("7.2.0.192.good.example", "A"): ["127.0.9.3"],
    ("8.2.0.192.good.example", "A"): ["127.0.9.0"],
    ("1.0.0.0." + "0." * 20 + "8.b.d.0.1.0.0.2.bad.example", "A"): ["127.0.0.2"],
    ("spam.example.names.example", "A"): ["127.0.1.2"],
    ("good.example", "NS"): ["x"],
    ("names.example", "NS"): ["x"],
}
BAD = DnsblSettings(zone="bad.example", found="reject", codes={"127.0.0.10-11": 2.5})
GOOD = DnsblSettings(zone="good.example", found="add", codes={"127.0.*.3": -4})
SENDERS = DnsblSettings(zone="names.example", of="sender", found=3)
HELLOS = DnsblSettings(zone="names.example", of="hello", found=1)
FACTS = Facts(Peer("192.0.2.7", 25), Service.SMTP, helo="client.example", sender="a@b.example")


async def in_turn(work: Sequence[Coroutine[Any, Any, Any]]) -> Sequence[Any]:
    return [await one for one in work]


def step(
    *lists: DnsblSettings, more: dict[tuple[str, str], Any] | None = None
) -> tuple[Dnsbl, FakeResolver, FakeClock]:
    resolver, clock = FakeResolver({**ZONE, **(more or {})}), FakeClock()
    return Dnsbl(lists, lambda: resolver, in_turn, clock), resolver, clock


def found(made: Dnsbl, facts: Facts = FACTS) -> list[tuple[str, float]]:
    return [(one.name, one.score) for one in run(made.run(facts))]


def at(address: str) -> Facts:
    return replace(FACTS, peer=Peer(address, 25))


@pytest.mark.parametrize(
    ("address", "findings"),
    [
        ("192.0.2.7", [("bad.example", 0.0), ("bad.example=127.0.0.10-11", 2.5)]),
        ("::ffff:192.0.2.8", [("bad.example", 0.0)]),
        ("192.0.2.9", []),
        ("192.0.2.10", []),
        ("unix", []),
    ],
)
def test_a_client_is_looked_up(address: str, findings: list[tuple[str, float]]) -> None:
    made, _, _ = step(BAD)
    assert found(made, at(address)) == findings


def test_a_client_of_ipv6_is_looked_up_by_nibbles() -> None:
    made, resolver, _ = step(BAD)
    assert address_name("2001:db8::1", "l") == "1." + "0." * 23 + "8.b.d.0.1.0.0.2.l"
    found(made, at("2001:db8::1"))
    assert resolver.asked == [("1." + "0." * 23 + "8.b.d.0.1.0.0.2.bad.example", "A")]


def test_good_lists_give_negative_points() -> None:
    made, _, _ = step(GOOD)
    assert found(made) == [("good.example=127.0.*.3", -4.0)]
    assert found(made, at("192.0.2.8")) == [("good.example", 0.0)]


def test_domains_are_looked_up_too() -> None:
    made, resolver, _ = step(SENDERS, HELLOS)
    assert found(made) == []
    assert found(made, replace(FACTS, sender="x@Spam.Example")) == [("names.example", 3.0)]
    assert found(made, replace(FACTS, helo="spam.example", sender="")) == [("names.example", 1.0)]
    resolver.asked.clear()
    assert found(made, replace(FACTS, helo="[192.0.2.7]", sender="joe@localhost")) == []
    assert resolver.asked == []


def test_what_a_refused_client_is_told() -> None:
    made, _, _ = step(BAD)
    (first, _) = run(made.run(FACTS))
    assert first.said == "Your address 192.0.2.7 is listed by bad.example"
    assert first.text == "192.0.2.7 127.0.0.2 127.0.0.10"


@pytest.mark.parametrize(
    "answer", [["127.255.255.254"], ["127.0.0.2", "127.255.255.252"], ["127.0.0.1"], Unavailable()]
)
def test_a_list_that_does_not_answer_us_says_nothing_and_rests(answer: Any) -> None:
    made, resolver, clock = step(BAD, GOOD, more={("7.2.0.192.bad.example", "A"): answer})
    assert [one for one, _ in found(made)] == ["unavailable", "good.example=127.0.*.3"]
    resolver.asked.clear()
    assert [one for one, _ in found(made)] == ["unavailable", "good.example=127.0.*.3"]
    assert [name for name, _ in resolver.asked] == ["7.2.0.192.good.example"]
    clock.advance(REST)
    resolver.set("7.2.0.192.bad.example", "A", ["127.0.0.2"])
    assert found(made)[0] == ("bad.example", 0.0)


def test_users_trusted_clients_and_lmtp_are_not_looked_up() -> None:
    made, resolver, _ = step(BAD)
    principal = Principal(1, "1", "joe", Role.USER, Service.SMTP, 0)
    assert found(made, replace(FACTS, principal=principal)) == []
    assert found(made, replace(FACTS, trusted=True)) == []
    assert found(made, replace(FACTS, service=Service.LMTP)) == []
    assert resolver.asked == []


@pytest.mark.parametrize("text", ["127.0.0", "127.0.0.x", "127.0.0.2/31", "127.0.0.1000", ""])
def test_what_no_code_is(text: str) -> None:
    with pytest.raises(Invalid):
        Code(text)


def test_names_that_no_list_can_have() -> None:
    for domain in ("localhost", "a..b", "x" * 250 + ".y", ""):
        with pytest.raises(Invalid):
            domain_name(domain, "list.example")
    assert domain_name("Bücher.example", "l") == "xn--bcher-kva.example.l"
    assert [means(one) for one in ("127.0.0.2", "128.0.0.2", "127.255.255.1")] == [
        True,
        False,
        None,
    ]
