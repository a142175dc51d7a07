"""What the control socket is asked while accounts move here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailhub.control.acts import Arguments
from mailhub.control.catalog import ACTS, READS, TAKES
from mailhub.core import domainfile as files
from mailhub.model.errors import LimitReached, NotFound
from mailhub.model.uids import UidSet
from tests.acting import services
from tests.support import run
from tests.world import ACTOR, World, world

JOE = "joe@example.org"


class Desk:
    """The acts over a world with three messages of joe's."""

    def __init__(self) -> None:
        self.world: World = world()
        self.services = services(self.world)
        for word in (b"one", b"two", b"three"):
            self.world.deliver(JOE, b"From: a@far.example\r\nSubject: %b\r\n\r\nx\r\n" % word)

    def ask(self, act: str, **arguments: Any) -> Any:
        return run(ACTS[act](self.services, Arguments(arguments)))

    def listing(self, user: str = JOE) -> dict[int, list[str]]:
        async def gathered() -> list[Any]:
            asked = Arguments({"user": user, "mailbox": "INBOX"})
            return [item async for item, _ in READS["switch-listing"](self.services, asked)]

        items = run(gathered())
        return {uid: flags for item in items for uid, _, flags in item["messages"]}

    def account(self, given: files.AccountFile) -> Any:
        spool = self.world.store.spools.open()
        spool.write(files.dump(given))
        asked = Arguments({"domain": "example.org"})
        return run(TAKES["import-account"](self.services, asked, spool.finish()))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_is_here_is_told_by_name(desk: Desk) -> None:
    here = desk.world
    run(here.addresses.create("info@example.org", ACTOR, targets=["x@far.example"]))
    run(here.addresses.create("j@example.org", ACTOR, account=here.people[JOE].number))
    run(here.domains.add("other.example", ACTOR, alias_of="example.org"))
    run(here.domains.add("relayed.example", ACTOR, relay=True))
    found = desk.ask(
        "switch-look",
        domains=["example.org", "other.example", "relayed.example", "new.example", "no domain"],
        addresses=[
            JOE,
            "j@example.org",
            "info@example.org",
            "a@example.org",
            "@@",
            "a@new.test",
        ],
        logins=[JOE, "nobody"],
    )
    assert found["domains"] == {
        "example.org": ["domain", ""],
        "other.example": ["other name of a domain", "example.org"],
        "relayed.example": ["relayed domain", ""],
        "new.example": ["", ""],
        "no domain": ["", ""],
    }
    assert found["addresses"] == {
        JOE: ["account", JOE],
        "j@example.org": ["further address of an account", JOE],
        "info@example.org": ["alias", ""],
        "a@example.org": ["", ""],
        "@@": ["", ""],
        "a@new.test": ["", ""],
    }
    assert found["logins"] == {JOE: ["account", JOE], "nobody": ["", ""]}


def test_flags_are_given_and_taken_and_others_stay(desk: Desk) -> None:
    desk.ask("switch-flags", user=JOE, mailbox="INBOX", uids=[1, 2, 9], add=["\\Seen", "work"])
    desk.ask("switch-flags", user=JOE, mailbox="INBOX", uids=[2], add=["$Odd"], remove=["\\seen"])
    assert desk.listing() == {1: ["\\Seen", "work"], 2: ["$Odd", "work"], 3: []}


def test_what_goes_can_be_had_back(desk: Desk) -> None:
    assert desk.ask("switch-drop", user=JOE, mailbox="INBOX", uids=[1, 3, 77]) == 2
    assert list(desk.listing()) == [2]
    archived = desk.ask("archive-list", user=JOE)
    assert archived["total"] == 2


def test_lists_that_are_too_long_are_refused(desk: Desk) -> None:
    with pytest.raises(LimitReached):
        desk.ask("switch-drop", user=JOE, mailbox="INBOX", uids=list(range(1, 1002)))
    with pytest.raises(LimitReached):
        desk.ask("switch-look", logins=[f"u{n}" for n in range(501)])
    with pytest.raises(NotFound):
        desk.ask("switch-drop", user=JOE, mailbox="Nowhere", uids=[1])


def test_a_mailbox_is_listed_in_parts(desk: Desk) -> None:
    account = desk.world.people[JOE].number
    box = run(desk.world.mailboxes.get(account, "INBOX"))
    uids = UidSet(((1, 3),))
    while run(desk.world.mailboxes.get(account, "INBOX")).messages < 700:
        run(desk.world.mailroom.messages.copy(account, box.number, uids, box, ACTOR))
        uids = UidSet(((1, run(desk.world.mailboxes.get(account, "INBOX")).uidnext - 1),))
    found = desk.listing()
    assert list(found) == list(range(1, len(found) + 1))
    assert len(found) >= 700


def test_who_was_suspended_is_suspended_here(desk: Desk) -> None:
    given = files.AccountFile(
        username="ann", address="ann@example.org", maildir="", suspended=True, name="Ann"
    )
    assert desk.account(given)["new"]
    assert desk.ask("user-show", name="ann")["suspended"]
    assert json.loads(files.dump(given))["suspended"]
    assert not desk.account(given)["new"]
