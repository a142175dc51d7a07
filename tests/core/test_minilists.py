"""Minilists and programs behind an alias: what the queue is given, and loops that are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mailhub.model.envelope import ForwardPath
from mailhub.model.errors import Invalid, MailLoop, NotFound
from mailhub.model.queue import PROGRAM_LANE, QueueEntry
from mailhub.model.uids import MAX_UID, UidSet
from tests.support import run
from tests.world import ACTOR, World, world

JOE, ANN, LIST = "joe@example.org", "ann@example.org", "List@example.org"
AFAR = "far@elsewhere.example"


@pytest.fixture
def here() -> World:
    return world(people=(JOE, ANN))


def sent(
    here: World, *recipients: str, sender: str = "a@remote.example", header: str = ""
) -> Sequence[QueueEntry]:
    """What waits after a message to `recipients`."""
    resolved = [run(here.intake.recipient(ForwardPath(one), None, True)) for one in recipients]
    envelope = here.envelope(*recipients, sender=sender)
    spool = here.intake.spool(envelope)
    spool.write(f"{header}Subject: x\r\n\r\nhi\r\n".encode())
    run(here.intake.accept(envelope, resolved, spool))
    return run(here.store.queue.page())[0]


def inbox(here: World, address: str) -> bytes:
    number = here.people[address].number
    (box,) = [box for box in run(here.store.mailboxes.all(number)) if box.name == "INBOX"]
    if not box.messages:
        return b""
    (found,) = run(here.store.messages.contents(number, box.number, UidSet.of([(1, MAX_UID)])))
    return found.prefix


def alias(here: World, address: str, *targets: str, **more: object) -> None:
    run(here.addresses.create(address, ACTOR, targets=targets, **more))  # type: ignore[arg-type]


def test_what_goes_on_from_a_minilist_has_it_as_sender(here: World) -> None:
    alias(here, LIST, AFAR, JOE, minilist=True)
    (entry,) = sent(here, "list@example.org")
    assert (entry.recipient, entry.sender.address) == (AFAR, LIST)
    assert entry.lane == "elsewhere.example"
    assert inbox(here, JOE).startswith(f"Return-Path: <{LIST}>\r\n".encode())


def test_other_recipients_keep_the_sender(here: World) -> None:
    alias(here, LIST, AFAR, minilist=True)
    alias(here, "plain@example.org", "plain@elsewhere.example")
    waiting = sent(here, "list@example.org", "plain@example.org", "x@third.example", ANN)
    assert {(one.recipient, one.sender.address) for one in waiting} == {
        (AFAR, LIST),
        ("plain@elsewhere.example", "a@remote.example"),
        ("x@third.example", "a@remote.example"),
    }
    assert inbox(here, ANN).startswith(b"Return-Path: <a@remote.example>\r\n")


def test_the_nearest_list_counts(here: World) -> None:
    alias(here, "inner@example.org", AFAR, minilist=True)
    alias(here, LIST, "inner@example.org", "other@elsewhere.example", minilist=True)
    assert {(one.recipient, one.sender.address) for one in sent(here, "list@example.org")} == {
        (AFAR, "inner@example.org"),
        ("other@elsewhere.example", LIST),
    }


def test_wishes_for_notifications_end_at_a_list(here: World) -> None:
    alias(here, LIST, AFAR, minilist=True)
    path = ForwardPath("list@example.org", ("SUCCESS",), "rfc822;list@example.org")
    recipient = run(here.intake.recipient(path, None, False))
    envelope = here.envelope("list@example.org")
    spool = here.intake.spool(envelope)
    spool.write(b"Subject: x\r\n\r\n")
    run(here.intake.accept(envelope, [recipient], spool))
    (entry,) = run(here.store.queue.page())[0]
    assert (entry.notify, entry.orcpt) == ((), "")


@pytest.mark.parametrize(
    ("sender", "header"),
    [
        ("", ""),
        ("list@example.org", ""),
        ("LIST@example.org", ""),
        ("a@remote.example", "Delivered-To: list@example.org\r\n"),
    ],
)
def test_what_comes_back_is_cut(here: World, sender: str, header: str) -> None:
    alias(here, LIST, AFAR, JOE, minilist=True)
    with pytest.raises(MailLoop):
        sent(here, "list@example.org", sender=sender, header=header)
    assert not run(here.store.queue.count())
    assert not inbox(here, JOE)


def test_what_comes_back_goes_to_the_owner_of_the_list(here: World) -> None:
    ann = here.people[ANN].number
    alias(here, LIST, AFAR, JOE, minilist=True, account=ann)
    assert not sent(here, "list@example.org", sender="")
    assert inbox(here, ANN).startswith(b"Return-Path: <>\r\n")
    assert not inbox(here, JOE)


# -- programs


def test_a_program_gets_an_entry_of_its_own_lane(here: World) -> None:
    alias(here, "cmd@example.org", AFAR, JOE, program=["archive", "--to", "x y"])
    waiting = sent(here, "cmd+tag@example.org")
    assert {(one.recipient, one.lane) for one in waiting} == {
        (AFAR, "elsewhere.example"),
        ("cmd@example.org", PROGRAM_LANE),
    }
    assert inbox(here, JOE)
    assert run(here.addresses.get("cmd@example.org")).program == ("archive", "--to", "x y")


def test_a_program_alone_is_enough(here: World) -> None:
    alias(here, "cmd@example.org", program=["archive"], minilist=True)
    (entry,) = sent(here, "cmd@example.org")
    assert (entry.recipient, entry.sender.address) == ("cmd@example.org", "cmd@example.org")


def test_a_disabled_owner_does_not_stop_the_program(here: World) -> None:
    joe = here.people[JOE]
    alias(here, "cmd@example.org", account=joe.number, program=["archive"])
    run(here.accounts.update(replace(joe, disabled=True), ACTOR))
    (entry,) = sent(here, "cmd@example.org")
    assert entry.lane == PROGRAM_LANE


@pytest.mark.parametrize(
    "words",
    [["/bin/sh"], ["../x"], [""], ["."], ["a b"], ["-rm"], ["a", "b\0c"], ["a", "x" * 4096]],
)
def test_what_is_no_program(here: World, words: list[str]) -> None:
    with pytest.raises(Invalid) as raised:
        alias(here, "cmd@example.org", program=words)
    assert raised.value.field == "program"


def test_an_alias_leads_somewhere(here: World) -> None:
    with pytest.raises(Invalid):
        alias(here, "cmd@example.org", minilist=True)
    with pytest.raises(NotFound):
        run(here.addresses.resolve("cmd@example.org"))
