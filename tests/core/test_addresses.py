from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import wildcards
from mailhub.core.accounts import AccountOrder
from mailhub.core.addresses import Addresses
from mailhub.core.recipients import exact_keys
from mailhub.model.account import Role
from mailhub.model.address import Domain
from mailhub.model.errors import AlreadyExists, Invalid, NotFound
from tests.support import run
from tests.world import ACTOR, World, world

JOE, ANN = "joe@example.org", "ann@example.org"


def town() -> World:
    """A server with every kind of address."""
    here = world(people=(JOE, ANN))
    run(here.domains.add("alias.example", ACTOR, alias_of="example.org"))
    run(here.domains.add("plain.example", ACTOR, delimiter=""))
    run(here.domains.add("dash.example", ACTOR, delimiter="-+"))
    run(here.domains.add("dots.example", ACTOR, ignore_dots=True))
    run(here.domains.add("all.example", ACTOR, catch_all=ANN))
    for address, account in (
        ("joe@plain.example", 1),
        ("joe@dash.example", 1),
        ("jo.e@dots.example", 1),
        ("ann@alias.example", 1),
        ("joe+special@example.org", 2),
        ("sales*@example.org", 1),
        ("sales-uk*@example.org", 2),
        ("*@dash.example", 2),
        ('"a b"@example.org', 1),
        ("grün@example.org", 1),
    ):
        run(here.addresses.create(address, ACTOR, account=account))
    for alias, targets in (
        ("both@example.org", (JOE, ANN)),
        ("twice@example.org", (JOE, "both@example.org", "joe+x@example.org")),
        ("mixed@example.org", (JOE, "far@remote.example", "FAR@remote.example")),
        ("away@example.org", ("far@remote.example",)),
        ("loop@example.org", ("loop2@example.org",)),
        ("loop2@example.org", ("loop@example.org", ANN)),
        ("dead@example.org", ("gone@example.org",)),
        ("half@example.org", ("gone@example.org", ANN)),
        ("chain@example.org", ("mixed@alias.example", "*@example.org")),
    ):
        run(here.addresses.create(alias, ACTOR, targets=targets))
    run(here.addresses.create("team@example.org", ACTOR, account=1, targets=(ANN,)))
    return here


# address: (accounts, remote, detail)
RESOLVED = {
    "joe@example.org": ([1], [], ""),
    "JOE@EXAMPLE.ORG": ([1], [], ""),
    "joe+lists@example.org": ([1], [], "lists"),
    "joe+A+b@example.org": ([1], [], "A+b"),
    "joe+special@example.org": ([2], [], "special"),
    "joe@alias.example": ([1], [], ""),
    "joe+x@alias.example": ([1], [], "x"),
    "ann@alias.example": ([1], [], ""),
    "sales@example.org": ([1], [], ""),
    "sales-de@example.org": ([1], [], ""),
    "sales-uk-north@example.org": ([2], [], ""),
    "sales-uk-north@alias.example": ([2], [], ""),
    "joe@plain.example": ([1], [], ""),
    "joe-x@dash.example": ([1], [], "x"),
    "joe+x-y@dash.example": ([1], [], "x-y"),
    "anything@dash.example": ([2], [], ""),
    "j.o.e@dots.example": ([1], [], ""),
    "joe+t@dots.example": ([1], [], "t"),
    "nobody@all.example": ([2], [], ""),
    '"a b"@example.org': ([1], [], ""),
    '"joe"@example.org': ([1], [], ""),
    "GRÜN@example.org": ([1], [], ""),
    "both@example.org": ([1, 2], [], ""),
    "both+x@example.org": ([1, 2], [], "x"),
    "twice@example.org": ([1, 2], [], ""),
    "mixed@example.org": ([1], ["far@remote.example", "FAR@remote.example"], ""),
    "away@example.org": ([], ["far@remote.example"], ""),
    "loop@example.org": ([2], [], ""),
    "half@example.org": ([2], [], ""),
    "chain@example.org": ([1], ["far@remote.example", "FAR@remote.example"], ""),
    "team@example.org": ([1, 2], [], ""),
}


@pytest.mark.parametrize("address", RESOLVED)
def test_an_address_leads_where_it_should(address: str) -> None:
    here = town()
    for _ in range(2):
        found = run(here.addresses.resolve(address))
        accounts, remote, detail = RESOLVED[address]
        assert [number for number, _ in found.accounts] == accounts
        assert list(found.remote) == remote
        assert found.detail == detail


@pytest.mark.parametrize(
    "address",
    [
        "nobody@example.org",
        "joe+x@plain.example",
        "sale@example.org",
        "dead@example.org",
        "joe@remote.example",
        "jo.e@example.org",
        "joe@[192.0.2.99]",
    ],
)
def test_nobody_is_not_found(address: str) -> None:
    with pytest.raises(NotFound):
        run(town().addresses.resolve(address))


@pytest.mark.parametrize(
    "address", ["", "joe", "@example.org", "a b@example.org", "joe@", "\0@x.y"]
)
def test_what_is_no_address_is_invalid(address: str) -> None:
    with pytest.raises(Invalid):
        run(town().addresses.resolve(address))


ROLES = ["postmaster", "POSTMASTER", "Postmaster@example.org", "abuse@alias.example"]


@pytest.mark.parametrize(
    "address", [*ROLES, "postmaster@mx.example.org", "postmaster+x@plain.example"]
)
def test_a_role_falls_to_the_administrator_where_nobody_has_it(address: str) -> None:
    here = town()
    with pytest.raises(NotFound):
        run(here.addresses.resolve(address))
    admin = here.account("root@example.org", role=Role.ADMIN)
    if "+" in address:
        with pytest.raises(NotFound):
            run(here.addresses.resolve(address))
        return
    found = run(here.addresses.resolve(address))
    assert [number for number, _ in found.accounts] == [admin.number]
    run(here.addresses.create("postmaster@example.org", ACTOR, targets=(JOE,)))
    run(here.addresses.create("abuse@example.org", ACTOR, targets=(JOE,)))
    assert [number for number, _ in run(here.addresses.resolve(address)).accounts] == [1]


def test_own_address_literals_are_the_default_domain() -> None:
    here = town()
    own = Addresses(
        here.store,
        here.clock,
        here.ids,
        default_domain="example.org",
        literals=("192.0.2.1", "2001:db8::1"),
    )
    for literal in ("[192.0.2.1]", "[IPv6:2001:DB8::1]"):
        assert run(own.resolve(f"joe@{literal}")).accounts == ((1, JOE),)
        assert run(own.is_local_address(f"joe@{literal}"))
    assert not run(own.is_local_address("joe@[192.0.2.2]"))


def test_every_change_of_addresses_domains_and_accounts_is_seen_at_once() -> None:
    here = town()
    resolve = here.addresses.resolve
    assert run(resolve("new@all.example")).accounts == ((2, ANN),)
    row = run(here.addresses.create("new@all.example", ACTOR, account=1))
    assert [number for number, _ in run(resolve("new@all.example")).accounts] == [1]
    run(
        here.addresses.update(
            dataclasses.replace(row, account=None, targets=("x@y.example",)), ACTOR
        )
    )
    assert run(resolve("new@all.example")).remote == ("x@y.example",)
    run(here.addresses.remove(run(here.addresses.get("new@all.example")), ACTOR))
    domain = run(here.domains.get("all.example"))
    run(here.domains.update(dataclasses.replace(domain, catch_all=""), ACTOR))
    with pytest.raises(NotFound):
        run(resolve("new@all.example"))
    assert run(resolve(ANN)).accounts
    run(here.accounts.remove(2, ACTOR))
    with pytest.raises(NotFound):
        run(resolve(ANN))


def test_a_change_by_another_hand_is_heard_from_the_store() -> None:
    here = town()
    assert run(here.addresses.resolve("away@example.org")).remote == ("far@remote.example",)
    row = run(here.addresses.get("away@example.org"))
    run(here.store.addresses.replace(dataclasses.replace(row, targets=(JOE,)), ACTOR))
    assert run(here.addresses.resolve("away@example.org")).accounts == ((1, JOE),)


OWNED = {
    JOE: True,
    "JOE+tag@alias.example": True,
    ANN: False,
    "ann@alias.example": True,
    "both@example.org": True,
    "away@example.org": False,
    "sales-fr@example.org": True,
    "sales-uk@example.org": False,
    "nobody@all.example": False,
    "joe@remote.example": False,
    "postmaster@example.org": False,
    "": False,
    "nonsense": False,
}


@pytest.mark.parametrize("address", OWNED)
def test_who_may_write_as_whom(address: str) -> None:
    here = town()
    for _ in range(2):
        assert run(here.addresses.owns(here.principal(JOE), address)) is OWNED[address]


@pytest.mark.parametrize(
    ("address", "order", "field"),
    [
        ("x@remote.example", {"account": 1}, "address"),
        ("x y@example.org", {"account": 1}, "address"),
        ("x*y@example.org", {"account": 1}, "address"),
        ("*x*@example.org", {"account": 1}, "address"),
        ("*x@*", {"account": 1}, "address"),
        (f"*{'x' * 33}@example.org", {"account": 1}, "address"),
        ("x@example.org", {}, "targets"),
        ("x@example.org", {"targets": ["not an address"]}, "targets"),
        ("x@example.org", {"targets": [f"a{n}@b.example" for n in range(1001)]}, "targets"),
        ("x@example.org", {"targets": ["a@b.example"], "main": True}, "main"),
        ("x*@example.org", {"account": 1, "main": True}, "main"),
        ("x@*", {"account": 1, "main": True}, "main"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(address: str, order: dict, field: str) -> None:
    with pytest.raises(Invalid) as raised:
        run(town().addresses.create(address, ACTOR, **order))
    assert raised.value.field == field


def test_an_address_exists_once_in_any_spelling() -> None:
    here = town()
    for spelling in ("JOE@example.org", '"joe"@EXAMPLE.org'):
        with pytest.raises(AlreadyExists):
            run(here.addresses.create(spelling, ACTOR, account=2))
    with pytest.raises(NotFound):
        run(here.addresses.create("new@example.org", ACTOR, account=99))


def test_a_new_main_address_takes_the_place_of_the_old() -> None:
    here = world()
    run(here.addresses.create("joseph@example.org", ACTOR, account=1, main=True))
    assert run(here.accounts.get(1)).address == "joseph@example.org"
    mains = [row.address for row in run(here.addresses.of_account(1)) if row.main]
    assert mains == ["joseph@example.org"]
    with pytest.raises(Invalid):
        run(here.addresses.remove(run(here.addresses.get("joseph@example.org")), ACTOR))
    run(here.addresses.remove(run(here.addresses.get(JOE)), ACTOR))
    with pytest.raises(NotFound):
        run(here.addresses.get(JOE))


def test_keys_are_asked_whole_before_cut_and_longest_first() -> None:
    domain = Domain(1, "x", "d.example", delimiter="+", ignore_dots=True)
    assert exact_keys("a.b+c", [domain]) == ["ab+c@d.example", "ab@d.example"]
    assert wildcards.keys("a.b", [domain]) == [
        "ab*@d.example", "*ab@d.example", "a*@d.example", "*b@d.example", "*@d.example", "a.b@*",
    ]  # fmt: skip


WILD = {
    "alpha.x@example.org": 1,
    "x.omega@example.org": 2,
    "alpha-long.x@example.org": 2,
    "alpha.omega@example.org": 1,
    "info@example.org": 3,
    "INFO+x@example.org": 3,
    "info@plain.example": 3,
    "info@dash.example": 2,
}


def test_the_longest_wildcard_wins_and_one_for_all_domains_comes_last() -> None:
    here = town()
    run(here.accounts.create(AccountOrder(username="cid@plain.example"), ACTOR))
    for address, account in (
        ("alpha.*@example.org", 1),
        ("*omega@example.org", 2),
        ("alpha-long*@example.org", 2),
        ("info@*", 3),
    ):
        run(here.addresses.create(address, ACTOR, account=account))
    found = {address: run(here.addresses.resolve(address)).accounts[0][0] for address in WILD}
    assert found == WILD


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdefxyz"), min_size=1, max_size=4)
    )
)
def test_aliases_of_any_shape_end_and_lead_exactly_where_a_plain_walk_does(
    aliases: dict[str, list[str]],
) -> None:
    here = world(people=("x@example.org", "y@example.org"))
    for name, targets in aliases.items():
        run(
            here.addresses.create(
                f"{name}@example.org", ACTOR, targets=[f"{one}@example.org" for one in targets]
            )
        )
    for name in aliases:
        reached, left = set(), [name]
        while left:
            one = left.pop()
            if one not in reached:
                reached.add(one)
                left.extend(aliases.get(one, ()))
        wanted = {here.people[f"{one}@example.org"].number for one in reached & {"x", "y"}}
        try:
            found = {
                number for number, _ in run(here.addresses.resolve(f"{name}@example.org")).accounts
            }
        except NotFound:
            found = set()
        assert found == wanted
