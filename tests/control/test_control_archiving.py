"""Acts on what was deleted, and the words that the command makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from mailhub.cli.archive import archive
from mailhub.control.acts import Arguments
from mailhub.control.catalog import ACTS
from mailhub.model.errors import NotFound
from mailhub.model.mailbox import Mailbox
from mailhub.model.uids import UidSet
from tests.acting import services
from tests.support import run
from tests.world import ACTOR, world

JOE = "joe@example.org"


class Desk:
    """`cli.access.Access` without a socket, of somebody who deleted two messages."""

    def __init__(self) -> None:
        self.world = here = world()
        self.services = services(here)
        self.account = here.people[JOE].number
        for word in (b"one", b"two"):
            here.deliver(JOE, b"From: a@far.example\r\nSubject: %b\r\n\r\nx\r\n" % word)
        wanted = UidSet(((1, 2),))
        assert run(here.mailroom.arranging.delete(self.box("INBOX"), wanted, ACTOR)) == 2

    def box(self, name: str) -> Mailbox:
        return run(self.world.mailboxes.get(self.account, name))

    def ask(self, act: str, **arguments: Any) -> Any:
        return run(ACTS[act](self.services, Arguments(arguments)))

    def say(self, *words: str, status: int = 0) -> str:
        done = CliRunner().invoke(archive, words, obj=self)
        assert done.exit_code == status, done.output
        return done.output


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_was_deleted_is_listed(desk: Desk) -> None:
    rows = json.loads(desk.say("list", JOE, "--json"))
    assert [(row["number"], row["mailbox"], row["from"], row["subject"]) for row in rows] == [
        (2, "INBOX", "a@far.example", "two"),
        (1, "INBOX", "a@far.example", "one"),
    ]
    line = desk.say("list", JOE, "--before", "2", "--limit", "1")
    assert line.startswith("1\t20")
    assert line.count("\n") == 1


def test_messages_are_restored_by_number(desk: Desk) -> None:
    assert desk.say("restore", JOE, "2", "--to", "Sent") == "restored 1\n"
    assert desk.box("Sent").messages == 1
    with pytest.raises(NotFound):
        desk.ask("archive-restore", user=JOE, numbers=[2])


def test_messages_are_restored_by_time(desk: Desk) -> None:
    now = int(desk.world.clock.now())
    assert desk.ask("archive-restore", user=JOE, since=now + 1) == 0
    assert desk.ask("archive-restore", user=JOE, since=now) == 2
    assert desk.box("INBOX").messages == 2
    assert desk.say("list", JOE) == "none\n"


@pytest.mark.parametrize("words", [(), ("1", "--since", "1d"), ("--since", "1d", "--to", "Sent")])
def test_what_makes_no_sense_is_refused(desk: Desk, words: tuple[str, ...]) -> None:
    assert "Error" in desk.say("restore", JOE, *words, status=2)
