"""The first administrator, and the keys that keep imports without doubles."""

from __future__ import annotations

import re

import pytest

from mailhub.core.founding import found, make_password
from mailhub.core.transfer import import_key
from mailhub.model.account import Role, Service
from mailhub.model.errors import Invalid
from mailhub.model.mailbox import Mailbox
from tests.support import run
from tests.world import SECURE_PEER, world


def test_an_empty_server_gets_an_administrator_who_can_log_in() -> None:
    empty = world(people=())
    made = run(
        found(empty.domains, empty.accounts, "First.Example", name="root", password="Secret-1234")
    )
    assert made is not None
    assert (made.username, made.address) == ("root@first.example", "root@first.example")
    assert made.role is Role.ADMIN
    principal = run(
        empty.login.plain("root@first.example", "Secret-1234", SECURE_PEER, Service.IMAP)
    )
    assert principal.account == made.number


def test_it_is_made_once() -> None:
    full = world()
    assert run(found(full.domains, full.accounts, "x.test", name="a", password="b")) is None
    assert "x.test" not in {domain.name for domain in run(full.domains.all())}


def test_a_domain_that_exists_is_used() -> None:
    empty = world(people=())
    name = run(empty.domains.all())[0].name
    made = run(found(empty.domains, empty.accounts, name, name="a", password="Secret-1234"))
    assert made is not None
    assert len(run(empty.domains.all())) == 1


@pytest.mark.parametrize(("domain", "name"), [("no domain", "a"), ("x.test", "a b"), ("", "a")])
def test_what_cannot_be_an_address_is_refused(domain: str, name: str) -> None:
    empty = world(people=())
    with pytest.raises(Invalid):
        run(found(empty.domains, empty.accounts, domain, name=name, password="Secret-1234"))
    assert run(empty.accounts.count()) == 0


def test_passwords_are_long_and_easy_to_type() -> None:
    randomness = world(people=()).randomness
    made = {make_password(randomness) for _ in range(20)}
    assert len(made) == 20
    assert all(re.fullmatch(r"[a-z2-7]{24}", one) for one in made)


def test_an_import_key_tells_account_mailbox_bytes_and_number_apart() -> None:
    def box(account: int, id: str) -> Mailbox:
        return Mailbox(account, 1, id, "INBOX", 1, 1, 1)

    places = [box(1, "a" * 24), box(2, "a" * 24), box(1, "b" * 24)]
    keys = {
        import_key(place, digest, occurrence)
        for place in places
        for digest in (b"x" * 32, b"y" * 32)
        for occurrence in (0, 1)
    }
    assert len(keys) == 12
    assert import_key(places[0], b"x" * 32, 0) in keys
