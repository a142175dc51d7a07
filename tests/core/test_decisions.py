"""What any kind of rule may decide, carried out by intake: several copies, other headers, refusals,
answers, marks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailhub.core.applying import Applying, Case
from mailhub.core.personal import Incoming, Personal
from mailhub.core.placing import MARKS
from mailhub.core.plan import Plan
from mailhub.model.account import Service
from mailhub.model.decision import Decision, Filed, Once, Redirect, Refusal, Reply
from mailhub.model.errors import PolicyRefused
from mailhub.model.flags import Flags
from mailhub.model.message import Copy
from mailhub.model.queue import QueueSender
from mailhub.policy.consequences import Consequence
from mailhub.wire.rendering import render
from tests.contract.stores import ALL, TextBody
from tests.queue_bench import ACTOR, QueueBench, bench
from tests.support import run

pytestmark = pytest.mark.thorough

JOE, ANN = "joe@example.org", "ann@example.org"
SENDER = "s@sender.example"
MESSAGE = b"From: s@sender.example\r\nTo: joe@example.org\r\nSubject: Hi\r\n\r\nHello\r\n"
Decide = Callable[[Incoming, Decision], Decision]


class Script:
    """`personal.Rules` made of one function, for the accounts in `of`."""

    name = "script"

    def __init__(self, of: set[int], decide: Decide) -> None:
        self._of = of
        self._decide = decide

    async def begin(self) -> None:
        return None

    def concern(self, account: int) -> bool:
        return account in self._of

    async def decide(self, incoming: Incoming, before: Decision) -> Decision:
        return self._decide(incoming, before)


def scripted(decide: Decide, *of: str) -> QueueBench:
    b = bench(people=(JOE, ANN))
    people = b.world
    numbers = {people.people[one].number for one in of or (JOE,)}
    rules = Personal((Script(numbers, decide),), people.clock, people.log)
    sealing = people.owners.sealing
    people.intake._applying = Applying(
        rules, people.store, people.addresses, None, people.clock, people.log, sealing
    )
    return b


def kept(b: QueueBench, who: str = JOE) -> dict[str, list[tuple[bytes, tuple[str, ...]]]]:
    """Header and flags of every message, by mailbox."""
    store, found = b.world.store, {}
    for box in run(store.mailboxes.all(b.world.people[who].number)):
        index = run(store.messages.index(box.account, box.number))
        rows = []
        for one, code in zip(
            run(store.messages.contents(box.account, box.number, ALL)), index.flags, strict=True
        ):
            data = one.prefix + run(store.blobs.read([one.blob]))[0]
            assert data[one.header_length - 4 :].startswith(b"\r\n\r\nHello")
            words = index.keyword_sets.get(code >> 8, ())
            rows.append((data[: one.header_length], Flags(code & 0xFF, words).names()))
        if rows:
            found[box.name] = rows
    return found


def test_one_message_may_be_kept_in_several_mailboxes() -> None:
    box: list[int] = []

    def decide(incoming: Incoming, before: Decision) -> Decision:
        return Decision(
            filed=(Filed(None, Flags.of(["\\Seen"])), Filed(box[0], Flags.of(["$Work"])))
        )

    b = scripted(decide)
    box.append(run(b.world.mailboxes.create(b.world.people[JOE].number, "Work", ACTOR)).number)
    b.submit(JOE, sender=SENDER, message=MESSAGE)
    found = kept(b)
    assert [flags for _, flags in found["INBOX"]] == [("\\Seen",)]
    assert [flags for _, flags in found["Work"]] == [("$Work",)]


def test_a_copy_may_have_another_header_and_what_goes_on_too() -> None:
    def decide(incoming: Incoming, before: Decision) -> Decision:
        other = b"X-Edited: yes\r\n" + incoming.mail.header
        return Decision(
            filed=(Filed(header=other),), redirects=(Redirect("x@far.example", header=other),)
        )

    b = scripted(decide)
    b.submit(JOE, ANN, sender=SENDER, message=MESSAGE)
    [(header, _)] = kept(b)["INBOX"]
    assert header.startswith(
        b"Return-Path: <s@sender.example>\r\nDelivered-To: joe@example.org\r\n"
    )
    assert b"\r\nX-Edited: yes\r\nReceived:" in header
    [(plain, _)] = kept(b, ANN)["INBOX"]
    assert b"X-Edited" not in plain
    [call] = b.outbound.calls
    assert b"Delivered-To: joe@example.org\r\nX-Edited: yes\r\n" in call.data


def refuse(incoming: Incoming, before: Decision) -> Decision:
    reply = Reply(incoming.sender, b"From: joe@example.org\r\n\r\nNo, thanks\r\n")
    return Decision(filed=(), refusal=Refusal("Not wanted here", reply))


def test_what_nobody_wants_is_refused_at_its_end() -> None:
    b = scripted(refuse)
    with pytest.raises(PolicyRefused, match="Not wanted here"):
        b.submit(JOE, sender=SENDER, message=MESSAGE)
    assert not kept(b)
    assert not b.outbound.calls


def test_what_others_took_is_refused_by_a_message() -> None:
    b = scripted(refuse)
    b.submit(JOE, ANN, sender=SENDER, message=MESSAGE)
    assert not kept(b)
    assert list(kept(b, ANN)) == ["INBOX"]
    [call] = b.outbound.calls
    assert (call.sender.address, call.recipients[0].recipient) == ("", SENDER)
    assert call.data.endswith(b"No, thanks\r\n")


def test_lmtp_hears_of_each_recipient_what_it_wants() -> None:
    b = scripted(refuse)
    intake = b.world.intake
    envelope = b.world.envelope(ANN, JOE, sender=SENDER, service=Service.LMTP)
    resolved = [run(intake.recipient(path, None, False)) for path in envelope.forward_paths]
    spool = intake.spool(envelope)
    spool.write(MESSAGE)
    taken, refused = run(intake.accept_each(envelope, resolved, spool))
    assert isinstance(refused, PolicyRefused)
    assert list(kept(b, ANN)) == ["INBOX"]
    assert not b.outbound.calls
    assert taken is not None


def test_a_reply_is_left_out_where_its_mark_stands() -> None:
    def decide(incoming: Incoming, before: Decision) -> Decision:
        once = Once("vacation:x", 100)
        data = b"From: joe@example.org\r\n\r\nAway\r\n"
        return Decision(
            replies=(Reply(incoming.sender, data, once=once),), marks=(Once("seen", 50),)
        )

    b = scripted(decide)
    account = b.world.people[JOE].number
    for leap in (0, 99, 1):
        b.clock.leap(leap)
        b.submit(JOE, sender=SENDER, message=MESSAGE)
    assert len(b.outbound.calls) == 2
    now = int(b.clock.now())
    assert set(run(b.world.store.filters.marked(account, ("seen", "x"), now))) == {"seen"}


def test_a_possible_fraud_goes_to_nobody_else() -> None:
    def decide(incoming: Incoming, before: Decision) -> Decision:
        assert incoming.fraud
        assert before.spam
        return Decision(redirects=(Redirect("x@far.example"),), uploads=("https://u.example/",))

    b = scripted(decide)
    applying = b.world.intake._applying
    assert applying is not None
    body = TextBody(MESSAGE)
    case = Case(
        sender=SENDER,
        body=body,
        rendered=render(MESSAGE),
        token="t",
        now=9,
        queued=QueueSender(SENDER),
        forwarder=b.world.intake.forwarder,
        consequence=Consequence.QUARANTINE,
    )
    flags = MARKS[Consequence.QUARANTINE]
    copy = Copy(b.world.people[JOE].number, 77, b"", flags, 9, JOE)
    applied = run(applying.apply(case, Plan((copy,), (), {}, {})))
    assert applied.plan.copies == (copy,)
    assert not applied.plan.onward
    assert applied.besides is not None
    assert not applied.besides.messages
