from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mailhub.core.accounts import AccountOrder
from mailhub.model.account import Limits, Role
from mailhub.model.errors import AlreadyExists, Invalid, NotFound
from tests.support import run
from tests.world import ACTOR, DOMAIN, world


def test_an_account_is_born_whole() -> None:
    here = world(people=())
    made = run(
        here.accounts.create(
            AccountOrder(
                username="Joe",
                password="secret",
                address="Joe.Doe@Example.org",
                name="Joe Doe",
                role=Role.ADMIN,
                limits=Limits(storage=1 << 30),
                language="de-AT",
                tags=("a", "b", "a"),
                metadata={"key": [1]},
            ),
            ACTOR,
        )
    )
    assert (made.username, made.address, made.name) == ("joe", "Joe.Doe@example.org", "Joe Doe")
    assert (made.role, made.limits.storage, made.tags) == (Role.ADMIN, 1 << 30, ("a", "b"))
    assert run(here.accounts.get(made.number)) == made
    assert run(here.accounts.by_id(made.id)) == made
    boxes = {box.name: box.special_use for box in run(here.mailboxes.all(made.number))}
    assert boxes == {
        "INBOX": "",
        "Archiv": "\\Archive",
        "Entwürfe": "\\Drafts",
        "Spam": "\\Junk",
        "Gesendet": "\\Sent",
        "Gelöscht": "\\Trash",
    }
    assert "Gesendet" in run(here.mailboxes.subscriptions(made.number))
    (row,) = run(here.addresses.of_account(made.number))
    assert (row.address, row.main) == ("Joe.Doe@example.org", True)


@pytest.mark.parametrize(
    ("username", "address", "main"),
    [
        ("joe@example.org", None, "joe@example.org"),
        ("joe", None, ""),
        ("joe@example.org", "", ""),
        ("joe@example.org", "j@example.org", "j@example.org"),
        ("Jürgen", None, ""),
    ],
)
def test_the_main_address(username: str, address: str | None, main: str) -> None:
    here = world(people=())
    order = AccountOrder(username=username, password="x", address=address)
    assert run(here.accounts.create(order, ACTOR)).address == main


BAD: list[tuple[dict[str, Any], str]] = [
    ({"username": ""}, "username"),
    ({"username": "a b"}, "username"),
    ({"username": "x" * 300}, "username"),
    ({"username": "a\0b"}, "username"),
    ({"username": "a@b@c"}, "username"),
    ({"password": "nul\0"}, "password"),
    ({"password": "x" * 1025}, "password"),
    ({"password": "\ud800"}, "password"),
    ({"hashed": "plain"}, "hashed"),
    ({"hashed": "{PLAIN}secret"}, "hashed"),
    ({"hashed": "$6$has space"}, "hashed"),
    ({"address": "x@elsewhere.example"}, "address"),
    ({"address": "nonsense"}, "address"),
    ({"address": "*@example.org"}, "main"),
    ({"name": "line\nbreak"}, "name"),
    ({"name": "x" * 257}, "name"),
    ({"limits": Limits(storage=-1)}, "storage"),
    ({"limits": Limits(recipients=1 << 63)}, "recipients"),
    ({"language": "english language"}, "language"),
    ({"retention": -5}, "retention"),
    ({"tags": tuple(str(n) for n in range(129))}, "tags"),
]


@pytest.mark.parametrize(("change", "field"), BAD)
def test_an_order_is_checked_field_by_field(change: dict[str, Any], field: str) -> None:
    here = world(people=())
    order = dataclasses.replace(AccountOrder(username="joe", password="secret"), **change)
    with pytest.raises(Invalid) as raised:
        run(here.accounts.create(order, ACTOR))
    assert raised.value.field == field
    assert run(here.accounts.count()) == 0


def test_a_name_or_address_exists_once_and_nothing_is_left_of_the_second() -> None:
    here = world()
    for order in (
        AccountOrder(username="JOE@example.org", password="x", address=""),
        AccountOrder(username="other", password="x", address="joe@example.org"),
    ):
        with pytest.raises(AlreadyExists):
            run(here.accounts.create(order, ACTOR))
    assert run(here.accounts.count()) == 1


def test_an_account_is_found_by_every_name_it_has() -> None:
    here = world()
    run(here.addresses.create("joseph@example.org", ACTOR, account=1))
    for name in ("joe@example.org", "JOE@Example.ORG", "joseph@example.org", "joe+x@example.org"):
        assert run(here.accounts.by_name(name)).number == 1
    for name in ("", "joe", "nobody@example.org", "x@y@z", "joe@remote.example"):
        with pytest.raises(NotFound):
            run(here.accounts.by_name(name))


def test_pages_are_in_order_and_complete() -> None:
    here = world(people=tuple(f"user{number}@{DOMAIN}" for number in range(7)))
    seen: list[str] = []
    after = 0
    while True:
        batch, total = run(here.accounts.page(after=after, limit=3))
        assert total == 7
        if not batch:
            break
        seen.extend(account.username for account in batch)
        after = batch[-1].number
    assert seen == [f"user{number}@{DOMAIN}" for number in range(7)]


def test_an_update_is_checked_and_kept() -> None:
    here = world()
    before = run(here.accounts.get(1))
    after = run(here.accounts.update(dataclasses.replace(before, name="Joe", language="fr"), ACTOR))
    assert (after.name, after.language, after.auth_version) == ("Joe", "fr", before.auth_version)
    assert run(here.accounts.get(1)) == after
    with pytest.raises(Invalid):
        run(here.accounts.update(dataclasses.replace(before, name="\r\n"), ACTOR))
    with pytest.raises(NotFound):
        run(here.accounts.update(dataclasses.replace(before, number=99), ACTOR))


@pytest.mark.parametrize("change", [{"disabled": True}, {"suspended": True}])
def test_shutting_an_account_ends_its_sessions_once(change: dict[str, bool]) -> None:
    here = world()
    before = run(here.accounts.get(1))
    shut = run(here.accounts.update(dataclasses.replace(before, **change), ACTOR))
    assert shut.auth_version > before.auth_version
    again = run(here.accounts.update(dataclasses.replace(shut, name="x"), ACTOR))
    assert again.auth_version == shut.auth_version


def test_a_new_password_ends_sessions_and_none_shuts_the_door() -> None:
    here = world()
    before = run(here.accounts.get(1))
    after = run(here.accounts.set_password(1, "new secret", ACTOR))
    assert after.auth_version > before.auth_version
    secrets = run(here.store.accounts.secrets(1))
    assert run(here.hashing.verify("new secret", secrets.password)) == (True, False)
    assert secrets.scram_sha256 is not None
    run(here.accounts.set_password(1, "", ACTOR))
    assert run(here.store.accounts.secrets(1)).password == ""
    with pytest.raises(NotFound):
        run(here.accounts.set_password(99, "x", ACTOR))


def test_sessions_end_without_a_new_password() -> None:
    here = world()
    secrets = run(here.store.accounts.secrets(1))
    before = run(here.accounts.get(1)).auth_version
    assert run(here.accounts.end_sessions(1, ACTOR)).auth_version > before
    assert run(here.store.accounts.secrets(1)) == secrets


def test_what_is_removed_is_gone_with_its_addresses() -> None:
    here = world()
    here.deliver("joe@example.org", b"Subject: x\r\n\r\ny\r\n")
    run(here.accounts.remove(1, ACTOR))
    for missing in (here.accounts.get(1), here.addresses.resolve("joe@example.org")):
        with pytest.raises(NotFound):
            run(missing)
    with pytest.raises(NotFound):
        run(here.accounts.remove(1, ACTOR))
    here.account("joe@example.org")
