"""Lists by date on every store."""

from __future__ import annotations

import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.flags import FLAGGED, SEEN, FlagMode, Flags
from mailhub.model.listing import Heads, Page, Stretch, ThreadSum
from mailhub.store import listing, listing_rows, schema
from tests.contract.listed import Listed, place, uid
from tests.contract.stores import ACTOR, MESSAGE, House, TextBody, memory_house, rendered


def test_a_row_has_what_was_rendered(house: House) -> None:
    listed = Listed(house)
    listed.append(50, SEEN | FLAGGED, ("$Forwarded",))
    (row,) = listed.page(Stretch(5)).rows
    assert (row.number, row.date, row.size, row.mailbox) == (1, 50, len(MESSAGE), listed.inbox)
    assert row.flags == Flags(SEEN | FLAGGED, ("$Forwarded",))
    assert (row.subject, row.preview, row.sent_at) == ("subject", "a preview", 1_600_000_000)
    assert row.envelope == rendered().envelope
    assert row.structure == rendered().bodystructure
    assert row.thread == row.content
    assert (row.expires, row.archived, row.metadata, row.attachments) == (0, 0, "", False)


def test_delivered_mail_is_dated_by_its_commit_and_needs_no_index(house: House) -> None:
    listed = Listed(house)
    for _ in range(3):
        listed.deliver()
        house.clock.advance(10)
    listed.append(7)
    rows = listed.walk(2)
    assert [row.number for row in rows] == [3, 2, 1, 4]
    assert rows[0].date == int(house.clock.now()) - 10


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(
        st.one_of(st.none(), st.integers(0, 20), st.just("back"), st.just("gone")), max_size=14
    ),
    limit=st.integers(1, 4),
    newer=st.booleans(),
)
def test_pages_together_are_the_list(
    steps: list[int | str | None], limit: int, newer: bool
) -> None:
    """Deliveries (None), appends by date, the clock set back, and removals in any order."""
    listed = Listed(memory_house(None))  # type: ignore[arg-type]
    number = 0
    for step in steps:
        if step == "back":
            listed.house.clock.advance(-30)
        elif step == "gone":
            listed.expunge(uid(max(1, number - 1)))
        else:
            number += 1
            if step is None:
                listed.deliver(SEEN * (number % 2))
            else:
                listed.append(int(step), SEEN * (number % 2))
        listed.house.clock.advance(1)
    rows = listed.walk(limit, newer)
    assert sorted(row.number for row in rows) == listed.house.uids(listed.account, listed.inbox)
    if "back" not in steps:
        assert [place(row) for row in rows] == sorted(map(place, rows), reverse=not newer)
    unseen = listed.walk(limit, newer, unseen=True)
    assert {row.number for row in unseen} == {
        row.number for row in rows if not row.flags.system & SEEN
    }
    assert [row.number for row in unseen] == [
        row.number for row in rows if not row.flags.system & SEEN
    ]
    listed.healthy()


def test_a_boundary_stays_right_while_mail_arrives_and_leaves(house: House) -> None:
    listed = Listed(house)
    for _ in range(6):
        listed.deliver()
        house.clock.advance(10)
    first = listed.page(Stretch(2))
    assert [row.number for row in first.rows] == [6, 5]
    listed.deliver()  # 7
    listed.append(int(house.clock.now()) - 25)  # 8: between 4 and 5
    listed.expunge(uid(5, 5))
    second = listed.page(Stretch(2, first.end))
    assert [row.number for row in second.rows] == [8, 4]
    up = listed.page(Stretch(5, second.start, newer=True))
    assert [row.number for row in up.rows] == [6, 7]
    assert not up.more
    again = listed.page(Stretch(5, up.end, newer=True))
    assert again.rows == []


def test_flagged_in_some_mailboxes(house: House) -> None:
    listed = Listed(house)
    for date in (30, 10, 20):
        listed.append(date, FLAGGED)
    listed.append(25)
    house.ask(listed.messages.copy(listed.account, listed.inbox, uid(2, 2), listed.other, ACTOR))

    def flagged(boxes: list[int], stretch: Stretch) -> Page:
        return house.ask(listed.listings.flagged(listed.account, boxes, stretch, metadata=False))

    both = [listed.inbox, listed.other]
    page = flagged(both, Stretch(2))
    assert [(row.date, row.mailbox) for row in page.rows] == [
        (30, listed.inbox),
        (20, listed.inbox),
    ]
    assert (page.total, page.more) == (4, True)
    page = flagged(both, Stretch(9, page.end))
    assert {(row.date, row.mailbox) for row in page.rows} == {(10, box) for box in both}
    assert flagged([listed.other], Stretch(9)).total == 1
    assert flagged([], Stretch(9)).rows == []


def test_threads_are_counted_without_the_archive(house: House) -> None:
    listed = Listed(house)
    messages = [
        (TextBody(MESSAGE), rendered(f"<{n}@x>", ("<1@x>",) if n > 1 else ()), Flags(), n)
        for n in range(1, 5)
    ]
    house.ask(listed.messages.append(listed.account, listed.inbox, messages, ACTOR))
    thread = listed.page(Stretch(1)).rows[0].thread
    counted = house.ask(listed.listings.threads(listed.account, [thread, 5]))
    assert counted == {thread: ThreadSum(4), 5: ThreadSum(0)}
    listed.expunge(uid(1, 2))
    assert house.ask(listed.listings.threads(listed.account, [thread])) == {thread: ThreadSum(2)}


def test_flags_do_not_move_a_message_in_the_list(house: House) -> None:
    listed = Listed(house)
    listed.deliver()
    listed.deliver()
    house.ask(
        listed.messages.store_flags(
            listed.account, listed.inbox, uid(1), FlagMode.ADD, Flags(FLAGGED), ACTOR
        )
    )
    assert [row.number for row in listed.walk(1)] == [2, 1]


def test_lists_never_look_through_a_whole_mailbox() -> None:
    """What the database plans to do: search an index, and for unseen ones alone read on."""
    connection = sqlite3.connect(":memory:")
    for statement in schema.TABLES:
        connection.execute(statement)
    key = {
        **dict.fromkeys(("account", "mailbox", "low", "high", "date", "box", "uid", "limit"), 1),
        "mailboxes": "[]",
        "number": 1,
    }
    everything, heads = (
        listing._STREAMS[listing._Walk.ALL, heads] for heads in (Heads.ALL, Heads.NEWEST)
    )
    steady = "PRIMARY KEY (account=? AND mailbox=? AND uid>? AND uid<?)"
    dated = "INDEX message_date (account=? AND mailbox=? AND (internaldate,uid)"
    thread = "INDEX message_thread (account=? AND thread=? AND mailbox=? AND internaldate"
    for ways, index in (
        (everything[0], steady),
        (everything[1], dated),
        (heads[0], steady),
        (heads[1], dated),
        (heads[0], thread),
        (heads[1], thread),
        (heads[0], "INDEX message_content (content=?)"),
        (listing._FLAGGED_WAYS, "INDEX message_flagged (account=? AND (internaldate,mailbox,uid)"),
        (listing._ARCHIVED_WAYS, "PRIMARY KEY (account=? AND number"),
    ):
        for sql in ways.values():
            rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", key).fetchall()
            plan = [row[3] for row in rows]
            assert any(index in step for step in plan), plan
            assert not any("B-TREE" in step for step in plan), plan
    for sql in (listing_rows._COUNTS, listing_rows._WHOLE_SUMS):
        rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", {"account": 1, "threads": "[]"})
        plan = " ".join(row[3] for row in rows)
        assert "INDEX message_thread (account=? AND thread=?" in plan, plan
        assert "INDEX message_content (content=?)" in plan, plan
    connection.close()
