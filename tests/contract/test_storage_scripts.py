"""Sieve scripts on every store."""

from __future__ import annotations

import pytest

from mailhub.model.change import RulesChanged
from mailhub.model.errors import AlreadyExists, InUse, LimitReached, NotFound, OverQuota
from mailhub.model.script import Allowance, Script
from tests.contract.stores import ACTOR, House

ENOUGH = Allowance(scripts=3, size=1000, total=20)


def test_one_script_is_active_at_most(house: House) -> None:
    account = house.account()[0].number
    scripts = house.store.scripts
    for name in ("b", "a"):
        house.ask(scripts.put(Script(account, name, f"# {name}"), ENOUGH, ACTOR))
    house.changes.clear()
    house.ask(scripts.activate(account, "a", ACTOR))
    house.ask(scripts.activate(account, "b", ACTOR))
    house.ask(scripts.activate(account, "b", ACTOR))
    assert [one.what for one in house.changes if isinstance(one, RulesChanged)] == ["script"] * 2
    assert [(one.name, one.active) for one in house.ask(scripts.of_account(account))] == [
        ("a", False),
        ("b", True),
    ]
    assert list(house.ask(scripts.scripted())) == [account]
    with pytest.raises(InUse):
        house.ask(scripts.remove(account, "b", ACTOR))
    with pytest.raises(NotFound):
        house.ask(scripts.activate(account, "c", ACTOR))
    active = house.ask(scripts.active(account))
    assert active is not None
    assert active.source == "# b"
    house.ask(scripts.activate(account, "", ACTOR))
    house.ask(scripts.remove(account, "b", ACTOR))
    assert house.ask(scripts.active(account)) is None
    assert house.ask(scripts.get(account, "b")) is None


def test_new_source_keeps_what_is_active_and_forgets_failures(house: House) -> None:
    account = house.account()[0].number
    scripts = house.store.scripts
    house.ask(scripts.put(Script(account, "a", "keep;"), ENOUGH, ACTOR))
    house.ask(scripts.activate(account, "a", ACTOR))
    house.ask(scripts.note_failure(account, "a", "1:2: wrong\0"))
    failed = house.ask(scripts.get(account, "a"))
    assert failed is not None
    assert (failed.failure, failed.failed > 0) == ("1:2: wrong", True)
    house.ask(scripts.put(Script(account, "a", "stop;"), ENOUGH, ACTOR))
    known = house.ask(scripts.get(account, "a"))
    assert known is not None
    assert (known.source, known.active, known.failure, known.failed) == ("stop;", True, "", 0)


def test_names(house: House) -> None:
    account = house.account()[0].number
    scripts = house.store.scripts
    for name in ("Grüße 1", "b"):
        house.ask(scripts.put(Script(account, name, "#"), ENOUGH, ACTOR))
    with pytest.raises(AlreadyExists):
        house.ask(scripts.rename(account, "b", "Grüße 1", ACTOR))
    with pytest.raises(NotFound):
        house.ask(scripts.rename(account, "none", "c", ACTOR))
    house.ask(scripts.rename(account, "b", "c", ACTOR))
    assert [one.name for one in house.ask(scripts.of_account(account))] == ["Grüße 1", "c"]
    with pytest.raises(NotFound):
        house.ask(scripts.remove(account, "b", ACTOR))


def test_an_account_keeps_so_many_and_no_more(house: House) -> None:
    account = house.account()[0].number
    scripts = house.store.scripts
    house.ask(scripts.put(Script(account, "a", "#" * 15), ENOUGH, ACTOR))
    with pytest.raises(OverQuota):
        house.ask(scripts.put(Script(account, "b", "#" * 6), ENOUGH, ACTOR))
    house.ask(scripts.put(Script(account, "a", "#" * 20), ENOUGH, ACTOR))
    for name in ("b", "c"):
        house.ask(scripts.put(Script(account, name, ""), ENOUGH, ACTOR))
    with pytest.raises(LimitReached):
        house.ask(scripts.put(Script(account, "d", ""), ENOUGH, ACTOR))
    with pytest.raises(NotFound):
        house.ask(scripts.put(Script(account + 99, "d", ""), ENOUGH, ACTOR))


def test_scripts_go_with_their_account(house: House) -> None:
    account = house.account()[0].number
    scripts = house.store.scripts
    house.ask(scripts.put(Script(account, "a", ""), ENOUGH, ACTOR))
    house.ask(scripts.activate(account, "a", ACTOR))
    house.ask(house.store.accounts.remove(account, ACTOR))
    assert house.ask(scripts.get(account, "a")) is None
    assert list(house.ask(scripts.scripted())) == []
