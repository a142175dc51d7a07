"""The order of SORT (RFC 5256, RFC 5957)."""

from __future__ import annotations

import pytest

from mailhub.core import sort
from mailhub.core.messages import Messages
from mailhub.core.selected import Selections
from mailhub.model.change import Actor
from mailhub.model.flags import Flags
from mailhub.model.search import Everything, SortField, SortKey
from mailhub.model.settings import StoreSettings
from mailhub.model.uids import UidSet
from mailhub.wire.rendering import render
from tests.support import run
from tests.world import World, world

pytestmark = pytest.mark.thorough

MESSAGES = (
    # sender, to, subject, date, arrival, padding
    ("Zoe <b@x.org>", "Paul <p@x.org>", "Re: banana", "Mon, 2 Nov 2026 10:00:00 +0000", 300, 0),
    ("adam <c@x.org>", "o@x.org", "apple", "Mon, 2 Nov 2026 09:00:00 -0500", 200, 90),
    ("a@x.org", "", "Fwd: [list] Banana", "", 100, 10),
    (
        "=?utf-8?q?=C3=84nne?= <A@x.org>",
        "Queen <q@x.org>",
        "",
        "Sun, 1 Nov 2026 23:00:00 +0000",
        5,
        40,
    ),
    ("", "Paul <P@x.org>", "cherry", "not a date", 1_900_000_000, 40),
)
ACTOR = Actor()


def people() -> World:
    made = world()
    account = made.people["joe@example.org"].number
    inbox = run(made.store.mailboxes.get(account, "INBOX"))
    assert inbox is not None
    for sender, to, subject, sent, arrived, padding in MESSAGES:
        fields = {"From": sender, "To": to, "Subject": subject, "Date": sent}
        text = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
        data = f"{text}\r\n{'x' * (500 + padding - len(text))}".encode()
        spool = made.store.spools.open()
        spool.write(data)
        new = (spool.finish(), render(data), Flags(), arrived)
        run(made.store.messages.append(account, inbox.number, [new], ACTOR))
    return made


def order_of(made: World, *keys: SortKey, meanwhile: UidSet | None = None) -> list[int]:
    account = made.people["joe@example.org"].number
    inbox = run(made.store.mailboxes.get(account, "INBOX"))
    assert inbox is not None
    selections = Selections(made.store, made.watch, StoreSettings())
    view = run(selections.select(inbox, read_only=False, recent=False))
    messages = Messages(made.store, made.clock)
    found = run(messages.find(view, Everything()))
    if meanwhile is not None:
        run(
            made.store.messages.expunge(account, inbox.number, meanwhile, ACTOR, only_deleted=False)
        )
    sorted_ = run(messages.sort(view, found, keys))
    assert list(sorted_.uids) == list(sorted_.numbers)
    return list(sorted_.numbers)


@pytest.mark.parametrize(
    ("field", "order"),
    [
        (SortField.ARRIVAL, [4, 3, 2, 1, 5]),
        (SortField.SIZE, [1, 3, 4, 5, 2]),
        # No Date, or none that can be read: the arrival counts (100 and 1,900,000,000).
        (SortField.DATE, [3, 4, 1, 2, 5]),
        (SortField.SUBJECT, [4, 2, 1, 3, 5]),
        (SortField.FROM, [5, 3, 4, 1, 2]),
        (SortField.TO, [3, 2, 1, 5, 4]),
        (SortField.CC, [1, 2, 3, 4, 5]),
        (SortField.DISPLAYFROM, [5, 3, 2, 4, 1]),
        (SortField.DISPLAYTO, [3, 2, 1, 5, 4]),
    ],
)
def test_each_key(field: SortField, order: list[int]) -> None:
    assert order_of(people(), SortKey(field)) == order


def test_reverse_keeps_equal_messages_in_their_order() -> None:
    assert order_of(people(), SortKey(SortField.SUBJECT, reverse=True)) == [5, 1, 3, 2, 4]
    assert order_of(people(), SortKey(SortField.CC, reverse=True)) == [1, 2, 3, 4, 5]


def test_the_second_key_breaks_ties() -> None:
    keys = SortKey(SortField.SUBJECT), SortKey(SortField.ARRIVAL)
    assert order_of(people(), *keys) == [4, 2, 3, 1, 5]
    keys = SortKey(SortField.TO), SortKey(SortField.SIZE, reverse=True)
    assert order_of(people(), *keys) == [3, 2, 5, 1, 4]


def test_runs_are_merged_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [
        order_of(people(), SortKey(field, reverse)) for field in SortField for reverse in (0, 1)
    ]
    monkeypatch.setattr(sort, "RUN", 2)
    parts = [
        order_of(people(), SortKey(field, reverse)) for field in SortField for reverse in (0, 1)
    ]
    assert parts == whole


def test_a_message_that_went_meanwhile_is_left_out() -> None:
    gone = UidSet.of([(2, 2)])
    assert order_of(people(), SortKey(SortField.SUBJECT), meanwhile=gone) == [4, 1, 3, 5]
