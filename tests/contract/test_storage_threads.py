"""Lists that show one message of each thread, and how many threads there are, on every store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.flags import DRAFT, FLAGGED, SEEN, FlagMode, Flags
from mailhub.model.listing import Heads, Row, Stretch, ThreadSum
from mailhub.model.message import Copy
from tests.contract.listed import Listed, uid
from tests.contract.stores import ACTOR, MESSAGE, House, TextBody, memory_house, rendered

pytestmark = pytest.mark.thorough


class Talking(Listed):
    """The same, with messages that answer others."""

    def say(self, id: int, answers: int = 0, date: int | None = None, flags: int = 0) -> None:
        """Message `id`, in the thread of another one; delivered, or appended with its own date."""
        message = rendered(f"<{id}@x>", (f"<{answers}@x>",) if answers else ())
        if date is not None:
            one = (TextBody(MESSAGE), message, Flags(flags), date)
            self.house.ask(self.messages.append(self.account, self.inbox, [one], ACTOR))
            return
        copy = Copy(self.account, flags=Flags(flags), internaldate=int(self.house.clock.now()))
        token = self.house.token()
        self.house.ask(
            self.messages.deliver(token, TextBody(MESSAGE), message, [copy], None, (), ACTOR)
        )
        self.house.clock.advance(10)

    def heads(self, limit: int = 2, newer: bool = False, heads: Heads = Heads.NEWEST) -> list[int]:
        return [row.number for row in self.walk(limit, newer, heads=heads)]

    def total(self, heads: Heads = Heads.NEWEST, *, unseen: bool = False) -> int:
        return self.page(Stretch(1), unseen, heads).total


def test_each_thread_is_shown_once_where_its_newest_message_stands(house: House) -> None:
    listed = Talking(house)
    for id, answers in ((1, 0), (2, 0), (3, 1), (4, 0), (5, 1), (6, 4)):
        listed.say(id, answers)
    assert listed.heads() == [6, 5, 2]
    assert listed.heads(newer=True) == [2, 5, 6]
    assert listed.heads(heads=Heads.OLDEST) == [4, 2, 1]
    assert (listed.total(), listed.total(Heads.ALL)) == (3, 6)
    page = listed.page(Stretch(9), heads=Heads.NEWEST)
    assert [page.threads[row.thread].messages for row in page.rows] == [2, 3, 1]
    listed.healthy()


def test_what_a_thread_is_counts_in_all_mailboxes(house: House) -> None:
    listed = Talking(house)
    listed.say(1, flags=SEEN | FLAGGED)
    listed.say(2, 1, flags=SEEN)
    house.ask(listed.messages.move(listed.account, listed.inbox, uid(1), listed.other, ACTOR))
    ((thread, found),) = listed.page(Stretch(5), heads=Heads.NEWEST).threads.items()
    assert found == ThreadSum(2, unseen=False, flagged=True, drafts=False)
    listed.say(3, 2, flags=DRAFT)
    assert listed.page(Stretch(5), heads=Heads.NEWEST).threads[thread] == ThreadSum(
        3, unseen=True, flagged=True, drafts=True
    )
    assert listed.page(Stretch(5), heads=Heads.NEWEST, mailbox=listed.other).total == 1
    listed.healthy()


def test_threads_of_what_is_unseen(house: House) -> None:
    listed = Talking(house)
    for id, answers, flags in ((1, 0, 0), (2, 1, SEEN), (3, 0, SEEN), (4, 0, 0), (5, 4, 0)):
        listed.say(id, answers, flags=flags)
    rows = listed.walk(1, unseen=True, heads=Heads.NEWEST)
    assert [row.number for row in rows] == [5, 1]
    assert listed.total(unseen=True) == 2
    read = Flags(SEEN)
    house.ask(
        listed.messages.store_flags(
            listed.account, listed.inbox, uid(1, 9), FlagMode.ADD, read, ACTOR
        )
    )
    assert listed.total(unseen=True) == 0


def test_the_head_of_a_thread_may_leave_and_come_back(house: House) -> None:
    listed = Talking(house)
    for id, answers in ((1, 0), (2, 1), (3, 0), (4, 1)):
        listed.say(id, answers)
    assert listed.heads() == [4, 3]
    listed.expunge(uid(4))
    assert (listed.heads(), listed.total()) == ([3, 2], 2)
    listed.expunge(uid(1, 2))
    assert (listed.heads(), listed.total()) == ([3], 1)
    gone = [row.number for row in listed.archived()]
    house.ask(house.store.archive.restore(listed.account, gone, None, ACTOR))
    assert listed.total() == 2
    listed.healthy()


def test_a_cursor_between_threads_stays_right_while_mail_arrives(house: House) -> None:
    listed = Talking(house)
    for id in range(1, 7):
        listed.say(id)
    first = listed.page(Stretch(2), heads=Heads.NEWEST)
    assert [row.number for row in first.rows] == [6, 5]
    listed.say(7, 5)  # a thread of the first page, and one of the second, move to the top
    listed.say(8, 3)
    second = listed.page(Stretch(2, first.end), heads=Heads.NEWEST)
    assert [row.number for row in second.rows] == [4, 2]
    up = listed.page(Stretch(9, second.start, newer=True), heads=Heads.NEWEST)
    assert [row.number for row in up.rows] == [6, 7, 8]


def grouped(rows: Sequence[Row], newest: bool) -> set[int]:
    """What a list of threads has to show: by the whole list, without an index."""
    found: dict[int, Row] = {}
    for row in sorted(rows, key=lambda row: (row.date, row.number), reverse=newest):
        found.setdefault(row.thread, row)
    return {row.number for row in found.values()}


steps = st.one_of(
    st.tuples(st.just("say"), st.integers(0, 6), st.one_of(st.none(), st.integers(0, 9))),
    st.tuples(st.sampled_from(("copy", "move", "fetch", "expunge", "again")), st.integers(1, 9)),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=16), st.integers(1, 3), st.booleans())
def test_lists_of_threads_are_the_lists_of_messages_grouped(
    program: list[tuple[Any, ...]], limit: int, newest: bool
) -> None:
    """Whatever comes, is copied, moved, taken away and brought back."""
    listed = Talking(memory_house(None))  # type: ignore[arg-type]
    messages, account, inbox, other = (
        listed.messages, listed.account, listed.inbox, listed.other,
    )  # fmt: skip
    for number, step in enumerate(program, start=1):
        match step:
            case ("say", answers, date):
                listed.say(number, answers, date, SEEN * (number % 2))
            case ("copy", last):
                listed.house.ask(messages.copy(account, inbox, uid(1, last), inbox, ACTOR))
            case ("move", last):
                listed.house.ask(messages.move(account, inbox, uid(1, last), other, ACTOR))
            case ("fetch", last):
                listed.house.ask(messages.move(account, other, uid(1, last), inbox, ACTOR))
            case ("expunge", first):
                listed.expunge(uid(first, first + 1))
            case _:
                gone = [row.number for row in listed.archived()]
                listed.house.ask(listed.house.store.archive.restore(account, gone, None, ACTOR))
    heads = Heads.NEWEST if newest else Heads.OLDEST
    everything = listed.walk(limit)
    for unseen in (False, True):
        rows = [row for row in everything if not unseen or not row.flags.system & SEEN]
        shown = listed.walk(limit, newer=not newest, unseen=unseen, heads=heads)
        assert {row.number for row in shown} == grouped(rows, newest)
        assert len(shown) == listed.total(heads, unseen=unseen)
        wanted = [row.number for row in everything if row.number in grouped(rows, newest)]
        assert [row.number for row in shown] == (wanted if newest else wanted[::-1])
    listed.healthy()
