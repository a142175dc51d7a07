"""Changes as text: what one process writes, every other reads, of its version or another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.change import (
    AccountChanged,
    Arrived,
    ArrivedRow,
    Change,
    Dequeued,
    Expunged,
    Flagged,
    KeywordSet,
    Missed,
    Queued,
    ZonesChanged,
)
from mailhub.model.queue import Slot
from mailhub.model.uids import UidSet
from mailhub.store.postgres import changetext

numbers = st.integers(0, 2**40)
words = st.text(max_size=12)
uids = st.sets(st.integers(1, 2**32 - 1), min_size=1, max_size=30).map(sorted)
head = (numbers, numbers, numbers, numbers)
OWN = {
    Arrived: st.builds(
        Arrived,
        *head,
        st.lists(st.builds(ArrivedRow, numbers, numbers, numbers, numbers), max_size=20),
    ),
    Flagged: st.builds(
        Flagged, *head, uids.flatmap(lambda some: st.just([(one, one % 3) for one in some]))
    ),
    Expunged: st.builds(Expunged, *head, uids.map(UidSet.from_sorted)),
    Queued: st.builds(
        Queued,
        numbers,
        st.lists(st.builds(Slot, numbers, numbers, words), max_size=5).map(tuple),
        st.none(),
        st.booleans(),
        st.just(True),
    ),
    Dequeued: st.builds(Dequeued, numbers, st.lists(numbers, max_size=5).map(tuple)),
    KeywordSet: st.builds(KeywordSet, numbers, numbers, st.lists(words, max_size=4).map(tuple)),
}


def plain(kind: type[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, *(words if one.type == "str" else numbers for one in fields(kind)))


changes = st.one_of(*(OWN[kind] if kind in OWN else plain(kind) for kind in get_args(Change)))


@settings(max_examples=50)
@given(st.lists(changes, max_size=8))
def test_every_kind_comes_back_as_it_was(told: list[Change]) -> None:
    assert changetext.read(changetext.written(told)) == told


def test_a_line_of_a_version_that_did_not_tell_new_mail_apart() -> None:
    line = changetext.written([Queued(1, (Slot(2, 3, "lane"),), new=True)])
    older = line.replace(",true", "")
    assert older != line
    assert changetext.read(older) == [Queued(1, (Slot(2, 3, "lane"),), far=True)]


def rows(change: Change) -> Sequence[Any]:
    return list(change.uids) if isinstance(change, Expunged) else list(change.rows)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change",
    [
        Arrived(1, 2, 3, 4, [ArrivedRow(uid, 0, 1, 2) for uid in range(1, 5001)]),
        Flagged(1, 2, 3, 4, [(uid, uid % 2) for uid in range(1, 5001)]),
        Expunged(1, 2, 3, 4, UidSet(tuple((uid, uid) for uid in range(1, 10001, 2)))),
    ],
)
def test_what_is_about_thousands_of_messages_comes_in_pieces(change: Change) -> None:
    told = changetext.read(changetext.written([change]))
    assert len(told) == 3
    assert [row for one in told for row in rows(one)] == rows(change)
    assert {(one.journal, one.modseq) for one in told} == {(1, 4)}  # type: ignore[union-attr]


def test_flags_that_became_alike_are_short() -> None:
    change = Flagged(1, 2, 3, 4, [(uid, 1) for uid in range(1, 2001)])
    assert len(changetext.written([change])) < 60


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ('["zoneschanged",7,"of a newer version"]', ZonesChanged(7)),
        ('["accountchanged",1,2,"updated"]', AccountChanged(1, 2, "updated")),
        ('["unheardof",1,2]', Missed()),
        ('["accountchanged",1]', Missed()),
        ('["arrived",1,2,3,4,[1,2],[0],[1],[1]]', Missed()),
        ('["expunged",1,2,3,4,[1]]', Missed()),
        ("{", Missed()),
        ("[]", Missed()),
    ],
)
def test_another_version_is_read_as_far_as_it_goes(line: str, read: Change) -> None:
    known = '["zoneschanged",1]'
    assert changetext.read(f"{known}\n{line}\n{known}") == [ZonesChanged(1), read, ZonesChanged(1)]
