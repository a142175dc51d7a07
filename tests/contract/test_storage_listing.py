"""Lists by date, and the archive, on every store."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.change import Arrived
from mailhub.model.errors import NotFound, OverQuota
from mailhub.model.flags import DELETED, DRAFT, FLAGGED, SEEN, FlagMode, Flags
from mailhub.model.listing import Arrangement, Page, Row, Stretch
from mailhub.model.message import Copied, Copy
from mailhub.model.uids import UidSet
from mailhub.store import sweeps
from mailhub.store.checks import CHECKS
from mailhub.store.memory import MemoryStore
from mailhub.store.sqlite import SQLiteStore
from tests.contract.stores import ACTOR, ALL, MESSAGE, House, TextBody, memory_house, rendered


def uid(number: int, last: int = 0) -> UidSet:
    return UidSet(((number, last or number),))


def place(row: Row) -> tuple[int, int]:
    return row.date, row.number


class Listed:
    """One mailbox, filled in both ways, and lists of it."""

    def __init__(self, house: House) -> None:
        self.house = house
        account, boxes = house.account("Other")
        self.account, self.inbox, self.other = account.number, boxes["INBOX"], boxes["Other"]
        self.messages, self.listings = house.store.messages, house.store.listings

    def deliver(self, flags: int = 0) -> None:
        copy = Copy(self.account, flags=Flags(flags), internaldate=int(self.house.clock.now()) - 3)
        self.house.ask(
            self.messages.deliver(
                self.house.token(), TextBody(MESSAGE), rendered(), [copy], None, (), ACTOR
            )
        )

    def append(self, date: int, flags: int = 0, keywords: tuple[str, ...] = ()) -> None:
        one = (TextBody(MESSAGE), rendered(), Flags(flags, keywords), date)
        self.house.ask(self.messages.append(self.account, self.inbox, [one], ACTOR))

    def page(self, stretch: Stretch, unseen: bool = False) -> Page:
        return self.house.ask(
            self.listings.mailbox(self.account, self.inbox, stretch, unseen=unseen, metadata=True)
        )

    def walk(self, limit: int, newer: bool = False, unseen: bool = False) -> list[Row]:
        rows: list[Row] = []
        stretch = Stretch(limit, None, newer)
        while True:
            page = self.page(stretch, unseen)
            rows += page.rows
            if not page.more:
                return rows
            stretch = Stretch(limit, page.end, newer)

    def expunge(self, uids: UidSet, *, only_deleted: bool = False, keep: bool = True) -> None:
        self.house.ask(
            self.messages.expunge(
                self.account, self.inbox, uids, ACTOR, only_deleted=only_deleted, keep=keep
            )
        )

    def archived(self) -> list[Row]:
        page = self.house.ask(self.listings.archived(self.account, Stretch(100), metadata=True))
        return list(page.rows)

    def healthy(self) -> None:
        """No rule of the store is broken."""
        store = self.house.store
        assert isinstance(store, (MemoryStore, SQLiteStore))
        for check in CHECKS:

            def look(cursor: object, query: str = check.query) -> list[object]:
                return cursor.execute(query).fetchall()  # type: ignore[attr-defined,no-any-return]

            assert self.house.ask(store.runner.read(look)) == [], check.kind


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
    assert [place(row) for row in unseen] == sorted(map(place, unseen), reverse=not newer)
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
    assert house.ask(listed.listings.threads(listed.account, [thread, 5])) == {thread: 4, 5: 0}
    listed.expunge(uid(1, 2))
    assert house.ask(listed.listings.threads(listed.account, [thread])) == {thread: 2}


# -- the archive


def test_what_is_expunged_is_kept_and_comes_back_with_a_new_uid(house: House) -> None:
    listed = Listed(house)
    for date in (30, 10, 20):
        listed.append(date, DELETED | SEEN)
    before = house.ask(house.store.accounts.get(listed.account))
    listed.expunge(uid(1, 2), only_deleted=True)
    rows = listed.archived()
    assert [(row.date, row.mailbox, row.archived) for row in rows] == [
        (10, listed.inbox, int(house.clock.now())),
        (30, listed.inbox, int(house.clock.now())),
    ]
    after = house.ask(house.store.accounts.get(listed.account))
    assert before is not None
    assert after is not None
    assert after.used_storage == before.used_storage - 2 * len(MESSAGE)
    house.changes.clear()
    archive = house.store.archive
    (back,) = house.ask(archive.restore(listed.account, [rows[0].number, 999], None, ACTOR))
    assert (back.number, back.mailbox, back.uid) == (rows[0].number, listed.inbox, 4)
    (told,) = house.changes
    assert isinstance(told, Arrived)
    assert [(row.uid, row.flags, row.date) for row in told.rows] == [(4, SEEN, 10)]
    assert [row.number for row in listed.walk(9)] == [3, 4]
    listed.healthy()


def test_restoring_finds_another_mailbox(house: House) -> None:
    listed = Listed(house)
    listed.append(1)
    listed.append(2)
    both = uid(1, 2)
    house.ask(listed.messages.move(listed.account, listed.inbox, both, listed.other, ACTOR))
    house.ask(
        listed.messages.expunge(
            listed.account, listed.other, ALL, ACTOR, only_deleted=False, keep=True
        )
    )
    house.ask(house.store.mailboxes.remove(listed.account, listed.other, ACTOR))
    newest, oldest = listed.archived()
    archive = house.store.archive
    with pytest.raises(NotFound):
        house.ask(archive.restore(listed.account, [newest.number], 77, ACTOR))
    found = house.ask(archive.restore(listed.account, [newest.number], None, ACTOR))
    assert [one.mailbox for one in found] == [listed.inbox]
    content = house.ask(archive.content(listed.account, oldest.number))
    assert content is not None
    assert house.ask(house.blobs.read([content.blob])) == [MESSAGE]
    assert house.ask(archive.content(listed.account + 1, oldest.number)) is None


def test_drafts_are_not_kept(house: House) -> None:
    listed = Listed(house)
    listed.append(1, DRAFT)
    listed.append(2)
    listed.append(3, DRAFT)
    listed.expunge(ALL)
    assert [row.date for row in listed.archived()] == [2]
    listed.healthy()


def test_large_expunges_reach_the_archive_in_steps(house: House) -> None:
    listed = Listed(house)
    house.fill(listed.account, listed.inbox, 1200)
    listed.expunge(ALL)
    store = house.store
    for _ in range(20):
        if not house.ask(store.runner.write(sweeps.step)):
            break
    page = house.ask(listed.listings.archived(listed.account, Stretch(5), metadata=False))
    assert page.total == 1200
    assert {row.mailbox for row in page.rows} == {listed.inbox}
    listed.healthy()


def test_restoring_takes_quota(house: House) -> None:
    listed = Listed(house)
    listed.append(1)
    listed.expunge(uid(1))
    account = house.ask(house.store.accounts.get(listed.account))
    assert account is not None
    limited = replace(account, limits=replace(account.limits, storage=1))
    house.ask(house.store.accounts.replace(limited, ACTOR))
    (row,) = listed.archived()
    with pytest.raises(OverQuota):
        house.ask(house.store.archive.restore(listed.account, [row.number], None, ACTOR))
    assert len(listed.archived()) == 1


def test_the_archive_is_purged_by_age(house: House) -> None:
    listed = Listed(house)
    listed.append(1)
    listed.append(2)
    listed.expunge(uid(1))
    house.clock.advance(100)
    listed.expunge(uid(2))
    now = int(house.clock.now())
    archive = house.store.archive
    assert house.ask(archive.numbers(listed.account, now, now, 0, 9)) == [2]
    assert house.ask(archive.purge(now - 100))
    assert not house.ask(archive.purge(now - 100))
    assert [row.number for row in listed.archived()] == [2]
    listed.healthy()


def arrange(listed: Listed, uids: UidSet, wanted: Arrangement) -> Copied | None:
    archive = listed.house.store.archive
    return listed.house.ask(archive.arrange(listed.account, listed.inbox, uids, wanted, ACTOR))


def test_metadata_stays_with_a_message_wherever_it_goes(house: House) -> None:
    listed = Listed(house)
    listed.append(1)
    listed.append(2)
    text = json.dumps({"k": 1})
    arrange(listed, uid(1, 9), Arrangement(metadata=text))
    arrange(listed, uid(2), Arrangement(metadata=""))
    assert [row.metadata for row in listed.walk(9)] == ["", text]
    arrange(listed, uid(1), Arrangement(destination=listed.other))
    moved = house.ask(listed.listings.one(listed.account, listed.other, 1))
    assert moved is not None
    assert moved.metadata == text
    house.ask(listed.messages.expunge(listed.account, listed.other, ALL, ACTOR, only_deleted=False))
    listed.healthy()


def test_expiry_is_set_and_cleared(house: House) -> None:
    listed = Listed(house)
    listed.append(1)
    arrange(listed, ALL, Arrangement(expires=99))
    assert listed.walk(1)[0].expires == 99
    arrange(listed, ALL, Arrangement(expires=0))
    assert listed.walk(1)[0].expires == 0
    with pytest.raises(NotFound):
        house.ask(
            house.store.archive.arrange(listed.account, 77, ALL, Arrangement(expires=0), ACTOR)
        )


def test_all_at_once_in_one_commit(house: House) -> None:
    listed = Listed(house)
    for date in (3, 1, 2):
        listed.append(date)
    wanted = Arrangement(Flags(SEEN | FLAGGED), Flags(DRAFT), 5_000_000_000, "1", listed.other)
    copied = arrange(listed, uid(2, 3), wanted)
    assert copied is not None
    assert (list(copied.source), list(copied.destination)) == ([2, 3], [1, 2])
    row = house.ask(listed.listings.one(listed.account, listed.other, 2))
    assert row is not None
    assert (row.flags.system, row.expires, row.metadata) == (SEEN | FLAGGED, 5_000_000_000, "1")
    assert arrange(listed, UidSet(), wanted) is None
    with pytest.raises(NotFound):
        arrange(listed, uid(1), Arrangement(Flags(SEEN), destination=77))
    (left,) = listed.walk(9)
    assert not left.flags.system
    listed.healthy()


def test_which_uids_there_are(house: House) -> None:
    listed = Listed(house)
    for date in range(5):
        listed.append(date)
    listed.expunge(uid(2))

    def uids(wanted: UidSet, limit: int) -> list[int]:
        return list(house.ask(listed.listings.uids(listed.account, listed.inbox, wanted, limit)))

    assert uids(ALL, 9) == [1, 3, 4, 5]
    assert uids(ALL, 2) == [1, 3]
    assert uids(UidSet(((2, 3), (5, 9))), 9) == [3, 5]
    assert uids(UidSet(), 9) == []


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
