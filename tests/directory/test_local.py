from __future__ import annotations

import pytest

from mailhub.core.accounts import AccountOrder
from mailhub.model.errors import Unavailable
from tests.support import run
from tests.world import ACTOR, PASSWORD, world

JOE = "joe@example.org"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (JOE, True),
        ("joseph@example.org", True),
        ("joe@alias.example", True),
        ("j.o.e@dots.example", True),
        ("joe", False),
        ("joe+x@example.org", False),
        ("anything@wild.example", False),
        ("joe@remote.example", False),
        ("alias@example.org", False),
        ("@", False),
        ("a@b@c", False),
    ],
)
def test_an_account_is_found_by_its_own_names_only(name: str, found: bool) -> None:
    here = world()
    run(here.domains.add("alias.example", ACTOR, alias_of="example.org"))
    run(here.domains.add("dots.example", ACTOR, ignore_dots=True))
    run(here.domains.add("wild.example", ACTOR, catch_all=JOE))
    for address in ("joseph@example.org", "joe@dots.example", "*@wild.example"):
        run(here.addresses.create(address, ACTOR, account=1))
    run(here.addresses.create("alias@example.org", ACTOR, targets=(JOE,)))
    account = run(here.directory.find(name))
    assert (account is not None) is found
    if account is not None:
        assert account.number == 1


def test_a_password_is_right_or_wrong() -> None:
    here = world()
    account = run(here.accounts.get(1))
    assert run(here.directory.verify(account, PASSWORD))
    assert not run(here.directory.verify(account, "wrong"))


def test_a_right_password_renews_an_old_hash_and_a_wrong_one_does_not() -> None:
    here = world(people=())
    order = AccountOrder(username=JOE, hashed="{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=")
    account = run(here.accounts.create(order, ACTOR))
    before = run(here.store.accounts.secrets(1))
    assert not run(here.directory.verify(account, "wrong"))
    assert run(here.store.accounts.secrets(1)) == before
    assert run(here.directory.verify(account, "password"))
    after = run(here.store.accounts.secrets(1))
    assert after.password.startswith("$argon2id$")
    assert after.scram_sha256 is not None
    assert run(here.accounts.get(1)).auth_version == account.auth_version


def test_a_hash_without_scram_keys_gets_them() -> None:
    here = world()
    account = run(here.accounts.get(1))
    hashed = run(here.store.accounts.secrets(1)).password
    run(here.accounts.set_password(1, "", ACTOR, hashed=hashed))
    assert run(here.store.accounts.secrets(1)).scram_sha256 is None
    assert run(here.directory.verify(account, PASSWORD))
    assert run(here.store.accounts.secrets(1)).scram_sha256 is not None


def test_a_store_that_is_away_is_unavailable_and_not_a_wrong_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = world()
    account = run(here.accounts.get(1))

    async def away(number: int) -> None:
        raise Unavailable

    monkeypatch.setattr(here.store.accounts, "secrets", away)
    with pytest.raises(Unavailable):
        run(here.directory.verify(account, PASSWORD))
