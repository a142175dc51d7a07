"""Accounts, domains and addresses, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.model.account import Limits, NewAccount, Role, ScramKeys, Secrets
from mailhub.model.address import Domain, NewAddress
from mailhub.model.change import AccountChanged, AddressesChanged
from mailhub.model.errors import AlreadyExists, InUse, NotFound
from mailhub.model.flags import Flags
from mailhub.model.mailbox import NewMailbox
from tests.contract.stores import ACTOR, ALL, MESSAGE, House, TextBody, rendered

KEYS = ScramKeys(b"salt", 4096, b"stored", b"server")


def new(name: str = "ann", **fields: object) -> NewAccount:
    return NewAccount(f"{name:0>24}", name, 1_700_000_000, **fields)  # type: ignore[arg-type]


def address(text: str, **fields: object) -> NewAddress:
    return NewAddress(f"{text:0>24}"[-24:], text, text.lower(), 1_700_000_000, **fields)  # type: ignore[arg-type]


def test_an_account_is_read_back_as_it_was_ordered(house: House) -> None:
    accounts = house.store.accounts
    order = NewAccount(
        "a" * 24,
        "ann",
        1_700_000_000,
        name="Ann É",
        role=Role.ADMIN,
        limits=Limits(10, 20, 30, 40),
        language="de",
        retention=5,
        tags=("a", "b"),
        metadata={"key": [1, {"deep": None}]},
        disabled=True,
    )
    made = house.ask(
        accounts.create(
            order,
            Secrets("hash", KEYS),
            [NewMailbox("b" * 24, "INBOX", 1)],
            [address("Ann@example.org", main=True)],
            ACTOR,
        )
    )
    assert made == house.ask(accounts.get(made.number))
    assert made == house.ask(accounts.by_id("a" * 24)) == house.ask(accounts.by_username("ann"))
    assert (made.name, made.role, made.limits) == ("Ann É", Role.ADMIN, Limits(10, 20, 30, 40))
    assert (made.tags, made.metadata) == (("a", "b"), {"key": [1, {"deep": None}]})
    assert (made.language, made.retention, made.disabled) == ("de", 5, True)
    assert (made.address, made.suspended, made.auth_version) == ("Ann@example.org", False, 1)
    assert (made.used_storage, made.used_messages) == (0, 0)
    assert house.ask(accounts.secrets(made.number)) == Secrets("hash", KEYS)
    assert [box.name for box in house.ask(house.store.mailboxes.all(made.number))] == ["INBOX"]


def test_what_does_not_exist_is_none(house: House) -> None:
    store = house.store
    assert house.ask(store.accounts.get(9)) is None
    assert house.ask(store.accounts.by_id("f" * 24)) is None
    assert house.ask(store.accounts.by_username("nobody")) is None
    assert house.ask(store.domains.get("nowhere.example")) is None
    assert house.ask(store.addresses.get("a@nowhere.example")) is None
    assert house.ask(store.addresses.by_id("f" * 24)) is None
    assert house.ask(store.addresses.match(["a@b", "*@b"])) is None
    with pytest.raises(NotFound):
        house.ask(store.accounts.secrets(9))


def test_a_taken_name_or_address_leaves_nothing_behind(house: House) -> None:
    accounts = house.store.accounts
    taken = [address("ann@example.org")]
    house.ask(accounts.create(new(), Secrets(), [NewMailbox("b" * 24, "INBOX", 1)], taken, ACTOR))
    house.changes.clear()
    with pytest.raises(AlreadyExists) as caught:
        house.ask(accounts.create(new(), Secrets(), [], [], ACTOR))
    assert caught.value.field == "username"
    other = [NewMailbox("c" * 24, "INBOX", 1)]
    with pytest.raises(AlreadyExists) as caught:
        house.ask(accounts.create(new("bob"), Secrets(), other, taken, ACTOR))
    assert caught.value.field == "address"
    assert house.ask(accounts.by_username("bob")) is None
    assert house.ask(accounts.count()) == 1
    assert house.changes == []


def test_replace_keeps_counters_and_never_lowers_the_auth_version(house: House) -> None:
    accounts = house.store.accounts
    account, boxes = house.account()
    house.fill(account.number, boxes["INBOX"], 2)
    raised = house.ask(
        accounts.set_secrets(account.number, Secrets("new"), ACTOR, end_sessions=True)
    )
    assert raised.auth_version == 2
    house.changes.clear()
    changed = house.ask(
        accounts.replace(
            replace(account, name="New", limits=Limits(7), used_storage=0, suspended=True), ACTOR
        )
    )
    assert (changed.name, changed.limits, changed.suspended) == ("New", Limits(7), True)
    assert (changed.used_messages, changed.used_storage) == (2, 2 * len(MESSAGE))
    assert changed.auth_version == 2
    [told] = house.changes
    assert isinstance(told, AccountChanged)
    assert (told.account, told.what, told.auth_version) == (account.number, "updated", 2)


def test_replace_and_set_secrets_of_nobody(house: House) -> None:
    account, _ = house.account()
    other, _ = house.account()
    with pytest.raises(NotFound):
        house.ask(house.store.accounts.replace(replace(account, number=99, username="x"), ACTOR))
    with pytest.raises(NotFound):
        house.ask(house.store.accounts.set_secrets(99, Secrets(), ACTOR, end_sessions=False))
    with pytest.raises(NotFound):
        house.ask(house.store.accounts.remove(99, ACTOR))
    with pytest.raises(AlreadyExists):
        house.ask(house.store.accounts.replace(replace(account, username=other.username), ACTOR))


def test_a_rehash_ends_no_session(house: House) -> None:
    account, _ = house.account()
    after = house.ask(
        house.store.accounts.set_secrets(
            account.number, Secrets("better", KEYS), ACTOR, end_sessions=False
        )
    )
    assert after.auth_version == account.auth_version
    assert house.ask(house.store.accounts.secrets(account.number)) == Secrets("better", KEYS)


def test_pages_count_and_filter(house: House) -> None:
    accounts = house.store.accounts
    for name, tags in (("ann", ("x",)), ("bob", ("y", "x")), ("cy_d", ()), ("cyxd", ("z",))):
        names = [address(f"{name}@mail.example")]
        house.ask(accounts.create(new(name, tags=tags), Secrets(), [], names, ACTOR))

    def page(**filters: object) -> tuple[list[str], int]:
        found, total = house.ask(accounts.page(**filters))  # type: ignore[arg-type]
        return [one.username for one in found], total

    assert page() == (["ann", "bob", "cy_d", "cyxd"], 4)
    first, _ = house.ask(accounts.page(limit=2))
    assert page(after=first[-1].number, limit=1) == (["cy_d"], 4)
    assert page(query="cy_") == (["cy_d"], 1)
    assert page(query="%") == ([], 0)
    assert page(query="mail.EXAMPLE", limit=1) == (["ann"], 4)
    assert page(tags=("x",)) == (["ann", "bob"], 2)
    assert page(tags=("y", "z")) == (["bob", "cyxd"], 2)
    assert page(tags=("x",), query="bo") == (["bob"], 1)


def test_removal_takes_everything_and_frees_the_name(house: House) -> None:
    store = house.store
    account, boxes = house.account("Other")
    house.fill(account.number, boxes["Other"], 700)
    house.ask(store.addresses.add(address("a@b.example", account=account.number), ACTOR))
    [content] = house.ask(store.messages.contents(account.number, boxes["Other"], ALL))[:1]
    house.changes.clear()
    house.ask(store.accounts.remove(account.number, ACTOR))
    assert house.ask(store.accounts.get(account.number)) is None
    assert house.ask(store.addresses.get("a@b.example")) is None
    assert house.ask(store.mailboxes.all(account.number)) == []
    with pytest.raises(NotFound):
        house.ask(store.messages.index(account.number, boxes["Other"]))
    with pytest.raises(NotFound):
        house.ask(store.accounts.secrets(account.number))
    kinds = [(type(change), getattr(change, "what", "")) for change in house.changes]
    assert kinds == [(AddressesChanged, "address"), (AccountChanged, "removed")]
    # A session that still holds the place of a message can go on reading it.
    assert house.ask(house.blobs.read([content.blob])) == [MESSAGE]
    again = NewAccount("9" * 24, account.username, 1)
    fresh = house.ask(store.accounts.create(again, Secrets(), [], [], ACTOR))
    assert fresh.number > account.number


def test_a_removed_account_takes_no_mail(house: House) -> None:
    account, boxes = house.account()
    house.ask(house.store.accounts.remove(account.number, ACTOR))
    with pytest.raises(NotFound):
        house.ask(
            house.store.messages.append(
                account.number,
                boxes["INBOX"],
                [(TextBody(MESSAGE), rendered(), Flags(), 1)],
                ACTOR,
            )
        )
    order = NewMailbox("d" * 24, "New", 1)
    with pytest.raises(NotFound):
        house.ask(house.store.mailboxes.create(account.number, [order], ACTOR))


# -- domains


def domain(name: str, **fields: object) -> Domain:
    return Domain(0, f"{name:0>24}"[-24:], name, created=5, **fields)  # type: ignore[arg-type]


def test_domains_come_and_go(house: House) -> None:
    domains = house.store.domains
    made = house.ask(domains.add(domain("b.example", delimiter="-", ignore_dots=True), ACTOR))
    house.ask(domains.add(domain("a.example", alias_of="b.example"), ACTOR))
    assert made.number > 0
    assert house.ask(domains.get("b.example")) == made
    assert [one.name for one in house.ask(domains.all())] == ["a.example", "b.example"]
    changed = house.ask(domains.replace(replace(made, catch_all="x@b.example"), ACTOR))
    assert changed.catch_all == "x@b.example"
    assert house.ask(domains.get("b.example")) == changed
    told = [(change.what, change.name) for change in house.changes]  # type: ignore[union-attr]
    assert told == [("domain", "b.example"), ("domain", "a.example"), ("domain", "b.example")]
    with pytest.raises(AlreadyExists):
        house.ask(domains.add(domain("a.example"), ACTOR))
    with pytest.raises(NotFound):
        house.ask(domains.replace(replace(made, number=77, name="c.example"), ACTOR))
    with pytest.raises(InUse):
        house.ask(domains.remove("b.example", ACTOR))
    house.ask(domains.remove("a.example", ACTOR))
    house.ask(domains.remove("b.example", ACTOR))
    assert house.ask(domains.all()) == []
    with pytest.raises(NotFound):
        house.ask(domains.remove("b.example", ACTOR))


def test_a_domain_with_addresses_stays(house: House) -> None:
    house.ask(house.store.domains.add(domain("a.example"), ACTOR))
    made = house.ask(house.store.addresses.add(address("x@a.example", targets=("y@z",)), ACTOR))
    with pytest.raises(InUse):
        house.ask(house.store.domains.remove("a.example", ACTOR))
    house.ask(house.store.addresses.remove(made.number, ACTOR))
    house.ask(house.store.domains.remove("a.example", ACTOR))


# -- addresses


def test_an_address_is_found_by_key_and_the_first_match_wins(house: House) -> None:
    addresses = house.store.addresses
    account, _ = house.account()
    exact = house.ask(addresses.add(address("Ann@a.example", account=account.number), ACTOR))
    wild = house.ask(addresses.add(address("*@a.example", targets=("ann@a.example",)), ACTOR))
    assert house.ask(addresses.get("ann@a.example")) == exact
    assert house.ask(addresses.by_id(wild.id)) == wild
    assert wild.targets == ("ann@a.example",)
    assert house.ask(addresses.match(["ann@a.example", "*@a.example"])) == exact
    assert house.ask(addresses.match(["*@a.example", "ann@a.example"])) == wild
    assert house.ask(addresses.match(["bob@a.example", "*@a.example"])) == wild
    assert house.ask(addresses.match([])) is None


def test_one_address_of_an_account_is_the_main_one(house: House) -> None:
    addresses = house.store.addresses
    account, _ = house.account()
    first = house.ask(
        addresses.add(address("one@a.example", account=account.number, main=True), ACTOR)
    )
    second = house.ask(
        addresses.add(address("two@a.example", account=account.number, main=True), ACTOR)
    )
    assert [a.key for a in house.ask(addresses.of_account(account.number)) if a.main] == [
        second.key
    ]
    house.ask(addresses.replace(replace(first, main=True), ACTOR))
    own = house.ask(addresses.of_account(account.number))
    assert [(one.key, one.main) for one in own] == [(first.key, True), (second.key, False)]
    known = house.ask(house.store.accounts.get(account.number))
    assert known is not None
    assert known.address == "one@a.example"


def test_an_address_needs_a_free_key_and_a_living_account(house: House) -> None:
    addresses = house.store.addresses
    made = house.ask(addresses.add(address("a@a.example", targets=("x@y",)), ACTOR))
    other = house.ask(addresses.add(address("b@a.example", targets=("x@y",)), ACTOR))
    with pytest.raises(AlreadyExists):
        house.ask(addresses.add(address("A@a.example", targets=("x@y",)), ACTOR))
    with pytest.raises(AlreadyExists):
        house.ask(addresses.replace(replace(other, key=made.key), ACTOR))
    with pytest.raises(NotFound):
        house.ask(addresses.add(address("c@a.example", account=99), ACTOR))
    with pytest.raises(NotFound):
        house.ask(addresses.replace(replace(other, number=99, key="z@a.example"), ACTOR))
    with pytest.raises(NotFound):
        house.ask(addresses.remove(99, ACTOR))


def test_pages_of_addresses(house: House) -> None:
    addresses = house.store.addresses
    for name in ("a@one.example", "b@two.example", "c@one.example"):
        house.ask(addresses.add(address(name, targets=("x@y",)), ACTOR))
    found, total = house.ask(addresses.page(domain="one.example", limit=1))
    assert ([one.key for one in found], total) == (["a@one.example"], 2)
    found, total = house.ask(addresses.page(after=found[0].number, query="E.ex"))
    assert ([one.key for one in found], total) == (["c@one.example"], 2)
