"""What clients call themselves, and names of their addresses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailhub.model.account import Service
from mailhub.model.envelope import Peer
from mailhub.model.errors import Unavailable
from mailhub.model.settings import HelloSettings, ReverseSettings
from mailhub.policy.hello import Hello
from mailhub.policy.reverse import Reverse
from mailhub.policy.step import Facts
from tests.names import FakeResolver
from tests.support import run

ZONE: dict[tuple[str, str], Any] = {
    ("client.example", "A"): ["192.0.2.99"],
    ("six.example", "AAAA"): ["2001:db8::1"],
    ("mail.example", "MX"): [(10, "x.example")],
    ("text.example", "TXT"): ["x"],
    ("slow.example", "A"): Unavailable("x"),
    ("7.2.0.192.in-addr.arpa", "PTR"): ["mx.example"],
    ("mx.example", "A"): ["192.0.2.7"],
    ("8.2.0.192.in-addr.arpa", "PTR"): ["client.example"],
    ("9.2.0.192.in-addr.arpa", "PTR"): Unavailable("x"),
}
PEER = Peer("192.0.2.7", 40000, "198.51.100.1", 25)
ALL = HelloSettings(invalid=1, unqualified=2, ours="reject", literal=3, unresolvable="junk")
FACTS = Facts(PEER, Service.SMTP, sender="")


async def ours(domain: str) -> bool:
    return domain == "local.example"


def step(settings: HelloSettings = ALL) -> Hello:
    return Hello(settings, lambda: FakeResolver(ZONE), "MX.us.example", ours)


@pytest.mark.parametrize(
    ("helo", "found"),
    [
        ("client.example", None),
        ("client.example.", None),
        ("six.example", None),
        ("mail.example", None),
        ("slow.example", None),
        ("win_host.client.example", "unresolvable"),
        ("text.example", "unresolvable"),
        ("gone.example", "unresolvable"),
        ("x" * 64 + ".example", "unresolvable"),
        ("[192.0.2.7]", None),
        ("[IPv6:2001:db8::1]", "literal"),
        ("[192.0.2.8]", "literal"),
        ("[198.51.100.1]", "ours"),
        ("mx.us.example", "ours"),
        ("mx.US.example.", "ours"),
        ("local.example", "ours"),
        ("192.0.2.7", "invalid"),
        ("[192.0.2]", "invalid"),
        ("-a.example", "invalid"),
        ("a b", "invalid"),
        ("a..example", "invalid"),
        ("localhost", "unqualified"),
        ("pc.", "unqualified"),
        ("", None),
    ],
)
def test_hello(helo: str, found: str | None) -> None:
    findings = run(step().run(replace(FACTS, helo=helo)))
    assert [one.name for one in findings] == ([] if found is None else [found])


def test_an_address_literal_of_ipv6() -> None:
    facts = replace(FACTS, helo="[IPv6:2001:DB8:0::1]", peer=Peer("2001:db8::1", 25))
    assert not run(step().run(facts))


def test_points_and_words() -> None:
    (finding,) = run(step().run(replace(FACTS, helo="localhost")))
    assert (finding.score, finding.said) == (2.0, "Your hello is no full name")
    (finding,) = run(step().run(replace(FACTS, helo="mx.us.example")))
    assert finding.score == 0.0


def test_what_nobody_wants_to_know_is_not_asked() -> None:
    resolver = FakeResolver(ZONE)
    made = Hello(HelloSettings(literal="reject"), lambda: resolver, "mx.us.example", ours)
    for helo in ("localhost", "a b", "gone.example", "local.example"):
        assert not run(made.run(replace(FACTS, helo=helo)))
    assert resolver.asked == []
    assert run(made.run(replace(FACTS, helo="[192.0.2.8]")))


def test_own_users_and_trusted_clients_may_say_anything() -> None:
    facts = replace(FACTS, helo="localhost")
    assert not run(step().run(replace(facts, trusted=True)))
    assert not run(step().run(replace(facts, service=Service.SUBMISSION)))
    assert not run(
        Reverse(ReverseSettings(missing=1), lambda: FakeResolver({})).run(
            replace(facts, trusted=True)
        )
    )


@pytest.mark.parametrize(
    ("address", "found"),
    [("192.0.2.7", []), ("192.0.2.8", ["unconfirmed"]), ("192.0.2.10", ["missing"])],
)
def test_reverse_names(address: str, found: list[str]) -> None:
    made = Reverse(ReverseSettings(missing="reject", unconfirmed=2), lambda: FakeResolver(ZONE))
    findings = run(made.run(replace(FACTS, peer=Peer(address, 25))))
    assert [one.name for one in findings] == found
    assert all(one.score == (2.0 if one.name == "unconfirmed" else 0.0) for one in findings)


def test_a_failing_dns_is_no_missing_name() -> None:
    made = Reverse(ReverseSettings(missing="reject"), lambda: FakeResolver(ZONE))
    with pytest.raises(Unavailable):
        run(made.run(replace(FACTS, peer=Peer("192.0.2.9", 25))))


def test_a_finding_without_an_outcome_is_none() -> None:
    made = Reverse(ReverseSettings(missing="reject"), lambda: FakeResolver(ZONE))
    assert not run(made.run(replace(FACTS, peer=Peer("192.0.2.8", 25))))
