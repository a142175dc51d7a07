"""Mailboxes, their names, subscriptions and counters, on every store."""

from __future__ import annotations

import pytest

from mailhub.model.change import Arrived, Expunged, MailboxChanged
from mailhub.model.errors import AlreadyExists, Conflict, NotFound
from mailhub.model.mailbox import Mailbox, NewMailbox
from tests.contract.stores import ACTOR, ALL, MESSAGE, House


def box(house: House, account: int, name: str) -> Mailbox:
    found = house.ask(house.store.mailboxes.get(account, name))
    assert found is not None
    return found


def test_mailboxes_are_listed_inbox_first(house: House) -> None:
    account, boxes = house.account("Archive", "Archive/2024", "Ärger")
    listed = house.ask(house.store.mailboxes.all(account.number))
    assert [one.name for one in listed] == ["INBOX", "Archive", "Archive/2024", "Ärger"]
    assert len({one.number for one in listed}) == 4
    assert len({one.uidvalidity for one in listed}) == 4
    for one in listed:
        assert (one.uidnext, one.messages, one.recent_from) == (1, 0, 1)
        assert one.highestmodseq >= 1
        by_number = house.ask(house.store.mailboxes.by_number(account.number, boxes[one.name]))
        assert by_number == one == box(house, account.number, one.name)


def test_another_account_sees_none_of_them(house: House) -> None:
    mine, boxes = house.account("Private")
    other, _ = house.account()
    assert house.ask(house.store.mailboxes.by_number(other.number, boxes["Private"])) is None
    with pytest.raises(NotFound):
        house.ask(house.store.messages.index(other.number, boxes["Private"]))
    with pytest.raises(NotFound):
        house.ask(house.store.mailboxes.remove(other.number, boxes["Private"], ACTOR))
    with pytest.raises(NotFound):
        house.ask(house.store.mailboxes.rename(other.number, [(boxes["Private"], "Stolen")], ACTOR))
    assert box(house, mine.number, "Private").name == "Private"


def test_create_is_all_or_none(house: House) -> None:
    account, _ = house.account("Taken")
    orders = [NewMailbox("1" * 24, "Fresh", 1), NewMailbox("2" * 24, "Taken", 1)]
    with pytest.raises(AlreadyExists):
        house.ask(house.store.mailboxes.create(account.number, orders, ACTOR))
    assert house.ask(house.store.mailboxes.get(account.number, "Fresh")) is None
    made = house.ask(
        house.store.mailboxes.create(
            account.number,
            [NewMailbox("3" * 24, "Sent", 9, special_use="\\Sent", subscribed=False)],
            ACTOR,
        )
    )
    assert [(one.special_use, one.subscribed, one.created) for one in made] == [
        ("\\Sent", False, 9)
    ]


def test_uidvalidity_grows_when_a_name_is_made_again(house: House) -> None:
    """Even with a clock that stands still or goes back."""
    account, boxes = house.account("Again")
    seen = [box(house, account.number, "Again").uidvalidity]
    number = boxes["Again"]
    for step in range(3):
        house.ask(house.store.mailboxes.remove(account.number, number, ACTOR))
        house.clock.step(-1000.0 if step == 1 else 0.0)
        order = NewMailbox(f"{step:024x}", "Again", 1)
        [made] = house.ask(house.store.mailboxes.create(account.number, [order], ACTOR))
        number = made.number
        seen.append(made.uidvalidity)
    assert seen == sorted(set(seen))


def test_rename_takes_the_subscription_along_and_keeps_identity(house: House) -> None:
    account, boxes = house.account("Old", "Old/Child")
    house.fill(account.number, boxes["Old"], 2)
    before = box(house, account.number, "Old")
    house.changes.clear()
    moves = [(boxes["Old"], "New"), (boxes["Old/Child"], "New/Child")]
    house.ask(house.store.mailboxes.rename(account.number, moves, ACTOR))
    after = box(house, account.number, "New")
    assert (after.number, after.id, after.uidvalidity, after.uidnext, after.messages) == (
        before.number,
        before.id,
        before.uidvalidity,
        before.uidnext,
        2,
    )
    names = house.ask(house.store.mailboxes.subscriptions(account.number))
    assert list(names) == ["INBOX", "New", "New/Child"]
    told = [
        (change.what, change.old_name, change.name)
        for change in house.changes
        if isinstance(change, MailboxChanged)
    ]
    assert told == [("renamed", "Old", "New"), ("renamed", "Old/Child", "New/Child")]


def test_rename_can_swap_names_and_refuses_taken_ones(house: House) -> None:
    account, boxes = house.account("A", "B", "C")
    swap = [(boxes["A"], "B"), (boxes["B"], "A")]
    house.ask(house.store.mailboxes.rename(account.number, swap, ACTOR))
    assert box(house, account.number, "A").number == boxes["B"]
    assert box(house, account.number, "B").number == boxes["A"]
    with pytest.raises(AlreadyExists):
        house.ask(
            house.store.mailboxes.rename(
                account.number, [(boxes["A"], "D"), (boxes["B"], "C")], ACTOR
            )
        )
    assert house.ask(house.store.mailboxes.get(account.number, "D")) is None
    with pytest.raises(NotFound):
        house.ask(house.store.mailboxes.rename(account.number, [(999, "E")], ACTOR))


def test_drain_moves_all_and_leaves_the_inbox(house: House) -> None:
    account, boxes = house.account()
    inbox = boxes["INBOX"]
    house.fill(account.number, inbox, 3)
    house.changes.clear()
    order = NewMailbox("7" * 24, "Kept", 1)
    made = house.ask(house.store.mailboxes.drain(account.number, inbox, order, ACTOR))
    assert (made.name, made.messages) == ("Kept", 3)
    assert house.uids(account.number, made.number) == [1, 2, 3]
    left = box(house, account.number, "INBOX")
    assert (left.number, left.messages, left.uidnext) == (inbox, 0, 4)
    kinds = {type(change) for change in house.changes}
    assert kinds == {MailboxChanged, Arrived, Expunged}


def test_remove_gives_the_quota_back_at_once(house: House) -> None:
    account, boxes = house.account("Gone")
    house.fill(account.number, boxes["Gone"], 5)
    house.fill(account.number, boxes["INBOX"], 1)
    house.ask(house.store.mailboxes.remove(account.number, boxes["Gone"], ACTOR))
    known = house.ask(house.store.accounts.get(account.number))
    assert known is not None
    assert (known.used_messages, known.used_storage) == (1, len(MESSAGE))
    assert house.ask(house.store.mailboxes.get(account.number, "Gone")) is None
    assert "Gone" not in house.ask(house.store.mailboxes.subscriptions(account.number))
    with pytest.raises(NotFound):
        house.ask(house.store.messages.index(account.number, boxes["Gone"]))
    with pytest.raises(NotFound):
        house.ask(house.store.mailboxes.remove(account.number, boxes["Gone"], ACTOR))
    assert house.ask(house.store.messages.contents(account.number, boxes["INBOX"], ALL))


def test_subscriptions_may_name_what_is_not_there(house: House) -> None:
    account, _ = house.account("Here")
    mailboxes = house.store.mailboxes
    house.ask(mailboxes.subscribe(account.number, "Nowhere/Deep", True, ACTOR))
    house.ask(mailboxes.subscribe(account.number, "Nowhere/Deep", True, ACTOR))
    house.ask(mailboxes.subscribe(account.number, "Here", False, ACTOR))
    assert list(house.ask(mailboxes.subscriptions(account.number))) == ["INBOX", "Nowhere/Deep"]
    assert not box(house, account.number, "Here").subscribed
    order = NewMailbox("8" * 24, "Nowhere/Deep", 1, subscribed=False)
    [made] = house.ask(mailboxes.create(account.number, [order], ACTOR))
    assert made.subscribed


def test_special_use_can_be_set(house: House) -> None:
    account, boxes = house.account("Old mail")
    mailboxes = house.store.mailboxes
    number = boxes["Old mail"]
    house.ask(mailboxes.set_special_use(account.number, number, "\\Archive", ACTOR))
    assert box(house, account.number, "Old mail").special_use == "\\Archive"
    with pytest.raises(NotFound):
        house.ask(mailboxes.set_special_use(account.number, 999, "\\Archive", ACTOR))


def test_recent_is_claimed_once(house: House) -> None:
    account, boxes = house.account()
    inbox, mailboxes = boxes["INBOX"], house.store.mailboxes
    assert house.ask(mailboxes.claim_recent(account.number, inbox)) == 1
    house.fill(account.number, inbox, 2)
    assert house.ask(mailboxes.claim_recent(account.number, inbox)) == 1
    assert house.ask(mailboxes.claim_recent(account.number, inbox)) == 3
    house.fill(account.number, inbox, 1)
    assert house.ask(mailboxes.claim_recent(account.number, inbox)) == 3
    with pytest.raises(NotFound):
        house.ask(mailboxes.claim_recent(account.number, 999))


def test_a_mailbox_takes_over_the_numbers_of_another_server(house: House) -> None:
    account, boxes = house.account("Old")
    number, changes = boxes["Old"], house.changes
    fresh = box(house, account.number, "Old").uidvalidity

    def take(uidvalidity: int, uidnext: int) -> Mailbox:
        call = house.store.mailboxes.number_from
        return house.ask(call(account.number, number, uidvalidity, uidnext, ACTOR))

    taken = take(7, 40)
    assert (taken.uidvalidity, taken.uidnext, taken.messages) == (7, 40, 0)
    assert any(isinstance(one, MailboxChanged) and one.what == "renumbered" for one in changes)
    assert take(7, 12).uidnext == 40, "never back"
    house.fill(account.number, number, 1)
    assert take(7, 50).uidnext == 50
    house.fill(account.number, number, 1)
    assert house.uids(account.number, number) == [40, 50]
    with pytest.raises(Conflict):
        take(8, 60)
    again = take(0, 1)
    assert again.uidvalidity > max(fresh, 7)
    assert (again.uidnext, again.messages) == (51, 2)
    with pytest.raises(NotFound):
        house.ask(house.store.mailboxes.number_from(account.number, 99, 1, 1, ACTOR))
