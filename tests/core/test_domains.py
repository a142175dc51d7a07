from __future__ import annotations

import dataclasses

import pytest

from mailhub.model.errors import AlreadyExists, InUse, Invalid, NotFound
from tests.support import run
from tests.world import ACTOR, world


def test_a_domain_is_found_in_any_spelling() -> None:
    here = world()
    made = run(here.domains.add("Bücher.Example", ACTOR))
    assert made.name == "xn--bcher-kva.example"
    assert run(here.domains.get("BÜCHER.example")) == made
    assert run(here.domains.ensure("xn--bcher-kva.example", ACTOR)) == made
    assert made in run(here.domains.all())
    with pytest.raises(AlreadyExists):
        run(here.domains.add("bücher.example", ACTOR))


@pytest.mark.parametrize("name", ["", "a b", "-x.example", "[192.0.2.1]", "x..y", "a@b", "1.2.3.4"])
def test_what_is_no_domain_is_refused(name: str) -> None:
    here = world()
    with pytest.raises(Invalid) as raised:
        run(here.domains.add(name, ACTOR))
    assert raised.value.field == "name"
    with pytest.raises(NotFound):
        run(here.domains.get(name))


def test_the_settings_of_a_domain_are_checked() -> None:
    here = world()
    for field, value in (
        ("delimiter", "a"),
        ("alias_of", "nowhere.example"),
        ("alias_of", "new.example"),
        ("catch_all", "nobody"),
    ):
        with pytest.raises(Invalid) as raised:
            run(here.domains.add("new.example", ACTOR, **{field: value}))  # type: ignore[arg-type]
        assert raised.value.field == field


def test_a_domain_alias_cannot_lead_in_a_circle() -> None:
    here = world()
    run(here.domains.add("b.example", ACTOR, alias_of="example.org"))
    run(here.domains.add("c.example", ACTOR, alias_of="b.example"))
    first = run(here.domains.get("example.org"))
    with pytest.raises(Invalid) as raised:
        run(here.domains.update(dataclasses.replace(first, alias_of="c.example"), ACTOR))
    assert raised.value.field == "alias_of"


def test_a_domain_goes_when_nothing_stands_in_it() -> None:
    here = world()
    with pytest.raises(InUse):
        run(here.domains.remove("example.org", ACTOR))
    run(here.domains.add("empty.example", ACTOR))
    run(here.domains.remove("EMPTY.example", ACTOR))
    with pytest.raises(NotFound):
        run(here.domains.remove("empty.example", ACTOR))


def test_when_dots_cease_to_count_addresses_are_found_without_them() -> None:
    here = world(people=("jo.e@example.org",))
    domain = run(here.domains.get("example.org"))
    with pytest.raises(NotFound):
        run(here.addresses.resolve("joe@example.org"))
    run(here.domains.update(dataclasses.replace(domain, ignore_dots=True), ACTOR))
    for spelling in ("joe", "j.o.e", "jo.e"):
        found = run(here.addresses.resolve(f"{spelling}@example.org"))
        assert [account for account, _ in found.accounts] == [1]
    run(here.domains.update(dataclasses.replace(domain, ignore_dots=False), ACTOR))
    assert run(here.addresses.resolve("jo.e@example.org")).accounts
    with pytest.raises(NotFound):
        run(here.addresses.resolve("joe@example.org"))


def test_dots_count_where_two_addresses_would_become_one() -> None:
    here = world(people=("jo.e@example.org", "joe@example.org"))
    domain = run(here.domains.get("example.org"))
    with pytest.raises(AlreadyExists):
        run(here.domains.update(dataclasses.replace(domain, ignore_dots=True), ACTOR))
    assert not run(here.domains.get("example.org")).ignore_dots
