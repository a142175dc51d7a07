"""A mailbox here follows one there through any history, and nothing is ever taken in twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.switching import following
from mailhub.switching.following import Noted

NAMES = ("\\Seen", "\\Flagged", "$Forwarded", "work", "\\Deleted")


@dataclass
class Pair:
    """A mailbox there, its copy here, and what was noted, as the code that runs the steps has it.
    Here UIDs are others than there."""

    there: dict[int, tuple[str, ...]] = field(default_factory=dict)
    here: dict[int, set[str]] = field(default_factory=dict)
    noted: dict[int, Noted] = field(default_factory=dict)
    taken: list[int] = field(default_factory=list)
    next_there: int = 1
    next_here: int = 1000

    def sync(self) -> following.Steps:
        found = following.steps(list(self.there), dict(self.there), self.noted)
        for uid in found.take:
            self.taken.append(uid)
            self.here[self.next_here] = set(self.there[uid])
            self.noted[uid] = Noted(self.next_here, self.there[uid], 1)
            self.next_here += 1
        for change in found.reflag:
            for here in change.uids:
                if here in self.here:
                    self.here[here] = (self.here[here] | set(change.add)) - set(change.remove)
        for uid, flags in (found.flags or {}).items():
            self.noted[uid] = replace(self.noted[uid], flags=flags)
        for uid in found.drop:
            self.here.pop(self.noted.pop(uid).here, None)
        return found


Act = st.tuples(
    st.sampled_from(["arrive", "flag", "expunge", "sync", "local flag", "local expunge"]),
    st.integers(0, 5),
    st.sets(st.sampled_from(NAMES)).map(following.folded),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(Act, max_size=40))
def test_any_history_is_followed(history: list[tuple[str, int, tuple[str, ...]]]) -> None:
    pair = Pair()
    gone_here: set[int] = set()
    touched: set[int] = set()
    for what, which, flags in history:
        uids, ours = sorted(pair.there), sorted(pair.here)
        if what == "arrive":
            pair.there[pair.next_there] = flags
            pair.next_there += 1
        elif what == "sync":
            pair.sync()
        elif what in ("flag", "expunge") and uids:
            uid = uids[which % len(uids)]
            if what == "flag":
                pair.there[uid] = flags
            else:
                del pair.there[uid]
        elif what.startswith("local") and ours:
            uid = ours[which % len(ours)]
            if what == "local flag":
                pair.here[uid] = set(flags)
                touched.add(uid)
            else:
                del pair.here[uid]
                gone_here.add(uid)
    pair.sync()
    assert len(pair.taken) == len(set(pair.taken)), "taken in twice"
    assert set(pair.noted) == set(pair.there)
    for uid, flags in pair.there.items():
        here = pair.noted[uid].here
        if here not in gone_here:
            assert here in pair.here
            if here not in touched:
                assert pair.here[here] == set(flags)
    again = pair.sync()
    assert again == following.Steps(flags={}), "nothing is left to do"
    assert gone_here.isdisjoint(pair.here), "what was deleted here stays so"


def test_flags_follow_by_their_difference() -> None:
    noted = {
        7: Noted(107, ("\\flagged", "work"), 10),
        8: Noted(108, ("\\flagged", "work"), 10),
        9: Noted(109, (), 10),
    }
    now = {7: ("\\flagged", "\\seen"), 8: ("\\flagged", "\\seen"), 9: ()}
    found = following.steps([7, 8, 9], now, noted)
    assert found.reflag == (following.Reflag((107, 108), ("\\seen",), ("work",)),)
    assert found.flags == {7: ("\\flagged", "\\seen"), 8: ("\\flagged", "\\seen")}
    assert (found.take, found.drop) == ((), ())


def test_flags_that_mean_nothing_here_are_no_difference() -> None:
    assert following.folded(["\\Recent", "\\SEEN", "Work", "\\Odd"]) == ("\\seen", "work")


def test_what_is_not_told_did_not_change() -> None:
    noted = {1: Noted(11, ("\\seen",), 5), 2: Noted(12, (), 5)}
    assert following.steps([1, 2], {}, noted) == following.Steps(flags={})


THERE = {1: (10, ("\\seen",)), 2: (20, ()), 4: (40, ("work",))}


def test_equal_mailboxes_have_equal_digests_whatever_their_uids() -> None:
    here = {101: (10, ("\\seen",)), 102: (20, ()), 104: (40, ("work",))}
    found = following.compared(THERE, here, {1: 101, 2: 102, 4: 104})
    assert found.same
    assert found.digest == following.digest(THERE)
    assert (found.missing, found.extra, found.sizes, found.flags) == ((), (), (), ())


def test_every_kind_of_difference_is_told() -> None:
    here = {101: (11, ("\\seen",)), 102: (20, ("\\seen",)), 200: (1, ())}
    found = following.compared(THERE, here, {1: 101, 2: 102, 4: 104})
    assert not found.same
    assert found.missing == (4,)
    assert found.extra == (200,)
    assert found.sizes == (1,)
    assert found.flags == (2,)


def test_what_came_here_besides_makes_no_difference() -> None:
    here = {1: (10, ("\\seen",)), 2: (20, ()), 4: (40, ("work",)), 9: (1, ())}
    found = following.compared(THERE, here, {1: 1, 2: 2, 4: 4})
    assert found.same
    assert found.extra == (9,)
