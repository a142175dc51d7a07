"""Acts on accounts, their addresses and mailboxes: what `mailhub user`, `address`, `mailbox` do."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.control.acts import Arguments
from mailhub.control.catalog import ACTS
from mailhub.model.errors import AlreadyExists, Invalid, NotFound, NotPermitted
from tests.acting import services
from tests.support import run
from tests.wire.test_pgp import SEALING
from tests.world import World, world

JOE = "joe@example.org"


def asked(here: World, act: str, **arguments: object) -> Any:
    return run(ACTS[act](services(here), Arguments(arguments)))


def test_an_account_with_everything() -> None:
    here = world()
    given = {
        "language": "et",
        "retention": 86_400_000,
        "tags": ["a", "b"],
        "targets": ["x@far.example"],
        "spam_level": 10,
        "quota": 1000,
        "recipients": 5,
        "imap_connections": 2,
    }
    made = asked(here, "user-add", name="ann@example.org", password="secret", key=SEALING, **given)
    assert {name: made[name] for name in given if name in made} == {
        name: value for name, value in given.items() if name in made
    }
    assert made["limits"] == {"quota": 1000, "recipients": 5, "imap_connections": 2}
    assert made["has_key"] is True
    boxes = asked(here, "mailbox-list", user="ann@example.org")
    assert "Prügikast" in {box["name"] for box in boxes}
    changed = asked(here, "user-set", name="ann@example.org", tags=["c"], recipients=0)
    assert (changed["tags"], changed["targets"]) == (["c"], ["x@far.example"])
    assert changed["limits"] == {"quota": 1000, "imap_connections": 2}


def test_an_account_goes_and_comes_back() -> None:
    here = world()
    here.deliver(JOE, b"Subject: x\r\n\r\ny\r\n")
    due = asked(here, "user-remove", name=JOE, keep=100)["due"]
    assert due == int(here.clock.now()) + 100
    (gone,) = asked(here, "user-removed")
    assert (gone["username"], gone["due"], gone["addresses"]) == (JOE, due, [JOE])
    with pytest.raises(NotFound):
        asked(here, "user-show", name=JOE)
    back = asked(here, "user-restore", name=JOE)
    assert (back["addresses"], back["messages"]) == (1, 1)
    assert asked(here, "user-removed") == []
    asked(here, "user-remove", name=JOE, keep=0)
    with pytest.raises(NotFound):
        asked(here, "user-restore", name=JOE)


def test_sessions_end_and_mail_is_counted() -> None:
    here = world()
    before = run(here.accounts.get(1)).auth_version
    asked(here, "user-logout", name=JOE, reason="Moving")
    assert run(here.accounts.get(1)).auth_version == before + 1
    here.deliver(JOE, b"Subject: x\r\n\r\ny\r\n")
    used = run(here.accounts.get(1)).used_storage
    assert asked(here, "user-count", name=JOE) == {"before": used, "used": used}
    assert asked(here, "user-count")["used"] >= used


def test_addresses_of_an_account() -> None:
    here = world()
    asked(here, "alias-add", user=JOE, address="sales*@example.org", tags=["t"], name="Sales")
    rows = asked(here, "address-list", user=JOE)
    assert [(row["address"], row["main"], row["tags"]) for row in rows] == [
        (JOE, True, []),
        ("sales*@example.org", False, ["t"]),
    ]
    found = asked(here, "address-resolve", address="sales-uk+x@example.org")
    assert (found["users"], found["subaddress"]) == ([JOE], "x")
    asked(here, "alias-add", address="team@example.org", targets=["a@far.example"], forwards=5)
    assert asked(here, "alias-set", address="team@example.org", forwards=6)["forwards"] == 6


def test_mailboxes_of_an_account() -> None:
    here = world()
    made = asked(here, "mailbox-add", user=JOE, name="Work", retention=1000)
    assert (made["retention"], made["subscribed"]) == (1000, True)
    changed = asked(
        here, "mailbox-set", user=JOE, name="Work", new_name="Play", retention=0, hidden=True
    )
    assert (changed["id"], changed["name"]) == (made["id"], "Play")
    assert (changed["retention"], changed["hidden"], changed["subscribed"]) == (0, True, False)
    asked(here, "mailbox-set", user=JOE, name="Play", hidden=False, subscribed=True)
    asked(here, "mailbox-remove", user=JOE, name="Play")
    assert asked(here, "mailbox-renumber", user=JOE) == len(asked(here, "mailbox-list", user=JOE))
    assert "Play" not in {box["name"] for box in asked(here, "mailbox-list", user=JOE)}


REFUSED: list[tuple[str, dict[str, object], type[Exception]]] = [
    ("user-add", {"name": JOE, "password": "x"}, AlreadyExists),
    ("user-set", {"name": JOE, "key": "no key"}, Invalid),
    ("user-set", {"name": JOE, "spam_level": 101}, Invalid),
    ("user-logout", {"name": JOE, "reason": "a\r\nb"}, Invalid),
    ("user-restore", {"name": JOE}, NotFound),
    ("mailbox-add", {"user": JOE, "name": "Trash"}, AlreadyExists),
    ("mailbox-set", {"user": JOE, "name": "INBOX", "new_name": "x"}, NotPermitted),
    ("mailbox-remove", {"user": JOE, "name": "Trash"}, NotPermitted),
    ("mailbox-list", {"user": "nobody"}, NotFound),
    ("mailbox-renumber", {"user": "nobody"}, NotFound),
    ("address-resolve", {"address": "nobody@example.org"}, NotFound),
]


@pytest.mark.parametrize(("act", "arguments", "error"), REFUSED)
def test_what_cannot_be_done(
    act: str, arguments: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        asked(world(), act, **arguments)
