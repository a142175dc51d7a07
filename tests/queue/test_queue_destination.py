"""From a domain to servers: MX rules, loops, literals, routes, and what the DNS does wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import Unavailable
from mailhub.model.outbound import Stage
from mailhub.model.route import Credentials, Route, TLSLevel
from mailhub.model.settings import QueueSettings
from mailhub.queue.destination import Destination, Destinations
from tests.fakes import SeededRandomness
from tests.names import FakeResolver
from tests.support import run

ZONE: dict[tuple[str, str], Any] = {
    ("example.org", "MX"): [(20, "mx2.example.org"), (10, "mx1.example.org")],
    ("mx1.example.org", "A"): ["192.0.2.1", "192.0.2.2"],
    ("mx1.example.org", "AAAA"): ["2001:db8::1"],
    ("mx2.example.org", "A"): ["192.0.2.3"],
    ("implicit.example", "A"): ["192.0.2.9"],
    ("null.example", "MX"): [(0, ".")],
    ("text.example", "TXT"): ["nothing else"],
    ("broken.example", "MX"): Unavailable("SERVFAIL"),
    ("alias.example", "CNAME"): ["example.org"],
    ("relay.example", "A"): ["10.0.0.5"],
}


def seek(
    zone: dict[tuple[str, str], Any],
    domain: str,
    route: Route | None = None,
    *,
    require_tls: bool = False,
    settings: QueueSettings | None = None,
    own: Callable[[str, int], bool] = lambda address, port: False,
    authentic: bool = False,
) -> Destination:
    destinations = Destinations(
        FakeResolver(zone, authentic=authentic),
        None,
        settings or QueueSettings(),
        SeededRandomness(),
        hostname="mail.test",
        own=own,
    )
    return run(destinations.find(domain, route, require_tls=require_tls))


def status(found: Destination) -> str:
    assert found.hops == ()
    assert found.refusal is not None
    assert found.refusal.code == 0
    assert found.refusal.stage is Stage.RESOLVE
    return found.refusal.status


def hosts(found: Destination) -> list[str]:
    assert found.refusal is None
    return [hop.host for hop in found.hops]


def test_preference_order_and_both_families() -> None:
    found = seek(ZONE, "example.org")
    assert [(hop.host, hop.addresses, hop.port) for hop in found.hops] == [
        ("mx1.example.org", ("2001:db8::1", "192.0.2.1", "192.0.2.2"), 25),
        ("mx2.example.org", ("192.0.2.3",), 25),
    ]
    assert found.hops[0].security.level is TLSLevel.OPPORTUNISTIC
    assert found.hops[0].credentials is None
    assert found.refusal is None


def test_families_take_turns() -> None:
    zone = ZONE | {
        ("mx1.example.org", "AAAA"): ["2001:db8::1", "2001:db8::2", "2001:DB8:0::1", "2001:db8::3"]
    }
    assert seek(zone, "example.org").hops[0].addresses == (
        "2001:db8::1",
        "192.0.2.1",
        "2001:db8::2",
        "192.0.2.2",
        "2001:db8::3",
    )


def test_equals_are_in_random_order_and_all_there() -> None:
    names = [f"mx{number}.example.org" for number in range(4)]
    zone: dict[tuple[str, str], Any] = {("example.org", "MX"): [(10, name) for name in names]}
    zone |= {(name, "A"): ["192.0.2.1"] for name in names}
    destinations = Destinations(
        FakeResolver(zone),
        None,
        QueueSettings(),
        SeededRandomness(),
        hostname="mail.test",
        own=lambda address, port: False,
    )
    orders = {tuple(hosts(run(destinations.find("example.org")))) for _ in range(60)}
    assert all(sorted(order) == names for order in orders)
    assert len(orders) > 12
    assert {order[0] for order in orders} == set(names)


def test_a_domain_without_mx_is_its_own_host() -> None:
    found = seek(ZONE, "implicit.example")
    assert [(hop.host, hop.addresses) for hop in found.hops] == [
        ("implicit.example", ("192.0.2.9",))
    ]


def test_a_domain_that_is_an_alias() -> None:
    assert hosts(seek(ZONE, "alias.example")) == ["mx1.example.org", "mx2.example.org"]


@pytest.mark.parametrize(
    ("domain", "wanted"),
    [
        ("null.example", "5.1.10"),
        ("nowhere.example", "5.1.2"),
        ("broken.example", "4.4.3"),
        ("text.example", "5.4.4"),
    ],
)
def test_domains_without_servers(domain: str, wanted: str) -> None:
    assert status(seek(ZONE, domain)) == wanted


def test_a_null_mx_beside_others_counts_for_nothing() -> None:
    zone = ZONE | {("example.org", "MX"): [(0, "."), (10, "mx2.example.org")]}
    assert hosts(seek(zone, "example.org")) == ["mx2.example.org"]


def test_hosts_without_address_are_passed_over() -> None:
    zone = {key: value for key, value in ZONE.items() if key[0] != "mx1.example.org"}
    assert hosts(seek(zone, "example.org")) == ["mx2.example.org"]


def test_a_host_that_cannot_be_looked_up_is_passed_over() -> None:
    zone = ZONE | {
        ("mx1.example.org", "A"): Unavailable(),
        ("mx1.example.org", "AAAA"): Unavailable(),
    }
    assert hosts(seek(zone, "example.org")) == ["mx2.example.org"]
    zone |= {("mx2.example.org", "A"): Unavailable()}
    assert status(seek(zone, "example.org")) == "4.4.3"


def test_one_family_is_enough() -> None:
    zone = ZONE | {("mx1.example.org", "AAAA"): Unavailable()}
    assert seek(zone, "example.org").hops[0].addresses == ("192.0.2.1", "192.0.2.2")
    zone = ZONE | {("mx2.example.org", "AAAA"): Unavailable(), ("mx2.example.org", "A"): []}
    zone |= {("example.org", "MX"): [(10, "mx2.example.org")]}
    assert status(seek(zone, "example.org")) == "4.4.3"


def test_all_hosts_without_address_is_permanent() -> None:
    zone = {("example.org", "MX"): [(10, "gone.example.org")]}
    assert status(seek(zone, "example.org")) == "5.4.4"


def test_our_own_name_cuts_what_is_not_better() -> None:
    zone = ZONE | {
        ("example.org", "MX"): [
            (10, "mx1.example.org"),
            (20, "mail.test"),
            (20, "mx2.example.org"),
            (30, "mx3.example.org"),
        ],
        ("mx3.example.org", "A"): ["192.0.2.30"],
        ("mail.test", "A"): ["192.0.2.77"],
    }
    assert hosts(seek(zone, "example.org")) == ["mx1.example.org"]


def test_our_own_address_cuts_too() -> None:
    def own(address: str, port: int) -> bool:
        return (address, port) == ("192.0.2.3", 25)

    assert hosts(seek(ZONE, "example.org", own=own)) == ["mx1.example.org"]
    zone = ZONE | {("mx1.example.org", "A"): ["192.0.2.3", "192.0.2.1"]}
    assert status(seek(zone, "example.org", own=own)) == "5.4.6"


def test_being_the_best_mx_is_a_loop() -> None:
    zone = ZONE | {("example.org", "MX"): [(10, "mail.test"), (20, "mx1.example.org")]}
    assert status(seek(zone, "example.org")) == "5.4.6"
    assert status(seek({("mail.test", "A"): ["192.0.2.77"]}, "mail.test")) == "5.4.6"


def test_a_loop_does_not_bounce_while_better_hosts_are_unknown() -> None:
    zone = ZONE | {
        ("example.org", "MX"): [(10, "mx1.example.org"), (20, "mx2.example.org")],
        ("mx1.example.org", "A"): Unavailable(),
        ("mx1.example.org", "AAAA"): Unavailable(),
    }
    found = seek(zone, "example.org", own=lambda address, port: address == "192.0.2.3")
    assert status(found) == "4.4.3"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1"])
def test_private_addresses_are_not_connected_to(address: str) -> None:
    zone = {("evil.example", "MX"): [(10, "mx.evil.example")], ("mx.evil.example", "A"): [address]}
    assert status(seek(zone, "evil.example")) == "4.4.4"
    allowed = QueueSettings(private_addresses=True)
    assert seek(zone, "evil.example", settings=allowed).hops[0].addresses == (address,)


def test_public_addresses_beside_private_ones_stay() -> None:
    zone = {
        ("evil.example", "A"): ["127.0.0.1", "192.0.2.1"],
        ("evil.example", "AAAA"): ["::1", "::ffff:10.0.0.1", "fd00::1"],
    }
    assert seek(zone, "evil.example").hops[0].addresses == ("192.0.2.1",)


def test_a_thousand_mx_are_cut() -> None:
    zone: dict[tuple[str, str], Any] = {
        ("many.example", "MX"): [(number, f"mx{number}.many.example") for number in range(1000)]
    }
    zone |= {(f"mx{number}.many.example", "A"): ["192.0.2.1"] for number in range(1000)}
    resolver = FakeResolver(zone)
    destinations = Destinations(
        resolver,
        None,
        QueueSettings(),
        SeededRandomness(),
        hostname="mail.test",
        own=lambda address, port: False,
    )
    assert hosts(run(destinations.find("many.example"))) == [
        f"mx{number}.many.example" for number in range(10)
    ]
    assert len(resolver.asked) == 21


def test_a_host_with_many_addresses_is_cut() -> None:
    zone = {("many.example", "A"): [f"192.0.2.{number}" for number in range(1, 200)]}
    assert len(seek(zone, "many.example").hops[0].addresses) == 6


@pytest.mark.parametrize(
    ("domain", "address"),
    [("[192.0.2.1]", "192.0.2.1"), ("[IPv6:2001:db8::1]", "2001:db8::1")],
)
def test_address_literals(domain: str, address: str) -> None:
    found = seek({}, domain)
    assert [(hop.host, hop.addresses) for hop in found.hops] == [(address, (address,))]
    assert found.hops[0].security.applied is None


def test_address_literals_that_lead_nowhere() -> None:
    assert status(seek({}, "[127.0.0.1]")) == "5.1.2"
    assert status(seek({}, "[IPv6:::1]")) == "5.1.2"
    assert status(seek({}, "[x400:c=us]")) == "5.1.3"
    assert status(seek({}, "[192.0.2.1]", own=lambda address, port: True)) == "5.4.6"


ROUTE = Route(
    1,
    "*",
    host="Relay.example.",
    port=587,
    username="user",
    password="secret",
    tls=TLSLevel.VERIFIED,
    sources=("192.0.2.50", "192.0.2.51"),
)


def test_a_route_names_its_server() -> None:
    found = seek(ZONE, "nowhere.example", ROUTE)
    (hop,) = found.hops
    assert (hop.host, hop.addresses, hop.port) == ("relay.example", ("10.0.0.5",), 587)
    assert hop.credentials == Credentials("user", "secret")
    assert hop.sources == ("192.0.2.50", "192.0.2.51")
    assert hop.security.level is TLSLevel.VERIFIED
    assert hop.security.names == ("relay.example",)
    assert hop.security.applied is None
    assert not hop.security.implicit


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("::1", "::1")]
)
def test_a_route_to_an_address(host: str, address: str) -> None:
    (hop,) = seek({}, "example.org", Route(1, "*", host=host, port=465)).hops
    assert (hop.host, hop.addresses) == (address, (address,))
    assert hop.security.implicit


def test_a_route_whose_server_is_gone_waits() -> None:
    assert status(seek({}, "example.org", ROUTE)) == "4.4.4"
    assert status(seek({("relay.example", "A"): Unavailable()}, "example.org", ROUTE)) == "4.4.3"


def test_a_route_without_host_goes_by_mx_and_tells_nobody_its_password() -> None:
    route = Route(
        1, "*", username="user", password="x", tls=TLSLevel.REQUIRED, sources=("192.0.2.50",)
    )
    found = seek(ZONE, "example.org", route)
    assert hosts(found) == ["mx1.example.org", "mx2.example.org"]
    assert {hop.credentials for hop in found.hops} == {None}
    assert {hop.sources for hop in found.hops} == {("192.0.2.50",)}
    assert {hop.security.level for hop in found.hops} == {TLSLevel.REQUIRED}


def finder(resolver: FakeResolver, own: Callable[[str, int], bool]) -> Destinations:
    return Destinations(
        resolver, None, QueueSettings(), SeededRandomness(), hostname="mail.test", own=own
    )


def test_a_route_to_an_address_is_worked_out_once_for_all_domains() -> None:
    destinations = finder(FakeResolver(), lambda address, port: False)
    route = Route(1, "*", host="192.0.2.7", tls=TLSLevel.VERIFIED)
    (first,) = run(destinations.find("one.example", route)).hops
    (second,) = run(destinations.find("two.example", replace(route))).hops
    assert first is second
    (moved,) = run(destinations.find("one.example", replace(route, host="192.0.2.8"))).hops
    assert moved.addresses == ("192.0.2.8",)
    clear = replace(route, tls=TLSLevel.NONE)
    assert run(destinations.find("one.example", clear)).hops
    assert status(run(destinations.find("one.example", clear, require_tls=True))) == "5.7.30"


def test_a_route_to_a_name_is_looked_up_each_time() -> None:
    resolver = FakeResolver({("relay.example", "A"): ["192.0.2.7"]})
    destinations = finder(resolver, lambda address, port: False)
    assert run(destinations.find("one.example", ROUTE)).hops[0].addresses == ("192.0.2.7",)
    resolver.set("relay.example", "A", ["192.0.2.8"])
    assert run(destinations.find("one.example", ROUTE)).hops[0].addresses == ("192.0.2.8",)


def test_a_users_relay_is_checked_each_time() -> None:
    ours: list[str] = []
    destinations = finder(FakeResolver(), lambda address, port: address in ours)
    route = Route(1, "relay", host="198.41.0.4", guarded=True)
    assert hosts(run(destinations.find("relay", route))) == ["198.41.0.4"]
    ours.append("198.41.0.4")
    assert status(run(destinations.find("relay", route))) == "5.4.6"


def test_sources_are_spread() -> None:
    route = Route(1, "*", host="127.0.0.1", sources=("192.0.2.1", "192.0.2.2"), spread=True)
    destinations = finder(FakeResolver(), lambda address, port: False)
    firsts = {run(destinations.find("x.example", route)).hops[0].sources[0] for _ in range(30)}
    assert firsts == set(route.sources)


def test_questions_are_under_way_together() -> None:
    events: list[str] = []

    class Eager(FakeResolver):
        def query(self, name: str, kind: str) -> Any:
            events.append(f"asked {name}")

            async def answer() -> DNSAnswer:
                events.append(f"awaited {name}")
                return await FakeResolver.query(self, name, kind)

            return answer()

    destinations = Destinations(
        Eager(ZONE),
        None,
        QueueSettings(),
        SeededRandomness(),
        hostname="mail.test",
        own=lambda address, port: False,
    )
    run(destinations.find("example.org"))
    assert events[:7] == [
        "asked example.org",
        "awaited example.org",
        "asked mx1.example.org",
        "asked mx1.example.org",
        "asked mx2.example.org",
        "asked mx2.example.org",
        "awaited mx1.example.org",
    ]


# -- servers that users name


@pytest.mark.parametrize(
    ("host", "status_"),
    [("relay.example", "5.7.1"), ("10.0.0.5", "5.7.1"), ("127.0.0.1", "5.7.1"), ("::1", "5.7.1")],
)
def test_a_users_relay_is_no_private_one(host: str, status_: str) -> None:
    named = Route(-1, "smtp://x", host=host, guarded=True)
    assert status(seek(ZONE, "smtp://x", named)) == status_
    allowed = seek(ZONE, "smtp://x", named, settings=QueueSettings(private_addresses=True))
    assert hosts(allowed) == [host]


def test_a_users_relay_keeps_its_public_addresses_alone() -> None:
    zone = ZONE | {("two.example", "A"): ["10.0.0.5", "192.0.2.8"]}
    [hop] = seek(zone, "smtp://x", Route(-1, "smtp://x", host="two.example", guarded=True)).hops
    assert hop.addresses == ("192.0.2.8",)


def test_a_users_relay_is_not_this_server() -> None:
    def own(address: str, port: int) -> bool:
        return (address, port) == ("192.0.2.9", 2525)

    named = Route(-1, "smtp://x", host="implicit.example", port=2525, guarded=True)
    assert status(seek(ZONE, "smtp://x", named, own=own)) == "5.4.6"
    assert hosts(seek(ZONE, "smtp://x", replace(named, port=25), own=own)) == ["implicit.example"]


def test_tls_from_the_first_octet_at_any_port() -> None:
    named = Route(
        -1,
        "smtps://x",
        host="implicit.example",
        port=4465,
        tls=TLSLevel.VERIFIED,
        implicit=True,
        guarded=True,
    )
    [hop] = seek(ZONE, "smtps://x", named).hops
    assert (hop.security.implicit, hop.security.level) == (True, TLSLevel.VERIFIED)
    assert hop.security.names == ("implicit.example",)
