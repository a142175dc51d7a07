"""Zones on every store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from mailhub.model.change import ZonesChanged
from mailhub.model.errors import AlreadyExists, Conflict, LimitReached
from mailhub.model.zone import CustomRecord, ZoneKey, ZoneKeyState, ZoneState
from tests.contract.stores import ACTOR, House

A = CustomRecord("x.example", "A", "192.0.2.1")
B = CustomRecord("x.example", "A", "192.0.2.2")
TXT = CustomRecord("x.example", "TXT", "words")


def told(house: House) -> list[str]:
    """What the journal says of zones."""
    entries = house.ask(house.store.journal.since(0))
    return [json.loads(one.detail)["what"] for one in entries if one.kind == "zoneschanged"]


def shown(house: House) -> list[tuple[str, str, str]]:
    """The custom records."""
    return [(one.name, one.kind, one.value) for one in house.ask(house.store.zones.records())]


def test_custom_records_come_and_go(house: House) -> None:
    zones = house.store.zones
    asked = [
        (zones.add(A, 9, ACTOR), True),
        (zones.add(TXT, 9, ACTOR), True),
        (zones.add(A, 9, ACTOR), False),
        (zones.add(B, 9, ACTOR), True),
    ]
    assert [house.ask(one) for one, _ in asked] == [said for _, said in asked]
    assert shown(house) == [(one.name, one.kind, one.value) for one in (A, TXT, B)]
    assert not house.ask(zones.replace("x.example", "A", [A.value, B.value], 9, ACTOR))
    assert house.ask(zones.replace("x.example", "A", ["192.0.2.9", "192.0.2.9"], 9, ACTOR))
    assert not house.ask(zones.remove("x.example", "A", A.value, ACTOR))
    assert not house.ask(zones.remove("y.example", "A", "", ACTOR))
    assert house.ask(zones.remove("x.example", "A", "", ACTOR))
    assert shown(house) == [("x.example", "TXT", "words")]
    assert told(house) == ["added", "added", "added", "set", "removed"]
    assert sum(isinstance(one, ZonesChanged) for one in house.changes) == 5


def test_there_are_only_so_many(house: House) -> None:
    zones = house.store.zones
    house.ask(zones.add(A, 2, ACTOR))
    house.ask(zones.add(B, 2, ACTOR))
    with pytest.raises(LimitReached):
        house.ask(zones.add(TXT, 2, ACTOR))
    with pytest.raises(LimitReached):
        house.ask(zones.replace("x.example", "A", ["a", "b", "c"], 2, ACTOR))
    assert len(shown(house)) == 2


def test_secondaries(house: House) -> None:
    zones = house.store.zones
    assert house.ask(zones.set_secondaries(["ns.example", "xfr:192.0.2.1"], ACTOR))
    assert not house.ask(zones.set_secondaries(["ns.example", "xfr:192.0.2.1"], ACTOR))
    assert list(house.ask(zones.secondaries())) == ["ns.example", "xfr:192.0.2.1"]
    assert house.ask(zones.set_secondaries([], ACTOR))
    assert list(house.ask(zones.secondaries())) == []


def test_versions_and_keys(house: House) -> None:
    zones = house.store.zones
    first, second = ZoneState("a.example", 1, "d", 7), ZoneState("b.example", 1, "e", 7)
    house.ask(zones.publish([first, second], [], ACTOR))
    newer = ZoneState("a.example", 2, "f", 8)
    house.ask(zones.publish([newer], ["b.example"], ACTOR))
    gone = ZoneState("b.example", 1, "", 7)
    assert house.ask(zones.states()) == {"a.example": newer, "b.example": gone}
    key = ZoneKey("a.example", "PEM", "public", 5)
    house.ask(zones.add_key(key, ACTOR))
    with pytest.raises(AlreadyExists):
        house.ask(zones.add_key(key, ACTOR))
    assert house.ask(zones.keys()) == {"a.example": [key]}


def test_one_key_follows_another(house: House) -> None:
    zones = house.store.zones
    old = ZoneKey("a.example", "PEM", "old", 5, ZoneKeyState.ACTIVE, 5)
    new = ZoneKey("a.example", "PEM", "new", 6, ZoneKeyState.TRUSTED, 6)
    for one in (old, new):
        house.ask(zones.add_key(one, ACTOR))
    with pytest.raises(AlreadyExists):
        house.ask(zones.add_key(replace(new, public="x", state=ZoneKeyState.COMING), ACTOR))
    wrong: Mapping[str, ZoneKeyState | None]
    for wrong in ({"old": None}, {"new": ZoneKeyState.ACTIVE, "old": None}, {"x": None}):
        with pytest.raises(Conflict):
            house.ask(zones.move_keys("a.example", wrong, 9, ACTOR))
    assert house.ask(zones.keys()) == {"a.example": [old, new]}
    moved = {"old": ZoneKeyState.LEAVING, "new": ZoneKeyState.ACTIVE}
    house.ask(zones.move_keys("a.example", moved, 9, ACTOR))
    left = replace(old, state=ZoneKeyState.LEAVING, since=9)
    signs = replace(new, state=ZoneKeyState.ACTIVE, since=9)
    assert house.ask(zones.keys()) == {"a.example": [left, signs]}
    house.ask(zones.move_keys("a.example", {"old": None}, 9, ACTOR))
    assert house.ask(zones.keys()) == {"a.example": [signs]}


def test_signatures_are_kept_until_a_zone_is_gone(house: House) -> None:
    zones = house.store.zones
    assert house.ask(zones.signatures("a.example")) == b""
    for kept in (b"one", b"two"):
        house.ask(zones.keep_signatures("a.example", kept))
        assert house.ask(zones.signatures("a.example")) == kept
    house.ask(zones.publish([], ["a.example"], ACTOR))
    assert house.ask(zones.signatures("a.example")) == b""


def test_domains_of_people(house: House) -> None:
    account = house.account()[0]
    addresses = house.ask(house.store.addresses.of_account(account.number))
    domains = {one.address.rpartition("@")[2] for one in addresses}
    assert house.ask(house.store.zones.personal()) == domains
