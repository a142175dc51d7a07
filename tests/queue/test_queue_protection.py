"""What TLS must prove: DANE, MTA-STS, REQUIRETLS and routes, together."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from mailhub.model.errors import Unavailable
from mailhub.model.route import TLSA, Route, TLSLevel
from mailhub.model.settings import QueueSettings
from mailhub.model.tlsreport import TLSPolicy, TLSPolicyKind, TLSResult
from mailhub.policy.sts_found import STSPolicies
from mailhub.queue import dane
from mailhub.queue.destination import Destination, Destinations
from tests.fakes import FakeClock, SeededRandomness
from tests.names import FakeResolver
from tests.support import run
from tests.web import FakeFetch, FakeShelf

EE = TLSA(3, 1, 1, bytes(32))
TA = TLSA(2, 0, 2, bytes(64))
PKIX = TLSA(1, 1, 1, bytes(32))
ZONE: dict[tuple[str, str], Any] = {
    ("example.org", "MX"): [(10, "mx1.example.org"), (20, "mx2.example.org")],
    ("mx1.example.org", "A"): ["192.0.2.1"],
    ("mx2.example.org", "A"): ["192.0.2.2"],
}
TLSA1 = ("_25._tcp.mx1.example.org", "TLSA")
TLSA2 = ("_25._tcp.mx2.example.org", "TLSA")
STS = {("_mta-sts.example.org", "TXT"): ["v=STSv1; id=1;"]}
URL = "https://mta-sts.example.org/.well-known/mta-sts.txt"


def policy(mode: str, *patterns: str) -> dict[str, bytes]:
    lines = ["version: STSv1", f"mode: {mode}", "max_age: 86400", *(f"mx: {p}" for p in patterns)]
    return {URL: "\r\n".join(lines).encode()}


def seek(
    more: dict[tuple[str, str], Any],
    *,
    authentic: bool | Collection[str] = True,
    documents: dict[str, Any] | None = None,
    require_tls: bool = False,
    tls_optional: bool = False,
    level: TLSLevel | None = None,
    host: str = "",
    domain: str = "example.org",
) -> Destination:
    resolver = FakeResolver(ZONE | more, authentic=authentic)
    sts = STSPolicies(resolver, FakeFetch(documents or {}), FakeClock(), FakeShelf())
    destinations = Destinations(
        resolver,
        sts,
        QueueSettings(),
        SeededRandomness(),
        hostname="mail.test",
        own=lambda address, port: False,
    )
    route = Route(1, "*", host=host, tls=level) if level else None
    wishes = {"require_tls": require_tls, "tls_optional": tls_optional}
    return run(destinations.find(domain, route, **wishes))


def levels(found: Destination) -> dict[str, TLSLevel]:
    assert found.refusal is None, found.refusal
    return {hop.host: hop.security.level for hop in found.hops}


def status(found: Destination) -> str:
    assert found.hops == ()
    assert found.refusal is not None
    return found.refusal.status


# -- DANE


def test_tlsa_records_of_authentic_hosts_are_dane() -> None:
    found = seek({TLSA1: [EE, PKIX, TA]})
    first, second = found.hops
    assert first.security.level is TLSLevel.DANE
    assert first.security.tlsa == (EE, TA)
    assert first.security.names == ("mx1.example.org", "example.org")
    assert first.security.applied == TLSPolicy(
        "example.org",
        TLSPolicyKind.TLSA,
        ("3 1 1 " + "00" * 32, "1 1 1 " + "00" * 32, "2 0 2 " + "00" * 64),
    )
    assert second.security.level is TLSLevel.OPPORTUNISTIC
    assert second.security.applied == TLSPolicy("example.org", TLSPolicyKind.NONE)


@pytest.mark.parametrize(
    "signed",
    [
        (),
        ("mx1.example.org", TLSA1[0]),
        ("example.org", TLSA1[0]),
        ("example.org", "mx1.example.org"),
    ],
)
def test_every_answer_must_be_authentic(signed: tuple[str, ...]) -> None:
    found = seek({TLSA1: [EE]}, authentic=signed)
    assert levels(found)["mx1.example.org"] is TLSLevel.OPPORTUNISTIC
    everything = ("example.org", "mx1.example.org", TLSA1[0])
    found = seek({TLSA1: [EE]}, authentic=everything)
    assert levels(found)["mx1.example.org"] is TLSLevel.DANE


def test_hosts_whose_answers_are_not_authentic_are_not_asked_for_tlsa() -> None:
    resolver = FakeResolver(ZONE, authentic=("example.org",))
    destinations = Destinations(
        resolver,
        None,
        QueueSettings(),
        SeededRandomness(),
        hostname="mail.test",
        own=lambda address, port: False,
    )
    run(destinations.find("example.org"))
    assert [kind for _, kind in resolver.asked if kind == "TLSA"] == []


def test_unusable_records_ask_for_encryption_alone() -> None:
    assert levels(seek({TLSA1: [PKIX]}))["mx1.example.org"] is TLSLevel.REQUIRED


def test_a_host_whose_tlsa_cannot_be_looked_up_is_passed_over() -> None:
    found = seek({TLSA1: Unavailable("SERVFAIL")})
    assert levels(found) == {"mx2.example.org": TLSLevel.OPPORTUNISTIC}
    (report,) = found.reports
    assert (report.result, report.mx) == (TLSResult.DNSSEC_INVALID, "mx1.example.org")
    found = seek({TLSA1: Unavailable(), TLSA2: Unavailable()})
    assert status(found) == "4.7.5"


def test_aliases_are_tried_first_at_their_end() -> None:
    more: dict[tuple[str, str], Any] = {
        ("example.org", "MX"): [(10, "mx.example.org")],
        ("mx.example.org", "CNAME"): ["host.example.net"],
        ("host.example.net", "A"): ["192.0.2.7"],
        ("_25._tcp.host.example.net", "TLSA"): [EE],
        ("_25._tcp.mx.example.org", "TLSA"): [TA],
    }
    (hop,) = seek(more).hops
    assert (hop.host, hop.security.tlsa) == ("mx.example.org", (EE,))
    assert hop.security.names == ("host.example.net", "mx.example.org", "example.org")
    del more["_25._tcp.host.example.net", "TLSA"]
    (hop,) = seek(more).hops
    assert hop.security.tlsa == (TA,)
    assert hop.security.names[0] == "mx.example.org"


def test_an_alias_that_leaves_the_signed_zones_is_tried_by_its_own_name() -> None:
    more: dict[tuple[str, str], Any] = {
        ("example.org", "MX"): [(10, "mx.example.org")],
        ("mx.example.org", "CNAME"): ["host.example.net"],
        ("host.example.net", "A"): ["192.0.2.7"],
        ("_25._tcp.host.example.net", "TLSA"): [EE],
        ("_25._tcp.mx.example.org", "TLSA"): [TA],
    }
    signed = ("example.org", "mx.example.org", "_25._tcp.mx.example.org")
    (hop,) = seek(more, authentic=signed).hops
    assert hop.security.tlsa == (TA,)


def test_an_implicit_mx_has_dane_too() -> None:
    more = {("plain.example", "A"): ["192.0.2.1"], ("_25._tcp.plain.example", "TLSA"): [EE]}
    found = seek(more, domain="plain.example")
    assert levels(found) == {"plain.example": TLSLevel.DANE}


@pytest.mark.parametrize(
    ("record", "good"),
    [
        (EE, True),
        (TA, True),
        (TLSA(3, 0, 0, b"DER"), True),
        (TLSA(0, 0, 1, bytes(32)), False),
        (PKIX, False),
        (TLSA(4, 0, 1, bytes(32)), False),
        (TLSA(3, 2, 1, bytes(32)), False),
        (TLSA(3, 1, 3, bytes(32)), False),
        (TLSA(3, 1, 1, bytes(31)), False),
        (TLSA(3, 1, 2, bytes(32)), False),
        (TLSA(3, 1, 0, b""), False),
        (TLSA(3, 1, 0, bytes(20000)), False),
    ],
)
def test_usable_records(record: TLSA, good: bool) -> None:
    assert dane.usable(record) is good


# -- MTA-STS


def test_enforce_drops_hosts_that_the_policy_does_not_name() -> None:
    found = seek(STS, authentic=False, documents=policy("enforce", "mx2.example.org"))
    (hop,) = found.hops
    assert hop.host == "mx2.example.org"
    assert hop.security.level is TLSLevel.VERIFIED
    assert hop.security.names == ("mx2.example.org",)
    assert hop.security.policy == "sts"
    assert hop.security.applied is not None
    assert hop.security.applied.hosts == ("mx2.example.org",)
    assert hop.security.applied.lines[0] == "version: STSv1"
    assert [(one.mx, one.result) for one in found.reports] == [
        ("mx1.example.org", TLSResult.VALIDATION_FAILURE)
    ]


def test_enforce_without_any_named_host_waits() -> None:
    found = seek(STS, authentic=False, documents=policy("enforce", "*.example.net"))
    assert status(found) == "4.7.5"
    assert len(found.reports) == 2


def test_testing_sends_on_and_checks_for_reports() -> None:
    found = seek(STS, authentic=False, documents=policy("testing", "mx1.example.org"))
    first, second = found.hops
    assert first.security.level is TLSLevel.OPPORTUNISTIC
    assert first.security.names == ("mx1.example.org",)
    assert first.security.applied is not None
    assert first.security.applied.testing
    assert second.security.level is TLSLevel.OPPORTUNISTIC
    assert [one.mx for one in found.reports] == ["mx2.example.org"]


def test_mode_none_is_no_policy() -> None:
    found = seek(STS, authentic=False, documents=policy("none"))
    assert set(levels(found).values()) == {TLSLevel.OPPORTUNISTIC}
    assert found.reports == ()


def test_a_document_that_cannot_be_had_is_reported_and_mail_goes_on() -> None:
    found = seek(STS, authentic=False)
    assert set(levels(found).values()) == {TLSLevel.OPPORTUNISTIC}
    assert [one.result for one in found.reports] == [TLSResult.STS_FETCH_ERROR]


def test_dane_goes_before_sts() -> None:
    documents = policy("enforce", "mx2.example.org")
    found = seek(STS | {TLSA1: [EE]}, documents=documents)
    assert levels(found) == {
        "mx1.example.org": TLSLevel.DANE,
        "mx2.example.org": TLSLevel.VERIFIED,
    }


# -- REQUIRETLS


def test_requiretls_by_dane_and_authentic_mx() -> None:
    found = seek({TLSA1: [EE]}, require_tls=True)
    assert levels(found) == {
        "mx1.example.org": TLSLevel.DANE,
        "mx2.example.org": TLSLevel.VERIFIED,
    }
    assert found.hops[1].security.names == ("mx2.example.org",)
    assert found.hops[1].security.policy == "requiretls"


def test_requiretls_without_a_way_to_trust_the_mx_is_permanent() -> None:
    assert status(seek({}, authentic=False, require_tls=True)) == "5.7.30"


def test_requiretls_waits_while_one_host_may_be_verified_later() -> None:
    found = seek({TLSA1: Unavailable()}, require_tls=True, level=TLSLevel.OPPORTUNISTIC)
    assert levels(found) == {"mx2.example.org": TLSLevel.VERIFIED}
    signed = ("example.org", "mx1.example.org")
    more = {("example.org", "MX"): [(10, "mx1.example.org")], TLSA1: Unavailable()}
    assert status(seek(more, authentic=signed, require_tls=True)) == "4.7.5"


@pytest.mark.parametrize("mode", ["enforce", "testing"])
def test_requiretls_by_sts(mode: str) -> None:
    documents = policy(mode, "mx1.example.org")
    found = seek(STS, authentic=False, documents=documents, require_tls=True)
    assert levels(found) == {"mx1.example.org": TLSLevel.VERIFIED}


def test_requiretls_where_there_is_no_mx_to_forge() -> None:
    more = {("plain.example", "A"): ["192.0.2.1"]}
    found = seek(more, authentic=False, domain="plain.example", require_tls=True)
    assert found.hops[0].security.level is TLSLevel.VERIFIED
    assert found.hops[0].security.names == ("plain.example",)


def test_requiretls_over_a_route() -> None:
    more = {("relay.example", "A"): ["192.0.2.1"]}
    for level in (TLSLevel.OPPORTUNISTIC, TLSLevel.REQUIRED, TLSLevel.VERIFIED):
        found = seek(more, authentic=False, host="relay.example", level=level, require_tls=True)
        assert levels(found) == {"relay.example": TLSLevel.VERIFIED}
    found = seek(more, host="relay.example", level=TLSLevel.NONE, require_tls=True)
    assert status(found) == "5.7.30"


# -- routes


@pytest.mark.parametrize(
    ("level", "wanted"),
    [
        (TLSLevel.NONE, TLSLevel.NONE),
        (TLSLevel.OPPORTUNISTIC, TLSLevel.OPPORTUNISTIC),
        (TLSLevel.REQUIRED, TLSLevel.REQUIRED),
        (TLSLevel.VERIFIED, TLSLevel.VERIFIED),
    ],
)
def test_a_route_sets_the_level(level: TLSLevel, wanted: TLSLevel) -> None:
    assert set(levels(seek({}, level=level)).values()) == {wanted}
    more = {("relay.example", "A"): ["192.0.2.1"], ("_25._tcp.relay.example", "TLSA"): [EE]}
    found = seek(more, level=level, host="relay.example")
    assert levels(found) == {"relay.example": wanted}


def test_a_route_does_not_lower_what_a_policy_asks_for() -> None:
    documents = policy("enforce", "*.example.org")
    found = seek(STS, authentic=False, documents=documents, level=TLSLevel.REQUIRED)
    assert set(levels(found).values()) == {TLSLevel.VERIFIED}


def test_a_route_that_asks_for_dane() -> None:
    more = {("relay.example", "A"): ["192.0.2.1"], ("_25._tcp.relay.example", "TLSA"): [EE]}
    found = seek(more, level=TLSLevel.DANE, host="relay.example")
    assert levels(found) == {"relay.example": TLSLevel.DANE}
    found = seek(more, level=TLSLevel.DANE, host="relay.example", authentic=False)
    assert status(found) == "4.7.5"
    found = seek({TLSA2: [EE]}, level=TLSLevel.DANE)
    assert levels(found) == {"mx2.example.org": TLSLevel.DANE}
    assert [one.result for one in found.reports] == [TLSResult.DANE_REQUIRED]


# -- TLS-Required: No (RFC 8689)


def test_policies_hold_nobody_up_who_does_not_want_them() -> None:
    for more in ({TLSA1: [EE]}, {TLSA1: Unavailable()}, STS):
        found = seek(more, documents=policy("enforce", "other.example"), tls_optional=True)
        assert set(levels(found).values()) == {TLSLevel.OPPORTUNISTIC}
        assert [hop.security.applied for hop in found.hops] == [None] * len(found.hops)
        assert found.reports == ()


@pytest.mark.parametrize("level", [TLSLevel.VERIFIED, TLSLevel.REQUIRED])
def test_what_an_administrator_asks_for_counts_all_the_same(level: TLSLevel) -> None:
    relay = {("relay.example", "A"): ["192.0.2.9"]}
    found = seek(relay, host="relay.example", level=level, tls_optional=True)
    assert set(levels(found).values()) == {level}
    assert set(levels(seek({}, level=level, tls_optional=True)).values()) == {level}
