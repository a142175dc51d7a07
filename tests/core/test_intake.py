from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core.intake import Outcome
from mailhub.core.plan import Recipient
from mailhub.model.account import Principal, Service
from mailhub.model.envelope import Envelope, ForwardPath, ReversePath
from mailhub.model.errors import (
    Invalid,
    MailLoop,
    NotFound,
    NotPermitted,
    OverQuota,
    StorageFull,
    Unavailable,
)
from mailhub.model.message import Arrival, BlobRef, Content
from mailhub.model.settings import SMTPSettings
from mailhub.model.uids import UidSet
from tests.support import run
from tests.world import ACTOR, HOSTNAME, World, world

JOE, ANN, BOB = "joe@example.org", "ann@example.org", "bob@example.org"
MESSAGE = b"From: a@remote.example\r\nSubject: hi\r\n\r\nbody\r\n"
OWN = b"From: joe@example.org\r\nDate: x\r\nMessage-ID: <1@x>\r\nSubject: hi\r\n\r\nbody\r\n"


def content(here: World, arrival: Arrival) -> Content:
    uids = UidSet.from_any([arrival.uid])
    (found,) = run(here.store.messages.contents(arrival.account, arrival.mailbox, uids))
    return found


def place(here: World, arrival: Arrival) -> BlobRef:
    return content(here, arrival).blob


def stored(here: World, arrival: Arrival) -> bytes:
    (blob,) = run(here.store.blobs.read([place(here, arrival)]))
    return content(here, arrival).prefix + blob


def prepared(
    here: World,
    *addresses: str,
    message: bytes = MESSAGE,
    sender: str = "a@remote.example",
    principal: Principal | None = None,
) -> tuple[Envelope, list[Recipient], object]:
    recipients = [
        run(here.intake.recipient(ForwardPath(one), principal, False)) for one in addresses
    ]
    envelope = here.envelope(*addresses, sender=sender, principal=principal)
    spool = here.intake.spool(envelope)
    for at in range(0, len(message), 7):
        spool.write(message[at : at + 7])
    return envelope, recipients, spool


def accept(here: World, *addresses: str, **how: object) -> Sequence[Arrival]:
    return run(here.intake.accept(*prepared(here, *addresses, **how)))  # type: ignore[arg-type]


def accept_each(here: World, *addresses: str, **how: object) -> Sequence[Outcome]:
    return run(here.intake.accept_each(*prepared(here, *addresses, **how)))  # type: ignore[arg-type]


def count(here: World, account: int) -> int:
    return run(here.mailboxes.status(account, "INBOX")).messages


# -- who may send to whom


def test_the_relay_door_is_shut() -> None:
    here = world(people=(JOE,))
    away = ForwardPath("far@Remote.Example")
    with pytest.raises(NotPermitted):
        run(here.intake.recipient(away, None, False))
    for principal, relay in ((None, True), (here.principal(JOE), False)):
        found = run(here.intake.recipient(away, principal, relay))
        assert found.resolution.remote == ("far@remote.example",)


@pytest.mark.parametrize(
    "address",
    [
        "joe@example.org@remote.example",
        "joe%remote.example@remote.example",
        '"joe@example.org"@remote.example',
        "joe@[192.0.2.50]",
        "joe@example.org.remote.example",
    ],
)
def test_a_disguised_foreign_recipient_is_foreign(address: str) -> None:
    with pytest.raises((NotPermitted, Invalid)):
        run(world().intake.recipient(ForwardPath(address), None, False))


@pytest.mark.parametrize(
    "address",
    [
        "a%remote.example@example.org",
        '"a@remote.example"@example.org',
        "remote.example!a@example.org",
    ],
)
def test_a_foreign_address_inside_a_local_one_is_an_unknown_local_part(address: str) -> None:
    with pytest.raises(NotFound):
        run(world().intake.recipient(ForwardPath(address), None, False))


def test_a_disabled_mailbox_takes_nothing_and_an_alias_goes_round_it() -> None:
    here = world(people=(JOE, ANN))
    run(here.addresses.create("both@example.org", ACTOR, targets=(JOE, ANN)))
    run(here.intake.recipient(ForwardPath(JOE), None, False))
    joe = run(here.accounts.get(1))
    run(here.accounts.update(dataclasses.replace(joe, disabled=True), ACTOR))
    with pytest.raises(NotFound):
        run(here.intake.recipient(ForwardPath(JOE), None, False))
    both = run(here.intake.recipient(ForwardPath("both@example.org"), None, False))
    assert [number for number, _ in both.resolution.accounts] == [2]


def test_a_user_sends_as_what_is_theirs() -> None:
    here = world(people=(JOE, ANN))
    joe = here.principal(JOE)
    for allowed in ("", JOE, "joe+x@example.org"):
        run(here.intake.sender(ReversePath(allowed), joe))
    for refused in (ANN, "joe@remote.example", "postmaster@example.org"):
        with pytest.raises(NotPermitted):
            run(here.intake.sender(ReversePath(refused), joe))
        run(here.intake.sender(ReversePath(refused), None))


@pytest.mark.parametrize("end", ["password", "disabled", "removed"])
def test_a_login_that_ended_sends_nothing_more(end: str) -> None:
    here = world(people=(JOE, ANN))
    joe = here.principal(JOE)
    run(here.intake.sender(ReversePath(JOE), joe))
    order = prepared(here, ANN, message=OWN, sender=JOE, principal=joe)
    if end == "password":
        run(here.accounts.set_password(1, "new", ACTOR))
    elif end == "disabled":
        account = run(here.accounts.get(1))
        run(here.accounts.update(dataclasses.replace(account, disabled=True), ACTOR))
    else:
        run(here.accounts.remove(1, ACTOR))
    for path in (ReversePath(JOE), ReversePath("")):
        with pytest.raises(NotPermitted):
            run(here.intake.sender(path, joe))
    with pytest.raises(NotPermitted):
        run(here.intake.accept(*order))  # type: ignore[arg-type]
    assert count(here, 2) == 0


def test_an_author_behind_a_huge_header_is_seen() -> None:
    here = world(people=(JOE, ANN))
    filler = b"X-Filler: " + b"x" * 900 + b"\r\n"
    message = OWN[:-8] + filler * 1140 + b"From: ann@example.org\r\n\r\nbody\r\n"
    with pytest.raises(NotPermitted):
        accept(here, JOE, message=message, sender=JOE, principal=here.principal(JOE))


# -- one message


def test_a_message_arrives_with_its_trace_and_otherwise_untouched() -> None:
    here = world()
    (arrival,) = accept(here, JOE)
    assert (arrival.account, arrival.uid) == (1, 1)
    text = stored(here, arrival)
    head = b"Return-Path: <a@remote.example>\r\nDelivered-To: joe@example.org\r\nReceived: from "
    assert text.startswith(head)
    assert text.endswith(b"+0000\r\n" + MESSAGE)
    assert f"by {HOSTNAME} with ESMTP id ".encode() in text
    assert b"for <joe@example.org>;" in text
    (entry,) = run(here.store.journal.since(0, account=1, limit=1000))[-1:]
    assert entry.kind == "arrived"
    assert entry.actor.source == "smtp 192.0.2.7"


def test_every_mailbox_gets_one_copy_and_the_body_is_kept_once() -> None:
    here = world(people=(JOE, ANN))
    run(here.addresses.create("both@example.org", ACTOR, targets=(JOE, ANN)))
    arrivals = accept(here, JOE, "joe+x@example.org", "both@example.org", ANN)
    assert [one.account for one in arrivals] == [1, 2]
    first, second = (stored(here, one) for one in arrivals)
    assert b"Delivered-To: joe@example.org\r\n" in first
    assert b"Delivered-To: ann@example.org\r\n" in second
    assert b"for <" not in first
    assert len({place(here, one) for one in arrivals}) == 1


def test_a_subaddress_is_seen_in_delivered_to() -> None:
    here = world()
    assert b"Delivered-To: joe+x@example.org\r\n" in stored(
        here, *accept(here, "joe+x@example.org")
    )


def test_recipients_elsewhere_are_queued_in_the_same_commit() -> None:
    here = world()
    run(here.addresses.create("mixed@example.org", ACTOR, targets=(JOE, "far@remote.example")))
    arrivals = accept(here, "mixed@example.org")
    assert len(arrivals) == 1
    ((entry,), _) = run(here.store.queue.page())
    assert (entry.recipient, entry.sender.address) == ("far@remote.example", "a@remote.example")
    assert entry.sender.account is None
    assert not entry.sender.local
    assert entry.sender.message_id == ""


def test_what_is_queued_names_its_hand_over_and_message() -> None:
    here = world()
    principal = here.principal(JOE)
    envelope, recipients, spool = prepared(
        here,
        "far@remote.example",
        message=b"Message-ID: <one@example.org>\r\nFrom: joe@example.org\r\n\r\nHello\r\n",
        sender=JOE,
        principal=principal,
    )
    run(here.intake.accept(envelope, recipients, spool))  # type: ignore[arg-type]
    ((entry,), _) = run(here.store.queue.page())
    assert entry.sender.transaction == envelope.transaction
    assert entry.sender.message_id == "<one@example.org>"
    assert entry.sender.local
    assert entry.lane == "remote.example"


@pytest.mark.parametrize("once", [True, False])
def test_a_transaction_that_may_come_again_is_taken_once(once: bool) -> None:
    here = world()
    envelope, recipients, spool = prepared(here, JOE)
    envelope = dataclasses.replace(envelope, again=once)
    again = here.intake.spool(envelope)
    again.write(MESSAGE)
    first = run(here.intake.accept(envelope, recipients, spool))  # type: ignore[arg-type]
    assert (run(here.intake.accept(envelope, recipients, again)) == first) is once
    assert count(here, 1) == (1 if once else 2)


def test_a_large_message_is_rendered_in_turns() -> None:
    here = world()
    real = here.clock.seconds
    ticks = iter(range(10**9))
    here.clock.seconds = lambda: real() + next(ticks) * 0.001  # type: ignore[method-assign]
    parts = b"".join(b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" for _ in range(5000))
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + b"--b--\r\n"
    (arrival,) = accept(here, JOE, message=message)
    assert stored(here, arrival).endswith(message)
    assert here.clock.pauses > 3


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_kept_byte_for_byte(message: bytes, lmtp: bool) -> None:
    here = WORLD
    take = accept_each if lmtp else accept
    (arrival,) = take(here, JOE, message=message)
    assert isinstance(arrival, Arrival)
    _, _, text = stored(here, arrival).partition(b"+0000\r\n")
    assert text == message


WORLD = world()


# -- what users submit


def test_a_submitted_message_is_completed_and_loses_its_blind_copies() -> None:
    here = world()
    joe = here.principal(JOE)
    message = b"From: joe@example.org\r\nBcc: far@remote.example\r\nSubject: x\r\n\r\nbody\r\n"
    (arrival,) = accept(here, JOE, "far@remote.example", message=message, sender=JOE, principal=joe)
    text = stored(here, arrival)
    assert b"Bcc" not in text
    assert b"\r\nDate: " in text
    assert f"@{HOSTNAME}>\r\n".encode() in text
    ((entry,), _) = run(here.store.queue.page())
    assert entry.sender.account == 1
    actor = run(here.store.journal.since(0, account=1, limit=1000))[-1].actor
    assert actor.account == 1


@pytest.mark.parametrize(
    "fields",
    [
        b"From: ann@example.org\r\n",
        b"From: joe@example.org\r\nFrom: ann@example.org\r\n",
        b"From: joe@example.org, ann@example.org\r\n",
        b"From: joe@example.org\r\nSender: ann@example.org\r\n",
        b"From: far@remote.example\r\n",
        b"From: all: joe@example.org;\r\n",
        b"From: joe@example.org <ann@example.org>\r\n",
    ],
)
def test_a_user_cannot_write_in_anothers_name(fields: bytes) -> None:
    here = world(people=(JOE, ANN))
    with pytest.raises(NotPermitted):
        accept(here, JOE, message=fields + b"\r\n", sender=JOE, principal=here.principal(JOE))
    assert count(here, 1) == 0
    assert run(here.store.queue.count()) == 0


def test_other_servers_may_write_anything_there() -> None:
    here = world(people=(JOE, ANN))
    accept(here, JOE, message=b"From: ann@example.org\r\nFrom: x\r\nBcc: y\r\n\r\n")
    assert count(here, 1) == 1


def test_a_message_passed_on_by_its_reader_is_no_loop() -> None:
    here = world()
    message = b"Delivered-To: joe@example.org\r\n" + OWN
    accept(here, JOE, message=message, sender=JOE, principal=here.principal(JOE))
    assert count(here, 1) == 1


# -- loops


def test_a_message_with_too_many_hops_is_refused() -> None:
    here = world(smtp=SMTPSettings(received_hops=5))
    accept(here, JOE, message=b"Received: x\r\n" * 4 + MESSAGE)
    with pytest.raises(MailLoop):
        accept(here, JOE, message=b"Received: x\r\n" * 5 + MESSAGE)
    assert count(here, 1) == 1


def test_a_message_that_was_here_before_is_refused() -> None:
    here = world(people=(JOE, ANN))
    with pytest.raises(MailLoop):
        accept(here, JOE, message=b"Delivered-To: JOE@example.org\r\n" + MESSAGE)
    run(here.addresses.create("both@example.org", ACTOR, targets=(JOE, ANN)))
    arrivals = accept(
        here, "both@example.org", message=b"Delivered-To: joe@example.org\r\n" + MESSAGE
    )
    assert [one.account for one in arrivals] == [2]


# -- quotas


def full_house() -> World:
    """joe has room for nothing, ann for two messages, bob for all."""
    here = world(people=(BOB,))
    here.account(JOE, storage=1)
    here.account(ANN, storage=1000)
    return here


def test_a_full_mailbox_is_refused_at_rcpt() -> None:
    here = world(people=())
    here.account(JOE, storage=1000)
    ask = ForwardPath(JOE)
    run(here.intake.recipient(ask, None, False))
    run(here.intake.recipient(ask, None, False, size=1000))
    with pytest.raises(OverQuota):
        run(here.intake.recipient(ask, None, False, size=1001))
    here.deliver(JOE, b"x" * 600)
    here.clock.advance(6)
    with pytest.raises(OverQuota):
        run(here.intake.recipient(ask, None, False, size=500))


def test_the_default_quota_counts_where_an_account_has_none() -> None:
    here = world(quota=500)
    with pytest.raises(OverQuota):
        run(here.intake.recipient(ForwardPath(JOE), None, False, size=501))
    with pytest.raises(OverQuota):
        accept(here, JOE, message=MESSAGE + b"x" * 500)


def test_the_commit_decides_in_the_end() -> None:
    here = full_house()
    with pytest.raises(OverQuota):
        accept(here, JOE)
    assert run(here.store.queue.count()) == 0


def test_one_full_mailbox_does_not_take_the_message_from_the_others() -> None:
    here = full_house()
    arrivals = accept(here, JOE, BOB)
    assert [one.account for one in arrivals] == [here.people[BOB].number]
    ((entry,), _) = run(here.store.queue.page())
    assert (entry.recipient, entry.home) == (JOE, here.people[JOE].number)


def test_when_all_are_full_nobody_is_served_and_nothing_is_queued() -> None:
    here = full_house()
    with pytest.raises(OverQuota):
        accept(here, JOE, ANN, message=MESSAGE + b"x" * 2000)
    assert run(here.store.queue.count()) == 0


# -- LMTP


def test_lmtp_tells_every_recipient() -> None:
    here = full_house()
    outcomes = accept_each(here, BOB, JOE, ANN)
    assert [type(one) for one in outcomes] == [Arrival, OverQuota, Arrival]
    assert (count(here, 1), count(here, 2), count(here, 3)) == (1, 0, 1)


def test_lmtp_takes_all_in_one_commit_where_it_can() -> None:
    here = world(people=(JOE, ANN))
    run(here.addresses.create("away@example.org", ACTOR, targets=("far@remote.example",)))
    outcomes = accept_each(here, JOE, "joe+x@example.org", "away@example.org", ANN)
    assert isinstance(outcomes[0], Arrival)
    assert outcomes[1] == outcomes[0]
    assert outcomes[2] is None
    assert isinstance(outcomes[3], Arrival)
    assert (count(here, 1), count(here, 2)) == (1, 1)
    assert len({place(here, one) for one in outcomes if isinstance(one, Arrival)}) == 1


def test_lmtp_gives_one_mailbox_one_copy_also_one_by_one() -> None:
    here = full_house()
    outcomes = accept_each(here, JOE, BOB, "bob+x@example.org")
    assert isinstance(outcomes[0], OverQuota)
    assert outcomes[1] == outcomes[2]
    assert count(here, 1) == 1


def test_lmtp_refuses_only_the_recipient_that_loops() -> None:
    here = world(people=(JOE, ANN))
    outcomes = accept_each(here, JOE, ANN, message=b"Delivered-To: joe@example.org\r\n" + MESSAGE)
    assert [type(one) for one in outcomes] == [MailLoop, Arrival]


# -- when the store cannot


class Broken:
    """The store's messages, failing."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def deliver(self, *args: object, **_: object) -> Sequence[Arrival]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StorageFull(), StorageFull),
        (Unavailable(), Unavailable),
        (NotFound(), Unavailable),
    ],
)
def test_what_the_store_cannot_do_is_never_said_to_be_done(
    error: Exception, kind: type[Exception]
) -> None:
    here = world()
    order = prepared(here, JOE)
    here.store.messages = Broken(error)  # type: ignore[assignment]
    with pytest.raises(kind):
        run(here.intake.accept(*order))  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [StorageFull(), Unavailable()])
def test_lmtp_fails_as_a_whole_where_the_store_does(error: Exception) -> None:
    here = world()
    order = prepared(here, JOE)
    here.store.messages = Broken(error)  # type: ignore[assignment]
    with pytest.raises(type(error)):
        run(here.intake.accept_each(*order))  # type: ignore[arg-type]


class WatchedSpool:
    """A spool that cannot be finished; remembers whether it was dropped."""

    size = 0
    aborted = False

    def write(self, chunk: object) -> None:
        raise AssertionError

    def finish(self) -> object:
        raise StorageFull

    def abort(self) -> None:
        self.aborted = True


def test_a_spool_that_fails_is_dropped() -> None:
    here = world()
    spool = WatchedSpool()
    envelope = here.envelope(JOE, service=Service.SMTP)
    recipient = run(here.intake.recipient(ForwardPath(JOE), None, False))
    with pytest.raises(StorageFull):
        run(here.intake.accept(envelope, [recipient], spool))  # type: ignore[arg-type]
    assert spool.aborted
