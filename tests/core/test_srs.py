from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.core.srs import DAY, SRS
from mailhub.model.errors import Invalid

NOW = 1_800_000_000.0
HERE = SRS(b"a secret", "fwd.example.org")
OTHER = SRS(b"another", "relay.example.com")


def test_there_and_back() -> None:
    rewritten = HERE.forward("Joe.Doe@example.net", NOW)
    assert rewritten.startswith("SRS0=")
    assert rewritten.endswith("=example.net=Joe.Doe@fwd.example.org")
    assert HERE.claims(rewritten)
    assert HERE.reverse(rewritten, NOW) == "Joe.Doe@example.net"


@given(st.from_regex(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,20}", fullmatch=True))
def test_any_local_part_comes_back(local: str) -> None:
    rewritten = HERE.forward(f"{local}@example.net", NOW)
    if local[:4].upper() not in ("SRS0", "SRS1"):
        assert HERE.reverse(rewritten, NOW) == f"{local}@example.net"


def test_a_second_forwarder_leads_back_to_the_first() -> None:
    once = HERE.forward("joe@example.net", NOW)
    twice = OTHER.forward(once, NOW)
    assert twice.startswith("SRS1=")
    assert OTHER.reverse(twice, NOW) == once
    third = SRS(b"third", "third.example")
    thrice = third.forward(twice, NOW)
    assert third.reverse(thrice, NOW) == once


def test_servers_that_fold_case_do_not_break_it() -> None:
    rewritten = HERE.forward("joe@example.net", NOW)
    assert HERE.reverse(rewritten.lower(), NOW) == "joe@example.net"
    assert HERE.reverse(rewritten.upper(), NOW).lower() == "joe@example.net"


@pytest.mark.parametrize(
    ("days", "good"), [(0, True), (-1, True), (-2, False), (21, True), (22, False), (500, False)]
)
def test_it_leads_back_for_three_weeks(days: int, good: bool) -> None:
    rewritten = HERE.forward("joe@example.net", NOW)
    if good:
        assert HERE.reverse(rewritten, NOW + days * DAY) == "joe@example.net"
    else:
        with pytest.raises(Invalid):
            HERE.reverse(rewritten, NOW + days * DAY)


def test_forged_ones_lead_nowhere() -> None:
    rewritten = HERE.forward("joe@example.net", NOW)
    with pytest.raises(Invalid):
        SRS(b"guess", "fwd.example.org").reverse(rewritten, NOW)
    with pytest.raises(Invalid):
        HERE.reverse(rewritten.replace("=joe@", "=jane@"), NOW)
    with pytest.raises(Invalid):
        HERE.reverse(rewritten.replace("example.net", "example.com"), NOW)
    for malformed in ("SRS0=x@fwd.example.org", "SRS1=a=b@fwd.example.org"):
        with pytest.raises(Invalid):
            HERE.reverse(malformed, NOW)


@pytest.mark.parametrize(
    "address",
    [
        "joe@fwd.example.org",  # ours already
        "a-local-part-of-quite-some-length-but-legal@a-long-domain.example.net",
        "not an address",
        "",
    ],
)
def test_what_stays_as_it_is(address: str) -> None:
    assert HERE.forward(address, NOW) == address


def test_only_our_domain_is_claimed() -> None:
    assert not HERE.claims("srs0@fwd.example.org")
    assert not HERE.claims("SRS0=a=b=c=d@example.net")
    assert not HERE.claims("SRS2=a=b=c=d@fwd.example.org")
    assert HERE.claims("srs0=a=b=c=d@FWD.example.org")
