"""The archive, and orders about messages, on every store."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mailhub.model.change import Arrived
from mailhub.model.errors import NotFound, OverQuota
from mailhub.model.flags import DELETED, DRAFT, FLAGGED, SEEN, Flags
from mailhub.model.listing import Arrangement, Stretch
from mailhub.model.message import Copied
from mailhub.model.uids import UidSet
from mailhub.store import retention, sweeps
from tests.contract.listed import Listed, uid
from tests.contract.stores import ACTOR, ALL, MESSAGE, House

pytestmark = pytest.mark.thorough

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


def test_mail_of_a_removed_mailbox_and_what_is_over_is_kept(house: House) -> None:
    listed = Listed(house)
    for date in (1, 2, 3):
        listed.append(date)
    store = house.store
    house.ask(listed.messages.move(listed.account, listed.inbox, uid(1), listed.other, ACTOR))
    house.ask(store.mailboxes.remove(listed.account, listed.other, ACTOR, keep=True))
    while house.ask(store.runner.write(sweeps.step)):
        continue
    now = int(house.clock.now())
    arrange(listed, uid(2), Arrangement(expires=now))
    arrange(listed, uid(3), Arrangement(expires=now + 1))
    while house.ask(store.runner.write(retention.expire)):
        continue
    assert [(row.date, row.mailbox) for row in listed.archived()] == [
        (2, listed.inbox),
        (1, listed.other),
    ]
    assert [row.number for row in listed.walk(9)] == [3]
    listed.healthy()


def test_an_account_that_goes_takes_its_archive_along(house: House) -> None:
    listed = Listed(house)
    listed.append(1)
    arrange(listed, uid(1), Arrangement(metadata="{}"))
    listed.expunge(uid(1))
    store = house.store
    house.ask(store.accounts.remove(listed.account, ACTOR))
    while house.ask(store.runner.write(sweeps.step)):
        continue
    assert listed.archived() == []
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
