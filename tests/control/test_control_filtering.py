"""Acts on filters and automatic replies, and the words that the command makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mailhub.cli.filter import autoreply, filter
from mailhub.control.acts import Arguments
from mailhub.control.catalog import ACTS
from mailhub.model.errors import Invalid, NotFound
from tests.acting import services
from tests.support import run
from tests.world import ACTOR, world

JOE = "joe@example.org"


class Desk:
    """`cli.access.Access` without a socket: asks one act after the other."""

    def __init__(self) -> None:
        self.world = world()
        self.services = services(self.world)

    def ask(self, act: str, **arguments: Any) -> Any:
        return run(ACTS[act](self.services, Arguments(arguments)))

    def say(self, command: Any, *words: str, input: str = "") -> str:
        done = CliRunner().invoke(command, words, obj=self, input=input)
        assert done.exception is None, done.output
        return done.output


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_filter_from_its_beginning_to_its_end(desk: Desk) -> None:
    account = desk.world.people[JOE].number
    run(desk.world.mailboxes.create(account, "Shop", ACTOR))
    words = "--from shop --larger 1000 --attachments with --seen --mailbox Shop"
    made = desk.say(filter, "add", JOE, *words.split(), "--forward", "a@b.example")
    id = made.split()[0]
    assert made.endswith("seen, into Shop, to a@b.example\n")
    [row] = desk.ask("filter-list", user=JOE)
    assert (row["from"], row["size"], row["attachments"]) == ("shop", 1000, True)
    assert (row["seen"], row["delete"], row["mailbox"]) == (True, None, "Shop")
    listed = desk.say(filter, "list", JOE)
    assert "from shop, with attachments, larger 1000" in listed
    desk.say(filter, "set", JOE, id, "--from", "", "--smaller", "5", "--unset", "seen", "--delete")
    row = desk.ask("filter-show", user=JOE, id=id)
    assert (row["from"], row["size"], row["attachments"]) == ("", -5, True)
    assert (row["seen"], row["delete"], row["forwards"]) == (None, True, ["a@b.example"])
    desk.say(filter, "set", JOE, id, "--forward", "", "--mailbox", "", "--attachments", "any")
    row = desk.ask("filter-show", user=JOE, id=id)
    assert (row["forwards"], row["mailbox"], row["attachments"]) == ([], "", None)
    desk.say(filter, "remove", JOE, id)
    assert desk.say(filter, "list", JOE) == "none\n"
    with pytest.raises(NotFound):
        desk.ask("filter-remove", user=JOE, id=id)


def test_what_is_wrong_is_refused(desk: Desk) -> None:
    with pytest.raises(Invalid):
        desk.ask("filter-add", user=JOE, forwards=["nobody"])
    with pytest.raises(NotFound):
        desk.ask("filter-add", user=JOE, mailbox="Nowhere")
    with pytest.raises(NotFound):
        desk.ask("filter-add", user="nobody@example.org")


def test_a_message_is_tried(desk: Desk, tmp_path: Path) -> None:
    desk.say(filter, "add", JOE, "--subject", "offer", "--flag", "--mailbox", "INBOX")
    [row] = desk.ask("filter-list", user=JOE)
    message = tmp_path / "message"
    message.write_bytes(b"Subject: An Offer\n\nText\n")
    said = desk.say(filter, "test", JOE, str(message))
    assert said == f"{row['id']} holds\nflag, into INBOX\n"
    message.write_bytes(b"Subject: Else\n\nText\n")
    assert desk.say(filter, "test", JOE, str(message)) == "nothing is done\n"
    with pytest.raises(Invalid):
        desk.ask("filter-test", user=JOE, message="!")


def test_what_waits_for_a_web_server_is_told_so(desk: Desk) -> None:
    desk.say(filter, "add", JOE, "--upload", "https://u.example/in")
    desk.world.deliver(JOE, b"Subject: x\r\n\r\nText\r\n")
    [entry] = run(desk.world.store.queue.page())[0]
    assert desk.ask("queue-way", number=entry.number)["kind"] == "web"
    assert desk.ask("queue-show", number=entry.number)["mailbox_of"] == JOE


def test_the_key_of_uploads(desk: Desk) -> None:
    assert desk.say(filter, "key", JOE).startswith("whsec_")


def test_an_automatic_reply(desk: Desk) -> None:
    words = ["--on", "--subject", "Away", "--text", "-", "--from", "2027-01-01T00:00:00+00:00"]
    assert desk.say(autoreply, "set", JOE, *words, input="Gone.\n") == f"{JOE} answers\n"
    found = desk.ask("autoreply-show", user=JOE)
    assert (found["status"], found["subject"], found["text"]) == (True, "Away", "Gone.\n")
    assert (found["starts"], found["ends"]) == (1798761600, None)
    desk.say(autoreply, "set", JOE, "--off", "--from", "")
    found = desk.ask("autoreply-show", user=JOE)
    assert (found["status"], found["starts"], found["text"]) == (False, None, "Gone.\n")
    desk.say(autoreply, "remove", JOE)
    assert desk.ask("autoreply-show", user=JOE)["text"] == ""
