"""How an account likes its pages."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mailhub.core import preferences
from mailhub.core.preferences import Preferences
from mailhub.model.account import Account
from mailhub.model.errors import Invalid
from tests.world import world

ANN = "ann@example.org"


@pytest.fixture(scope="module")
def ann() -> Account:
    return world(people=(ANN,)).people[ANN]


def test_one_who_said_nothing_has_the_usual(ann: Account) -> None:
    assert preferences.of(ann) == Preferences()


def test_they_are_kept_beside_what_others_keep(ann: Account) -> None:
    wanted = Preferences("Ann\nFar Ltd", True, True, 25, 0, ("info@example.org",))
    before = replace(ann, metadata={"metaData": {"a": 1}})
    after = preferences.kept(before, wanted)
    stored = replace(after, metadata=json.loads(json.dumps(after.metadata)))
    assert preferences.of(stored) == wanted
    assert stored.metadata["metaData"] == {"a": 1}


@pytest.mark.parametrize(
    "there",
    ["x", [], {"per_page": 7}, {"undo": "10"}, {"undo": True}, {"signature": 5}, {"also": [1]}],
)
def test_nonsense_is_as_nothing(ann: Account, there: object) -> None:
    spoiled = replace(ann, metadata={preferences.NAME: there})
    assert preferences.of(spoiled) == Preferences()


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Preferences(signature="a" * 4001), "signature"),
        (Preferences(per_page=1000), "per_page"),
        (Preferences(undo=3600), "undo"),
        (Preferences(also=("a@b",) * 21), "also"),
    ],
)
def test_bounds_are_kept(ann: Account, wanted: Preferences, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        preferences.kept(ann, wanted)
    assert refused.value.field == field
