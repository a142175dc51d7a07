"""Domains of envelope senders: those that nothing can be sent to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailhub.model.account import Service
from mailhub.model.envelope import Peer
from mailhub.model.errors import Unavailable
from mailhub.model.settings import OriginSettings
from mailhub.policy import refusals
from mailhub.policy.origin import Origin
from mailhub.policy.step import Facts
from tests.names import FakeResolver
from tests.support import run

ZONE: dict[tuple[str, str], Any] = {
    ("mail.example", "MX"): [(10, "mx.mail.example")],
    ("null.example", "MX"): [(0, ".")],
    ("four.example", "A"): ["192.0.2.1"],
    ("six.example", "AAAA"): ["2001:db8::1"],
    ("text.example", "TXT"): ["x"],
    ("slow.example", "MX"): Unavailable("x"),
}
FACTS = Facts(Peer("192.0.2.7", 40000, "198.51.100.1", 25), Service.SMTP, sender="")
ALL = OriginSettings(unresolvable="reject", null_mx=2.5)


def found(sender: str | None, settings: OriginSettings = ALL, **more: Any) -> list[str]:
    step = Origin(settings, FakeResolver(ZONE))
    return [one.name for one in run(step.run(replace(FACTS, sender=sender, **more)))]


@pytest.mark.parametrize(
    ("sender", "wrong"),
    [
        ("a@mail.example", []),
        ("a@four.example", []),
        ("a@six.example", []),
        ("a@null.example", ["null_mx"]),
        ("a@text.example", ["unresolvable"]),
        ("a@gone.example", ["unresolvable"]),
        ("a@" + "x" * 64 + ".example", ["unresolvable"]),
        ("a@[192.0.2.1]", []),
        ("", []),
        (None, []),
    ],
)
def test_what_is_wrong_with_a_sender_s_domain(sender: str | None, wrong: list[str]) -> None:
    assert found(sender) == wrong


def test_what_nobody_wants_to_know_is_not_found() -> None:
    assert found("a@null.example", OriginSettings(unresolvable="reject")) == []
    assert found("a@gone.example", OriginSettings(null_mx="reject")) == []
    assert found("a@gone.example", trusted=True) == []


def test_a_failing_dns_is_no_missing_domain() -> None:
    with pytest.raises(Unavailable):
        found("a@slow.example")


def test_points_and_words() -> None:
    step = Origin(ALL, FakeResolver(ZONE))
    (finding,) = run(step.run(replace(FACTS, sender="a@null.example")))
    assert (finding.score, finding.text) == (2.5, "null.example")
    assert refusals.words(finding, permanent=True).status == "7.27"
    (finding,) = run(step.run(replace(FACTS, sender="a@gone.example")))
    assert refusals.words(finding, permanent=True).status == "1.8"
