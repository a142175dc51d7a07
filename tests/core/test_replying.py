"""Automatic replies: to whom, how often, and what they look like (RFC 3834)."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any

import pytest

from mailhub.model.filter import Actions, Autoreply, Conditions
from tests.queue_bench import ACTOR, QueueBench, bench
from tests.support import run

JOE, ANN = "joe@example.org", "ann@example.org"
SENDER = "s@sender.example"
MESSAGE = (
    b"From: S <s@sender.example>\r\nTo: Joe <joe@example.org>\r\nSubject: =?utf-8?q?M=C3=A4rz?=\r\n"
    b"Message-ID: <q1@sender.example>\r\nReferences: <q0@sender.example>\r\n\r\nHello?\r\n"
)


def away(b: QueueBench, who: str = JOE, **changes: Any) -> Autoreply:
    account = b.world.people[who].number
    wanted = replace(
        Autoreply(account, status=True, subject="Away", text="Back on Monday."), **changes
    )
    run(b.world.filters.set_autoreply(wanted, ACTOR))
    return wanted


def sent(b: QueueBench) -> list[Any]:
    """Replies that left, read by Python's own parser."""
    return [
        message_from_bytes(call.data, policy=policy.default)
        for call in b.outbound.calls
        if not call.sender.address
    ]


def test_who_writes_is_told_once_in_four_hours() -> None:
    b = bench()
    away(b)
    for hours in (0, 1, 2.9, 0.2):
        b.clock.leap(hours * 3600)
        b.submit(JOE, sender=SENDER, message=MESSAGE)
    assert [call.recipients[0].recipient for call in b.outbound.calls] == [SENDER, SENDER]
    b.submit(JOE, sender="other@sender.example", message=MESSAGE)
    assert len(b.outbound.calls) == 3


def test_what_a_reply_looks_like() -> None:
    b = bench()
    away(b, name="Joe Öl", html="<p>Back on <b>Monday</b>.</p>")
    b.submit(JOE, sender=SENDER, message=MESSAGE)
    [call] = b.outbound.calls
    assert (call.sender.address, call.sender.local) == ("", True)
    assert call.recipients[0].notify == ("NEVER",)
    [reply] = sent(b)
    assert reply["From"] == "Joe Öl <joe@example.org>"
    assert reply["To"] == SENDER
    assert reply["Subject"] == "Auto: Away"
    assert reply["Auto-Submitted"] == "auto-replied"
    assert reply["In-Reply-To"] == "<q1@sender.example>"
    assert reply["References"] == "<q0@sender.example> <q1@sender.example>"
    assert reply["Message-ID"].endswith("@mx.example.org>")
    assert reply["X-Auto-Response-Suppress"] == "All"
    assert reply["Date"]
    assert reply.get_content_type() == "multipart/alternative"
    text, html = (part.get_content().strip() for part in reply.iter_parts())
    assert (text, html) == ("Back on Monday.", "<p>Back on <b>Monday</b>.</p>")
    assert all(len(line) <= 998 for line in call.data.split(b"\r\n"))


def test_without_a_subject_it_is_that_of_the_message() -> None:
    b = bench()
    away(b, subject="", text="", html="<p>Gone &amp; <i>away</i></p>")
    b.submit(JOE, sender=SENDER, message=MESSAGE)
    [reply] = sent(b)
    assert reply["Subject"] == "Auto: Re: März"
    assert reply.get_body(("plain",)).get_content().split() == ["Gone", "&", "away"]


NOT_ANSWERED: list[tuple[str, str, bytes]] = [
    ("null sender", "", b""),
    ("no-reply", "no-reply@sender.example", b""),
    ("a machine", SENDER, b"Auto-Submitted: auto-generated\r\n"),
    ("a list", SENDER, b"List-Id: <l.sender.example>\r\n"),
    ("bulk", SENDER, b"Precedence: bulk\r\n"),
    ("itself", JOE, b""),
    ("a further address of its own", "joe.alias@example.org", b""),
]


@pytest.mark.parametrize(
    ("sender", "field"), [one[1:] for one in NOT_ANSWERED], ids=[one[0] for one in NOT_ANSWERED]
)
def test_who_is_never_answered(sender: str, field: bytes) -> None:
    b = bench()
    account = b.world.people[JOE].number
    run(b.world.addresses.create("joe.alias@example.org", ACTOR, account=account))
    away(b)
    author = sender.encode() or b"s@sender.example"
    message = field + MESSAGE.replace(b"s@sender.example>", author + b">", 1)
    b.submit(JOE, sender=sender, message=message)
    assert len(b.mail(JOE)) == 1
    assert not b.outbound.calls


ADDRESSED = [
    (b"To: joe@example.org", True),
    (b"Cc: x@far.example, Joe <JOE@Example.ORG>", True),
    (b"To: joe+news@example.org", True),
    (b"To: second@example.org", True),
    (b"Resent-To: joe@example.org", True),
    (b"To: everybody@far.example", False),
    (b"To: undisclosed-recipients:;", False),
    (b"To: ann@example.org", False),
    (b"Bcc: joe@example.org", False),
    (b"X-To: joe@example.org", False),
]


@pytest.mark.parametrize(("field", "expected"), ADDRESSED)
def test_only_who_is_named_answers(field: bytes, expected: bool) -> None:
    b = bench(people=(JOE, ANN))
    account = b.world.people[JOE].number
    run(b.world.addresses.create("second@example.org", ACTOR, account=account))
    away(b)
    message = MESSAGE.replace(b"To: Joe <joe@example.org>", field)
    b.submit(JOE, sender=SENDER, message=message)
    assert bool(sent(b)) is expected


def test_within_its_time_alone() -> None:
    b = bench()
    now = int(b.clock.now())
    away(b, starts=now + 100, ends=now + 200)
    for leap in (0, 100, 101):
        b.clock.leap(leap)
        b.submit(JOE, sender=SENDER, message=MESSAGE)
    assert len(b.outbound.calls) == 1


def test_off_and_removed_it_is_silent() -> None:
    b = bench()
    account = b.world.people[JOE].number
    wanted = away(b)
    run(b.world.filters.set_autoreply(replace(wanted, status=False), ACTOR))
    b.submit(JOE, sender=SENDER, message=MESSAGE)
    run(b.world.filters.set_autoreply(wanted, ACTOR))
    run(b.world.filters.remove_autoreply(account, ACTOR))
    b.submit(JOE, sender=SENDER, message=MESSAGE)
    assert not b.outbound.calls


@pytest.mark.parametrize("actions", [Actions(spam=True), Actions(delete=True)])
def test_what_filters_put_away_is_not_answered(actions: Actions) -> None:
    b = bench()
    away(b)
    run(b.world.filters.create(b.world.people[JOE], "", Conditions(), actions, ACTOR))
    b.submit(JOE, sender=SENDER, message=MESSAGE)
    assert not b.outbound.calls


def test_two_that_are_away_do_not_answer_each_other() -> None:
    b = bench(people=(JOE, ANN))
    away(b, JOE)
    away(b, ANN)
    message = MESSAGE.replace(b"s@sender.example>", b"ann@example.org>", 1)
    b.submit(JOE, sender=ANN, message=message)
    b.clock.advance(10)
    [reply] = b.mail(ANN)
    assert b"Auto-Submitted: auto-replied" in reply
    assert len(b.mail(JOE)) == 1
    assert not b.waiting()


def test_it_is_known_after_a_restart_whom_it_told() -> None:
    """The mark is in the commit of the message; two commits of one sender make one reply."""
    b = bench()
    account = away(b).account
    b.submit(JOE, sender=SENDER, message=MESSAGE)
    now = int(b.clock.now())
    key = f"autoreply:{SENDER}"
    assert set(run(b.world.store.filters.marked(account, (key,), now))) == {key}
    assert not run(b.world.store.filters.marked(account, (key,), now + 4 * 3600))


def test_a_header_cannot_be_written_into_it() -> None:
    b = bench()
    away(b, subject="")
    message = MESSAGE.replace(b"=?utf-8?q?M=C3=A4rz?=", b"=?utf-8?q?a=0D=0ABcc:_x@evil.example?=")
    b.submit(JOE, sender=SENDER, message=message)
    [reply] = sent(b)
    assert reply["Bcc"] is None
    assert reply["Subject"] == "Auto: Re: a Bcc: x@evil.example"
