"""STORE: what changes, what does not, and who is told, on every store."""

from __future__ import annotations

import pytest

from mailhub.model.change import Flagged, KeywordSet
from mailhub.model.errors import LimitReached, NotFound
from mailhub.model.flags import ANSWERED, DELETED, FLAGGED, SEEN, FlagMode, Flags
from mailhub.model.message import Stored
from mailhub.model.uids import UidSet
from tests.contract.stores import ACTOR, ALL, House


class Box:
    """A mailbox of five messages."""

    def __init__(self, house: House, count: int = 5) -> None:
        self.house = house
        account, boxes = house.account()
        self.account, self.number = account.number, boxes["INBOX"]
        house.fill(self.account, self.number, count)
        house.changes.clear()

    def store(
        self,
        uids: UidSet,
        mode: FlagMode,
        flags: Flags,
        unchanged_since: int | None = None,
    ) -> Stored:
        return self.house.ask(
            self.house.store.messages.store_flags(
                self.account,
                self.number,
                uids,
                mode,
                flags,
                ACTOR,
                unchanged_since=unchanged_since,
            )
        )

    def flags(self) -> list[Flags]:
        index = self.house.ask(self.house.store.messages.index(self.account, self.number))
        return [Flags(code & 0xFF, index.keyword_sets.get(code >> 8, ())) for code in index.flags]

    def modseqs(self) -> list[int]:
        index = self.house.ask(self.house.store.messages.index(self.account, self.number))
        return list(index.modseqs)

    def counters(self) -> tuple[int, int]:
        box = self.house.ask(self.house.store.mailboxes.by_number(self.account, self.number))
        assert box is not None
        return box.unseen, box.deleted


def test_the_three_modes(house: House) -> None:
    box = Box(house, 3)
    box.store(ALL, FlagMode.ADD, Flags(SEEN, ("$A", "b")))
    box.store(UidSet(((2, 2),)), FlagMode.REMOVE, Flags(SEEN, ("B",)))
    box.store(UidSet(((3, 3),)), FlagMode.REPLACE, Flags(FLAGGED, ("c",)))
    assert box.flags() == [Flags(SEEN, ("$A", "b")), Flags(0, ("$A",)), Flags(FLAGGED, ("c",))]
    assert box.counters() == (2, 0)


def test_counters_follow(house: House) -> None:
    box = Box(house)
    assert box.counters() == (5, 0)
    box.store(UidSet(((1, 2),)), FlagMode.ADD, Flags(SEEN))
    box.store(UidSet(((2, 4),)), FlagMode.ADD, Flags(DELETED))
    assert box.counters() == (3, 3)
    box.store(ALL, FlagMode.REPLACE, Flags(SEEN))
    assert box.counters() == (0, 0)
    box.store(ALL, FlagMode.REMOVE, Flags(SEEN))
    assert box.counters() == (5, 0)


def test_only_what_changes_gets_a_new_modseq(house: House) -> None:
    box = Box(house)
    before = box.modseqs()
    box.store(UidSet(((2, 2),)), FlagMode.ADD, Flags(SEEN))
    house.changes.clear()
    outcome = box.store(UidSet(((1, 3),)), FlagMode.ADD, Flags(SEEN))
    assert list(outcome.flags) == [(1, SEEN), (2, SEEN), (3, SEEN)]
    after = box.modseqs()
    assert after[0] == after[2] == outcome.modseq > after[1] > before[1]
    assert after[3:] == before[3:]
    [told] = house.changes
    assert isinstance(told, Flagged)
    assert (list(told.rows), told.modseq) == ([(1, SEEN), (3, SEEN)], outcome.modseq)


def test_nothing_to_do_is_told_to_nobody(house: House) -> None:
    box = Box(house)
    before = box.modseqs()
    outcome = box.store(ALL, FlagMode.REMOVE, Flags(SEEN, ("$Never",)))
    assert outcome.modseq == 0
    assert [uid for uid, _ in outcome.flags] == [1, 2, 3, 4, 5]
    assert box.modseqs() == before
    assert house.changes == []
    assert box.store(UidSet(((77, 99),)), FlagMode.ADD, Flags(SEEN)) == Stored(0, [], ())
    assert box.store(UidSet(), FlagMode.ADD, Flags(SEEN)) == Stored(0, (), ())


def test_values_that_pass_each_other_are_not_mixed_up(house: House) -> None:
    """REPLACE with keywords turns one old value into what another had before."""
    box = Box(house, 4)
    box.store(UidSet(((1, 2),)), FlagMode.REPLACE, Flags(SEEN))
    box.store(UidSet(((3, 4),)), FlagMode.REPLACE, Flags(SEEN | ANSWERED))
    outcome = box.store(ALL, FlagMode.ADD, Flags(ANSWERED))
    assert [flags.system for flags in box.flags()] == [SEEN | ANSWERED] * 4
    assert [uid for uid, _ in outcome.flags] == [1, 2, 3, 4]
    modseqs = box.modseqs()
    assert modseqs[:2] == [outcome.modseq] * 2
    assert max(modseqs[2:]) < outcome.modseq


@pytest.mark.parametrize("many", [False, True], ids=["one range", "many ranges"])
def test_unchanged_since_holds_back_what_changed(house: House, many: bool) -> None:
    box = Box(house)
    since = max(box.modseqs())
    # Changed and changed back: their flags are those of the others again, not their MODSEQ.
    box.store(UidSet(((2, 2), (4, 4))), FlagMode.ADD, Flags(FLAGGED))
    box.store(UidSet(((2, 2), (4, 4))), FlagMode.REMOVE, Flags(FLAGGED))
    uids = UidSet(((1, 2), (4, 5))) if many else UidSet(((1, 5),))
    outcome = box.store(uids, FlagMode.ADD, Flags(SEEN), since)
    assert list(outcome.modified) == [2, 4]
    wanted = [1, 5] if many else [1, 3, 5]
    assert [uid for uid, _ in outcome.flags] == wanted
    seen = [place + 1 for place, flags in enumerate(box.flags()) if flags.system & SEEN]
    assert seen == wanted
    nothing = box.store(ALL, FlagMode.ADD, Flags(DELETED), 0)
    assert (nothing.modseq, list(nothing.modified)) == (0, [1, 2, 3, 4, 5])


def test_a_new_keyword_set_is_told_before_it_is_used(house: House) -> None:
    box = Box(house)
    box.store(UidSet(((1, 1),)), FlagMode.ADD, Flags(0, ("$X",)))
    sets, flagged = house.changes
    assert isinstance(sets, KeywordSet)
    assert isinstance(flagged, Flagged)
    assert (sets.account, sets.keywords) == (box.account, ("$X",))
    assert list(flagged.rows) == [(1, sets.number << 8)]
    house.changes.clear()
    box.store(UidSet(((2, 2),)), FlagMode.ADD, Flags(0, ("$X",)))
    assert [type(change) for change in house.changes] == [Flagged]


def test_a_keyword_keeps_the_spelling_it_was_first_seen_in(house: House) -> None:
    box = Box(house, 3)
    box.store(UidSet(((1, 1),)), FlagMode.ADD, Flags(0, ("$Forwarded",)))
    box.store(UidSet(((2, 2),)), FlagMode.REPLACE, Flags(0, ("$FORWARDED",)))
    box.store(UidSet(((3, 3),)), FlagMode.ADD, Flags(0, ("$forwarded", "$New")))
    assert [flags.keywords for flags in box.flags()] == [
        ("$Forwarded",),
        ("$Forwarded",),
        ("$Forwarded", "$New"),
    ]
    index = house.ask(house.store.messages.index(box.account, box.number))
    assert index.flags[0] == index.flags[1]


def test_keywords_of_one_message_are_bounded(house: House) -> None:
    box = Box(house, 1)
    with pytest.raises(LimitReached):
        box.store(ALL, FlagMode.ADD, Flags(0, tuple(f"k{place:03}" for place in range(129))))
    assert box.flags() == [Flags()]


def test_a_foreign_or_missing_mailbox(house: House) -> None:
    box = Box(house)
    other, _ = house.account()
    with pytest.raises(NotFound):
        house.ask(
            house.store.messages.store_flags(
                other.number, box.number, ALL, FlagMode.ADD, Flags(SEEN), ACTOR
            )
        )
    assert box.counters() == (5, 0)


def test_a_mailbox_knows_keywords_that_only_others_have_used(house: House) -> None:
    account, boxes = house.account("Other")
    house.fill(account.number, boxes["INBOX"], 1)
    store = house.store.messages.store_flags
    one = UidSet(((1, 1),))
    flags = Flags(0, ("$Work",))
    house.ask(store(account.number, boxes["INBOX"], one, FlagMode.ADD, flags, ACTOR))
    index = house.ask(house.store.messages.index(account.number, boxes["Other"]))
    assert list(index.keyword_sets.values()) == [("$Work",)]
