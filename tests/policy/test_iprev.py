"""Names of addresses, and back."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.model.errors import Unavailable
from mailhub.policy.iprev import Checked, check
from tests.names import FakeResolver
from tests.support import run

ZONE: dict[tuple[str, str], Any] = {
    ("7.2.0.192.in-addr.arpa", "PTR"): ["other.example", "Mail.Example"],
    ("mail.example", "A"): ["192.0.2.8", "192.0.2.7"],
    ("other.example", "A"): ["192.0.2.9"],
    ("8.2.0.192.in-addr.arpa", "PTR"): ["other.example", "gone.example", "a b..c"],
    ("9.2.0.192.in-addr.arpa", "PTR"): Unavailable("x"),
    ("10.2.0.192.in-addr.arpa", "PTR"): ["broken.example"],
    ("broken.example", "A"): Unavailable("x"),
    ("11.2.0.192.in-addr.arpa", "PTR"): [],
    ("12.2.0.192.in-addr.arpa", "PTR"): [f"n{at}.example" for at in range(20)],
    ("8.b.d.0.1.0.0.2.ip6.arpa", "NS"): ["x"],
    ("5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR"): [
        "six.example"
    ],
    ("six.example", "AAAA"): ["2001:db8::5"],
}


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("192.0.2.7", Checked("pass", "mail.example")),
        ("::ffff:192.0.2.7", Checked("pass", "mail.example")),
        ("2001:db8::5", Checked("pass", "six.example")),
        ("192.0.2.8", Checked("fail")),
        ("192.0.2.9", Checked("temperror")),
        ("192.0.2.10", Checked("temperror")),
        ("192.0.2.11", Checked("permerror")),
        ("192.0.2.99", Checked("permerror")),
        ("unix", Checked("permerror")),
    ],
)
def test_results(address: str, found: Checked) -> None:
    assert run(check(FakeResolver(ZONE), address)) == found


def test_many_names_are_bounded() -> None:
    resolver = FakeResolver(ZONE)
    assert run(check(resolver, "192.0.2.12")).result == "fail"
    assert len(resolver.asked) == 6
