"""COPY, MOVE and EXPUNGE on every store."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailhub.model.change import Arrived, Expunged
from mailhub.model.errors import NotFound, OverQuota
from mailhub.model.flags import DELETED, SEEN, FlagMode, Flags
from mailhub.model.mailbox import Mailbox
from mailhub.model.message import Copy
from mailhub.model.uids import UidSet
from tests.contract.stores import ACTOR, ALL, MESSAGE, House, TextBody, rendered


class Pair:
    """An account whose INBOX has five messages, and another mailbox."""

    def __init__(self, house: House, count: int = 5) -> None:
        self.house = house
        self.messages = house.store.messages
        account, boxes = house.account("Other")
        self.account, self.inbox, self.other = account.number, boxes["INBOX"], boxes["Other"]
        house.fill(self.account, self.inbox, count)
        house.changes.clear()

    def box(self, number: int) -> Mailbox:
        found = self.house.ask(self.house.store.mailboxes.by_number(self.account, number))
        assert found is not None
        return found

    def flag(self, uids: UidSet, flags: Flags) -> None:
        self.house.ask(
            self.messages.store_flags(self.account, self.inbox, uids, FlagMode.ADD, flags, ACTOR)
        )

    def used(self) -> tuple[int, int]:
        known = self.house.ask(self.house.store.accounts.get(self.account))
        assert known is not None
        return known.used_messages, known.used_storage

    def bodies(self, mailbox: int) -> list[bytes]:
        contents = self.house.ask(self.messages.contents(self.account, mailbox, ALL))
        return list(self.house.ask(self.house.blobs.read([one.blob for one in contents])))


def test_copy_keeps_flags_and_dates(house: House) -> None:
    pair = Pair(house)
    pair.flag(UidSet(((2, 3),)), Flags(SEEN | DELETED, ("$K",)))
    house.clock.advance(50)
    copied = house.ask(
        pair.messages.copy(pair.account, pair.inbox, UidSet(((2, 3), (5, 9))), pair.other, ACTOR)
    )
    assert (list(copied.source), list(copied.destination)) == ([2, 3, 5], [1, 2, 3])
    assert copied.uidvalidity == pair.box(pair.other).uidvalidity
    source = house.ask(pair.messages.index(pair.account, pair.inbox))
    target = house.ask(pair.messages.index(pair.account, pair.other))
    for at, place in enumerate((1, 2, 4)):
        assert target.flags[at] == source.flags[place]
        assert target.dates[at] == source.dates[place]
        assert target.sizes[at] == source.sizes[place]
    box = pair.box(pair.other)
    assert (box.messages, box.unseen, box.deleted, box.size) == (3, 1, 2, 3 * len(MESSAGE))
    assert pair.used() == (8, 8 * len(MESSAGE))
    saved = {mark[3] for mark in house.ask(pair.messages.marks(pair.account, pair.other, ALL))}
    assert saved == {int(house.clock.now())}
    assert pair.bodies(pair.other) == [MESSAGE] * 3


def test_copy_tells_of_arrivals_only(house: House) -> None:
    pair = Pair(house)
    house.ask(pair.messages.copy(pair.account, pair.inbox, ALL, pair.other, ACTOR))
    [told] = house.changes
    assert isinstance(told, Arrived)
    assert (told.mailbox, [row.uid for row in told.rows]) == (pair.other, [1, 2, 3, 4, 5])
    assert [row.size for row in told.rows] == [len(MESSAGE)] * 5


def test_copy_into_the_same_mailbox(house: House) -> None:
    pair = Pair(house, 2)
    copied = house.ask(pair.messages.copy(pair.account, pair.inbox, ALL, pair.inbox, ACTOR))
    assert (list(copied.source), list(copied.destination)) == ([1, 2], [3, 4])
    assert pair.bodies(pair.inbox) == [MESSAGE] * 4


def test_a_copy_outlives_its_source(house: House) -> None:
    pair = Pair(house)
    house.ask(pair.messages.copy(pair.account, pair.inbox, ALL, pair.other, ACTOR))
    house.ask(pair.messages.copy(pair.account, pair.other, ALL, pair.other, ACTOR))
    house.ask(pair.messages.expunge(pair.account, pair.inbox, ALL, ACTOR, only_deleted=False))
    house.ask(
        pair.messages.expunge(
            pair.account, pair.other, UidSet(((1, 7),)), ACTOR, only_deleted=False
        )
    )
    assert pair.bodies(pair.other) == [MESSAGE] * 3
    assert pair.used() == (3, 3 * len(MESSAGE))


def test_copy_and_move_keep_to_the_quota(make_house: Callable[..., House]) -> None:
    house = make_house(quota=6 * len(MESSAGE))
    pair = Pair(house)
    with pytest.raises(OverQuota):
        house.ask(pair.messages.copy(pair.account, pair.inbox, ALL, pair.other, ACTOR))
    assert pair.box(pair.other).messages == 0
    assert pair.used() == (5, 5 * len(MESSAGE))
    assert house.changes == []
    house.ask(pair.messages.move(pair.account, pair.inbox, ALL, pair.other, ACTOR))
    assert pair.used() == (5, 5 * len(MESSAGE))


def test_move_is_one_step(house: House) -> None:
    pair = Pair(house)
    pair.flag(UidSet(((1, 1),)), Flags(SEEN))
    before = pair.box(pair.inbox)
    house.changes.clear()
    moved = house.ask(
        pair.messages.move(pair.account, pair.inbox, UidSet(((1, 2), (4, 4))), pair.other, ACTOR)
    )
    assert (list(moved.source), list(moved.destination)) == ([1, 2, 4], [1, 2, 3])
    assert house.uids(pair.account, pair.inbox) == [3, 5]
    assert house.uids(pair.account, pair.other) == [1, 2, 3]
    after, target = pair.box(pair.inbox), pair.box(pair.other)
    assert (after.messages, after.unseen, after.uidnext) == (2, 2, before.uidnext)
    assert after.highestmodseq > before.highestmodseq
    assert (target.messages, target.unseen, target.size) == (3, 2, 3 * len(MESSAGE))
    arrived, expunged = house.changes
    assert isinstance(arrived, Arrived)
    assert isinstance(expunged, Expunged)
    assert (expunged.mailbox, list(expunged.uids)) == (pair.inbox, [1, 2, 4])
    gone = house.ask(pair.messages.vanished(pair.account, pair.inbox, before.highestmodseq, None))
    assert list(gone) == [1, 2, 4]
    assert pair.bodies(pair.other) == [MESSAGE] * 3


def test_move_within_a_mailbox_gives_new_uids(house: House) -> None:
    pair = Pair(house, 3)
    moved = house.ask(
        pair.messages.move(pair.account, pair.inbox, UidSet(((1, 1),)), pair.inbox, ACTOR)
    )
    assert (list(moved.source), list(moved.destination)) == ([1], [4])
    assert house.uids(pair.account, pair.inbox) == [2, 3, 4]
    assert pair.box(pair.inbox).messages == 3


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_nothing_to_copy_or_nowhere_to(house: House, verb: str) -> None:
    pair = Pair(house)
    _, boxes = house.account("Theirs")
    house.changes.clear()
    act = getattr(pair.messages, verb)
    nothing = house.ask(act(pair.account, pair.inbox, UidSet(((70, 80),)), pair.other, ACTOR))
    assert (list(nothing.source), list(nothing.destination)) == ([], [])
    house.ask(act(pair.account, pair.inbox, UidSet(), pair.other, ACTOR))
    for source, target in (
        (pair.inbox, 999),
        (999, pair.other),
        (pair.inbox, boxes["Theirs"]),
        (boxes["Theirs"], pair.other),
    ):
        with pytest.raises(NotFound):
            house.ask(act(pair.account, source, ALL, target, ACTOR))
    assert house.changes == []
    assert house.uids(pair.account, pair.inbox) == [1, 2, 3, 4, 5]


def test_expunge_takes_the_deleted_ones_in_the_set(house: House) -> None:
    pair = Pair(house)
    pair.flag(UidSet(((2, 4),)), Flags(DELETED))
    before = pair.box(pair.inbox)
    house.changes.clear()
    gone, modseq = house.ask(
        pair.messages.expunge(pair.account, pair.inbox, UidSet(((1, 2), (4, 5))), ACTOR)
    )
    assert list(gone) == [2, 4]
    assert modseq == before.highestmodseq + 1
    assert house.uids(pair.account, pair.inbox) == [1, 3, 5]
    after = pair.box(pair.inbox)
    assert (after.messages, after.unseen, after.deleted) == (3, 3, 1)
    assert (after.uidnext, after.highestmodseq) == (before.uidnext, modseq)
    assert pair.used() == (3, 3 * len(MESSAGE))
    [told] = house.changes
    assert isinstance(told, Expunged)
    assert (list(told.uids), told.modseq) == ([2, 4], modseq)
    assert house.ask(pair.messages.expunge(pair.account, pair.inbox, UidSet(), ACTOR)) == (
        UidSet(),
        0,
    )


def test_uids_are_never_used_again(house: House) -> None:
    pair = Pair(house, 3)
    house.ask(pair.messages.expunge(pair.account, pair.inbox, ALL, ACTOR, only_deleted=False))
    house.fill(pair.account, pair.inbox, 2)
    assert house.uids(pair.account, pair.inbox) == [4, 5]


def test_a_large_expunge_is_whole_at_once(house: House) -> None:
    pair = Pair(house, 0)
    house.fill(pair.account, pair.inbox, 1500, b"x")
    kept = UidSet(((700, 700),))
    house.ask(pair.messages.copy(pair.account, pair.inbox, kept, pair.other, ACTOR))
    gone, _ = house.ask(
        pair.messages.expunge(
            pair.account, pair.inbox, UidSet(((1, 1400),)), ACTOR, only_deleted=False
        )
    )
    assert gone.ranges == ((1, 1400),)
    assert len(house.uids(pair.account, pair.inbox)) == 100
    assert pair.used() == (101, 101)
    assert pair.bodies(pair.other) == [b"x"]


def test_two_copies_of_a_delivery_in_one_mailbox_part_ways(house: House) -> None:
    """They share what is stored of them; the second must not lose it with the first."""
    pair = Pair(house, 0)
    copies = [Copy(pair.account), Copy(pair.account)]
    house.ask(pair.messages.deliver("t", TextBody(MESSAGE), rendered(), copies, None, (), ACTOR))
    for uid in (1, 2):
        assert pair.bodies(pair.inbox) == [MESSAGE] * (3 - uid)
        house.ask(
            pair.messages.expunge(
                pair.account, pair.inbox, UidSet(((uid, uid),)), ACTOR, only_deleted=False
            )
        )
    assert pair.used() == (0, 0)
