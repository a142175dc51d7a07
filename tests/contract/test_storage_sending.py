"""Routes, relaying networks, suppressions, signing keys and report counts of every store."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mailhub.model.account import NewAccount, Secrets, Sending
from mailhub.model.address import Domain, NewAddress
from mailhub.model.dkim import DkimKey, KeyState
from mailhub.model.errors import AlreadyExists, NotFound
from mailhub.model.queue import Suppression
from mailhub.model.report import ReportRow
from mailhub.model.route import Route, TLSLevel
from tests.contract.stores import ACTOR, House

ROUTE = Route(
    number=0,
    destination="*",
    host="relay.example",
    port=587,
    sender="home.example",
    account=3,
    priority=-2,
    weight=5,
    sources=("192.0.2.1", "2001:db8::1"),
    spread=True,
    username="u",
    password="p",
    tls=TLSLevel.VERIFIED,
    created=9,
)


def notes(house: House, kind: str) -> list[dict[str, object]]:
    rows = house.ask(house.store.journal.since(0, limit=1000))
    return [json.loads(row.detail) for row in rows if row.kind == kind]


def test_routes_come_and_go(house: House) -> None:
    routes = house.store.routes
    first = house.ask(routes.add(ROUTE, ACTOR))
    second = house.ask(routes.add(Route(0, "far.example"), ACTOR))
    assert first == replace(ROUTE, number=first.number)
    assert house.ask(routes.all()) == [first, second]
    house.ask(routes.remove(second.number, ACTOR))
    third = house.ask(routes.add(Route(0, "far.example"), ACTOR))
    assert third.number > second.number
    with pytest.raises(NotFound):
        house.ask(routes.remove(second.number, ACTOR))
    assert [note["what"] for note in notes(house, "routeschanged")] == [
        "created",
        "created",
        "removed",
        "created",
    ]
    assert "p" not in {str(value) for note in notes(house, "routeschanged") for value in note}


def test_networks_may_relay(house: House) -> None:
    routes = house.store.routes
    for network in ("2001:db8::/32", "10.0.0.0/8"):
        house.ask(routes.allow(network, ACTOR))
    with pytest.raises(AlreadyExists):
        house.ask(routes.allow("10.0.0.0/8", ACTOR))
    assert house.ask(routes.networks()) == ["2001:db8::/32", "10.0.0.0/8"]
    house.ask(routes.disallow("2001:db8::/32", ACTOR))
    with pytest.raises(NotFound):
        house.ask(routes.disallow("2001:db8::/32", ACTOR))
    house.ask(routes.allow("2001:db8::/32", ACTOR))
    assert house.ask(routes.networks()) == ["10.0.0.0/8", "2001:db8::/32"]


def test_suppressions_come_in_pages_and_are_replaced(house: House) -> None:
    routes = house.store.routes
    rows = [Suppression(f"{name}@x.example", "5.1.1", "550 no", 5) for name in "abc"]
    for row in reversed(rows):
        house.ask(routes.suppress(row, ACTOR))
    again = Suppression("b@x.example", "5.7.1", "550 \ud800go away\0", 6)
    house.ask(routes.suppress(again, ACTOR))
    known = replace(again, reply="550 ?go away")
    assert house.ask(routes.suppressions(limit=2)) == [rows[0], known]
    assert house.ask(routes.suppressions(after="b@x.example")) == [rows[2]]
    asked = ["c@x.example", "d@x.example", "b@x.example", "b@x.example"]
    assert house.ask(routes.suppressed(asked)) == [known, rows[2]]
    assert house.ask(routes.suppressed([])) == []
    house.ask(routes.unsuppress("b@x.example", ACTOR))
    with pytest.raises(NotFound):
        house.ask(routes.unsuppress("b@x.example", ACTOR))
    assert house.ask(routes.suppressions()) == [rows[0], rows[2]]


def key(domain: str, selector: str, created: int = 5, algorithm: str = "rsa") -> DkimKey:
    return DkimKey(
        domain, selector, algorithm, f"private {selector}", "public", KeyState.PENDING, created, 5
    )


def test_keys_are_added_together_or_not(house: House) -> None:
    keys = house.store.dkim_keys
    pair = [key("a.example", "r1"), key("a.example", "e1", algorithm="ed25519")]
    house.ask(keys.add(pair, ACTOR))
    for wrong in (
        [key("a.example", "r2"), key("a.example", "e1")],
        [key("a.example", "r3"), key("a.example", "r3")],
    ):
        with pytest.raises(AlreadyExists):
            house.ask(keys.add(wrong, ACTOR))
    house.ask(keys.add([key("b.example", "r1", 7)], ACTOR))
    house.ask(keys.add([key("a.example", "r9", 6)], ACTOR))
    assert [(one.domain, one.selector) for one in house.ask(keys.all())] == [
        ("b.example", "r1"),
        ("a.example", "r9"),
        ("a.example", "e1"),
        ("a.example", "r1"),
    ]
    assert house.ask(keys.all("b.example")) == [key("b.example", "r1", 7)]
    assert not any("private" in str(note) for note in notes(house, "dkimkeyschanged"))


def test_keys_change_their_state_together(house: House) -> None:
    keys = house.store.dkim_keys
    house.ask(keys.add([key("a.example", name) for name in ("one", "two", "three")], ACTOR))
    house.clock.advance(1000)
    house.ask(keys.move("a.example", ["one", "two"], KeyState.ACTIVE, ACTOR))
    known = {one.selector: (one.state, one.changed) for one in house.ask(keys.all("a.example"))}
    now = int(house.clock.now())
    assert known == {
        "one": (KeyState.ACTIVE, now),
        "two": (KeyState.ACTIVE, now),
        "three": (KeyState.PENDING, 5),
    }
    for wrong in (["one", "four"], ["four"]):
        with pytest.raises(NotFound):
            house.ask(keys.move("a.example", wrong, KeyState.RETIRED, ACTOR))
        with pytest.raises(NotFound):
            house.ask(keys.remove("a.example", wrong, ACTOR))
    with pytest.raises(NotFound):
        house.ask(keys.move("b.example", ["one"], KeyState.RETIRED, ACTOR))
    house.ask(keys.remove("a.example", ["one", "three"], ACTOR))
    [left] = house.ask(keys.all())
    assert (left.selector, left.state) == ("two", KeyState.ACTIVE)


def test_counts_add_up_by_day(house: House) -> None:
    reports = house.store.reports
    house.ask(
        reports.add(
            [
                ReportRow("dmarc", "b.example", 9, '{"ip":"1"}', 2),
                ReportRow("dmarc", "a.example", 9, '{"ip":"2"}'),
                ReportRow("dmarc", "b.example", 9, '{"ip":"1"}', 3),
                ReportRow("dmarc", "a.example", 10, '{"ip":"2"}'),
                ReportRow("tlsrpt", "a.example", 7, "{}"),
            ]
        )
    )
    house.ask(reports.add([ReportRow("dmarc", "a.example", 9, '{"ip":"2"}')]))
    house.ask(reports.add([]))
    assert house.ask(reports.of_day("dmarc", 9)) == [
        ReportRow("dmarc", "a.example", 9, '{"ip":"2"}', 2),
        ReportRow("dmarc", "b.example", 9, '{"ip":"1"}', 5),
    ]
    assert house.ask(reports.days("dmarc")) == [9, 10]
    house.ask(reports.drop("dmarc", 9))
    assert house.ask(reports.days("dmarc")) == [10]
    assert house.ask(reports.of_day("dmarc", 9)) == []
    assert house.ask(reports.days("tlsrpt")) == [7]
    assert house.ask(reports.days("arf")) == []


def test_what_a_day_has_of_one_domain(house: House) -> None:
    reports = house.store.reports
    rows = [
        ReportRow("dmarc", f"{name}.example", 9, f'["{n}"]', n) for name in "ba" for n in (1, 2)
    ]
    house.ask(reports.add(rows))
    assert house.ask(reports.domains("dmarc", 9)) == ["a.example", "b.example"]
    assert house.ask(reports.domains("dmarc", 8)) == []
    assert house.ask(reports.of_day("dmarc", 9, "b.example")) == rows[:2]
    house.ask(reports.drop("dmarc", 9, "b.example"))
    assert house.ask(reports.of_day("dmarc", 9)) == rows[2:]
    house.ask(reports.drop("dmarc", 9, "c.example"))
    assert house.ask(reports.domains("dmarc", 9)) == ["a.example"]


def test_a_day_has_bounds_and_what_it_has_still_counts(house: House) -> None:
    reports = house.store.reports

    def row(domain: str, key: str, count: int = 1) -> ReportRow:
        return ReportRow("tlsrpt", domain, 9, key, count)

    many = [row(f"{n}.example", "{}") for n in range(10)]
    house.ask(reports.add([*many, row("z.example", "{}")], most=10))
    assert house.ask(reports.of_day("tlsrpt", 9)) == many
    house.ask(reports.add([row("3.example", "{}", 4), row("y.example", "{}")], most=10))
    assert house.ask(reports.of_day("tlsrpt", 9, "3.example")) == [row("3.example", "{}", 5)]
    assert house.ask(reports.domains("tlsrpt", 9)) == [one.domain for one in many]
    house.ask(reports.drop("tlsrpt", 9))
    # One domain's share is a tenth.
    greedy = [row("big.example", str(n)) for n in range(5)]
    house.ask(reports.add([*greedy, row("small.example", "0")], most=20))
    assert house.ask(reports.of_day("tlsrpt", 9)) == [*greedy[:2], row("small.example", "0")]
    house.ask(reports.add([*greedy, *greedy], most=20))
    counts = [one.count for one in house.ask(reports.of_day("tlsrpt", 9, "big.example"))]
    assert counts == [3, 3]


def test_what_is_marked_is_added_once(house: House) -> None:
    reports = house.store.reports
    marker = ReportRow("dmarc-in", "a.example", 9, '{"id":"ä1"}', 0)
    row = ReportRow("dmarc-in-source", "a.example", 9, "x", 2)
    assert house.ask(reports.add_once(marker, [row]))
    assert not house.ask(reports.add_once(marker, [row]))
    assert house.ask(reports.of_day("dmarc-in", 9)) == [marker]
    assert house.ask(reports.of_day("dmarc-in-source", 9)) == [row]
    other = ReportRow("dmarc-in", "a.example", 9, '{"id":"2"}', 0)
    assert not house.ask(reports.add_once(other, [row], most=10))
    assert house.ask(reports.of_day("dmarc-in-source", 9)) == [row]


def test_domains_addresses_and_accounts_keep_how_they_send(house: House) -> None:
    store = house.store
    relay = house.ask(store.domains.add(Domain(0, "i", "far.example", relay=True), ACTOR))
    assert relay.relay
    assert house.ask(store.domains.all()) == [relay]
    assert not house.ask(store.domains.replace(replace(relay, relay=False), ACTOR)).relay
    order = NewAddress(
        "j", "p@x.example", "p@x.example", 1, program=("sort", "-x", "ä b"), minilist=True
    )
    address = house.ask(store.addresses.add(order, ACTOR))
    assert (address.program, address.minilist) == (("sort", "-x", "ä b"), True)
    assert house.ask(store.addresses.get("p@x.example")) == address
    changed = house.ask(
        store.addresses.replace(replace(address, program=(), minilist=False), ACTOR)
    )
    assert (changed.program, changed.minilist) == ((), False)
    account = house.ask(
        store.accounts.create(
            NewAccount("k" * 24, "app", 1, sending=Sending.ANY), Secrets(), (), (), ACTOR
        )
    )
    assert account.sending is Sending.ANY
    local = house.ask(store.accounts.replace(replace(account, sending=Sending.LOCAL), ACTOR))
    assert local.sending is Sending.LOCAL
    assert house.ask(store.accounts.get(account.number)) == local
