"""Accounts that go with grace, and mail that leaves when its time is over, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.model.account import Encryption, Limits, NewAccount, Scope, Secrets
from mailhub.model.address import Domain, NewAddress
from mailhub.model.change import AccountChanged, AddressesChanged, Expunged
from mailhub.model.errors import AlreadyExists, NotFound
from mailhub.model.mailbox import NewMailbox
from mailhub.model.uids import UidSet
from mailhub.store import removals, retention
from tests.contract.stores import ACTOR, ALL, House

DAY = 86400


def tidy(house: House) -> None:
    for work in (removals.purge, retention.expire):
        while house.ask(house.store.runner.write(work)):
            pass


def address(text: str, account: int) -> NewAddress:
    return NewAddress(f"{text:0>24}"[-24:], text, text, 1, account=account, main=True)


def test_every_setting_of_an_account_is_kept(house: House) -> None:
    store = house.store.accounts
    limits = Limits(*range(1, 12))
    order = NewAccount(
        "a" * 24,
        "ann",
        1,
        limits=limits,
        spam_level=7,
        targets=("a@b.example",),
        encryption=Encryption("KEY", True, False),
        disabled_scopes=frozenset({Scope.POP3}),
    )
    made = house.ask(store.create(order, Secrets("hash"), [], [], ACTOR))
    assert (made.limits, made.spam_level, made.targets) == (limits, 7, ("a@b.example",))
    assert (made.encryption, made.has_password) == (Encryption("KEY", True, False), True)
    assert made.disabled_scopes == {Scope.POP3}
    changed = replace(made, spam_level=90, targets=(), encryption=Encryption())
    assert house.ask(store.replace(changed, ACTOR)) == changed


def test_a_removed_account_comes_back_as_it_was(house: House) -> None:
    store = house.store
    house.ask(store.domains.add(Domain(0, "d" * 24, "b.example"), ACTOR))
    account, boxes = house.account("Other", limits=Limits(storage=1 << 20))
    house.fill(account.number, boxes["Other"], 3)
    for text in ("a@b.example", "taken@b.example"):
        house.ask(store.addresses.add(address(text, account.number), ACTOR))
    before = house.ask(store.accounts.get(account.number))
    assert before is not None
    due = int(house.clock.now()) + DAY
    assert house.ask(store.accounts.remove(account.number, ACTOR, due=due)) == 2
    assert house.ask(store.accounts.get(account.number)) is None
    other, _ = house.account()
    house.ask(store.addresses.add(address("taken@b.example", other.number), ACTOR))
    house.clock.advance(DAY - 1)
    tidy(house)
    gone = house.ask(store.accounts.removed(account.id))
    assert gone is not None
    assert (gone.due, gone.username, gone.addresses) == (
        due, account.username, ("a@b.example", "taken@b.example"),
    )  # fmt: skip
    assert [one.id for one in house.ask(store.accounts.all_removed())] == [account.id]
    house.changes.clear()
    back, addresses = house.ask(store.accounts.restore(account.id, ACTOR))
    assert addresses == 1
    assert (back.limits, back.used_messages, back.used_storage) == (
        before.limits, before.used_messages, before.used_storage,
    )  # fmt: skip
    assert back.auth_version > account.auth_version
    assert house.uids(account.number, boxes["Other"]) == [1, 2, 3]
    assert [type(change) for change in house.changes] == [AddressesChanged, AccountChanged]
    with pytest.raises(NotFound):
        house.ask(store.accounts.restore(account.id, ACTOR))


def test_when_grace_is_over_nothing_is_left(house: House) -> None:
    account, boxes = house.account("Other")
    house.fill(account.number, boxes["Other"], 3)
    due = int(house.clock.now()) + DAY
    house.ask(house.store.accounts.remove(account.number, ACTOR, due=due))
    house.clock.advance(DAY)
    tidy(house)
    assert house.ask(house.store.accounts.removed(account.id)) is None
    assert house.ask(house.store.mailboxes.all(account.number)) == []
    with pytest.raises(NotFound):
        house.ask(house.store.accounts.restore(account.id, ACTOR))


def test_a_name_that_was_taken_keeps_the_account_away(house: House) -> None:
    account, _ = house.account()
    due = int(house.clock.now()) + DAY
    house.ask(house.store.accounts.remove(account.number, ACTOR, due=due))
    order = NewAccount("b" * 24, account.username, 1)
    house.ask(house.store.accounts.create(order, Secrets(), [], [], ACTOR))
    with pytest.raises(AlreadyExists):
        house.ask(house.store.accounts.restore(account.id, ACTOR))
    assert house.ask(house.store.accounts.removed(account.id)) is not None


def brief(house: House, account: int, name: str, milliseconds: int) -> int:
    order = NewMailbox(f"{name:0>24}", name, 1, retention=milliseconds)
    return house.ask(house.store.mailboxes.create(account, [order], ACTOR))[0].number


def test_mail_leaves_by_the_mailbox_that_it_came_into_last(house: House) -> None:
    account, boxes = house.account()
    number, inbox = account.number, boxes["INBOX"]
    hour = brief(house, number, "hour", 3_600_000)
    day = brief(house, number, "day", 86_399_001)
    house.fill(number, hour, 3)
    messages = house.store.messages
    house.ask(messages.move(number, hour, UidSet(((1, 1),)), day, ACTOR))
    house.ask(messages.copy(number, hour, UidSet(((2, 2),)), inbox, ACTOR))
    house.changes.clear()
    house.clock.advance(3600)
    tidy(house)
    assert [house.uids(number, box) for box in (hour, day, inbox)] == [[], [1], [1]]
    (expunged,) = [change for change in house.changes if isinstance(change, Expunged)]
    assert (expunged.mailbox, expunged.uids) == (hour, UidSet(((2, 3),)))
    house.clock.advance(DAY - 3600 - 1)
    tidy(house)
    assert house.uids(number, day) == [1]
    house.clock.advance(1)
    tidy(house)
    assert [house.uids(number, box) for box in (day, inbox)] == [[], [1]]
    used = house.ask(house.store.accounts.get(number))
    assert used is not None
    assert used.used_messages == 1


def test_much_mail_leaves_in_bounded_steps(house: House) -> None:
    account, _ = house.account()
    box = brief(house, account.number, "minute", 60_000)
    house.fill(account.number, box, retention.STEP + 5, b"x")
    house.clock.advance(61)
    assert house.ask(house.store.runner.write(retention.expire)) is True
    assert len(house.uids(account.number, box)) in (0, 5)  # the store's own round may be at it
    tidy(house)
    assert house.uids(account.number, box) == []


def test_counters_that_went_wrong_are_counted_again(house: House) -> None:
    account, boxes = house.account("Other")
    house.fill(account.number, boxes["Other"], 2)
    right = house.ask(house.store.accounts.get(account.number))
    assert right is not None
    house.ask(
        house.store.runner.write(
            lambda tx: tx.execute("UPDATE mailbox SET size = 1, messages = 9, unseen = 9", {}) and 0
        )
    )
    for box in boxes.values():
        house.ask(house.store.mailboxes.count_again(account.number, box))
    assert house.ask(house.store.accounts.count_again(account.number))[1] == right.used_storage
    other = house.ask(house.store.mailboxes.by_number(account.number, boxes["Other"]))
    assert other is not None
    assert (other.messages, other.unseen, other.size) == (2, 2, right.used_storage)
    index = house.ask(house.store.messages.contents(account.number, boxes["Other"], ALL))
    assert len(index) == 2
