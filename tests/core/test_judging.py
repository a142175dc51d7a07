"""What becomes of mail that steps found something about, from the first word to the mailbox."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mailhub.core.homecoming import Homecomings
from mailhub.core.judging import Judging
from mailhub.model.account import Service
from mailhub.model.dmarcreport import Disposition, DMARCSeen
from mailhub.model.errors import PolicyRefused, TooLarge
from mailhub.model.message import Arrival
from mailhub.model.settings import PolicySettings
from mailhub.model.uids import MAX_UID, UidSet
from mailhub.policy.authres import Result
from mailhub.policy.consequences import Consequence, Rules, rules
from mailhub.policy.pipeline import Pipeline
from mailhub.policy.step import Facts, Finding, Stage, Step
from mailhub.queue.originals import Original
from mailhub.wire.networks import Networks
from tests.fakes import ListLog
from tests.names import FakeResolver
from tests.smtp.reception import Reception, said
from tests.support import run
from tests.vouched import CLIENT, REMOTE, message, signed, steps, zones
from tests.world import ACTOR, PASSWORD, World, world

JOE, ANN = "joe@example.org", "ann@example.org"
OURS = "mx.example.org"
FORGED = b"Authentication-Results: %b; dmarc=pass header.from=bank.example\r\n" % OURS.encode()


@dataclass
class Counted:
    """`ports.Tally` that keeps what it is told."""

    seen: list[DMARCSeen] = field(default_factory=list)

    def dmarc(self, seen: DMARCSeen) -> None:
        self.seen.append(seen)

    def tls(self, reports: Sequence[Any]) -> None:
        raise AssertionError("nothing was sent")


@dataclass
class Finds:
    """A step that finds the same in everything."""

    findings: Sequence[Finding]
    stage: Stage = Stage.BODY
    name: str = "test"
    asked: list[Facts] = field(default_factory=list)

    async def run(self, facts: Facts) -> Sequence[Finding]:
        self.asked.append(facts)
        return self.findings


def judging(
    made: Sequence[Step],
    settings: PolicySettings | None = None,
    tally: Counted | None = None,
    *,
    table: dict[tuple[str, str], Consequence] | None = None,
) -> Judging:
    log = ListLog()
    asked = Rules(table) if table is not None else rules(settings or PolicySettings())
    pipeline = Pipeline(made, asked, OURS, log)
    return Judging(pipeline, log, exempt=Networks(("203.0.113.0/24",)), tally=tally)


def house(*made: Step, **more: Any) -> World:
    return world(people=(JOE, ANN), judging=judging(made, **more))


def verdict(name: str, consequence: Consequence, **more: Any) -> World:
    """A world where every message is `name`, which leads to `consequence`."""
    step = Finds((Finding("test", name, "why"),))
    return house(step, table={("test", name): consequence}, **more)


def contents(people: World, arrival: Arrival) -> bytes:
    every = UidSet.of([(1, MAX_UID)])
    [one] = run(people.store.messages.contents(arrival.account, arrival.mailbox, every))
    [blob] = run(people.store.blobs.read([one.blob]))
    assert one.header_length == (one.prefix + blob).index(b"\r\n\r\n") + 4
    return one.prefix + blob


def marks(people: World, arrival: Arrival) -> tuple[str, set[str]]:
    """(name of the mailbox, its message's keywords)."""
    box = run(people.store.mailboxes.by_number(arrival.account, arrival.mailbox))
    assert box is not None
    index = run(people.store.messages.index(arrival.account, arrival.mailbox))
    (flags,) = index.flags
    return box.name, set(index.keyword_sets.get(flags >> 8, ()))


# -- the message


def test_what_was_found_stands_below_received_and_forged_results_are_gone() -> None:
    people = house(*steps(FakeResolver(zones())))
    data = signed(FORGED + b"X-Spam-Flag: NO\r\n" + message())
    arrival = people.deliver(JOE, data, sender=f"ann@{REMOTE}")
    header, _, body = contents(people, arrival).partition(b"\r\n\r\n")
    names = [line.partition(b":")[0] for line in header.split(b"\r\n") if line[:1] not in b" \t"]
    assert names[:5] == [
        b"Return-Path",
        b"Delivered-To",
        b"Received",
        b"Authentication-Results",
        b"DKIM-Signature",
    ]
    assert header.count(b"Authentication-Results: mx.example.org;") == 1
    assert b"bank.example" not in header
    assert b"\r\n\tdmarc=pass header.from=remote.example" in header
    assert b"\r\nX-Spam-Flag: NO" in header
    assert body == b"Hello\r\n"


@pytest.mark.parametrize(
    "field",
    [
        b"Authentication-Results: MX.Example.ORG 1; spf=pass\r\n",
        b'AUTHENTICATION-RESULTS : "mx.example.org"; spf=pass\r\n',
        b"Authentication-Results:\r\n mx.example.org;\r\n\tspf=pass\r\n",
        b"Authentication-Results: (x) mx.example.org; spf=pass\r\n",
        b"Authentication-Results: %b mx.example.org; spf=pass\r\n" % (b" " * 3000),
        b"Authentication-Results: (; %b) mx.example.org; spf=pass\r\n" % (b"x " * 3000),
        b"Authentication-Results: %b mx.example.org; spf=pass\r\n" % (b"(x)" * 30),
        b"Authentication-Results: other; x=y\r\n" * 60
        + b"Authentication-Results: mx.example.org; spf=pass\r\n",
    ],
)
def test_results_in_our_name_are_removed_however_they_are_written(field: bytes) -> None:
    people = world()
    other = b"Authentication-Results: other.example; spf=pass\r\n"
    arrival = people.deliver(JOE, b"Subject: x\r\n" + other + field + b"\r\n")
    stored = contents(people, arrival)
    assert b"mx.example.org;" not in stored.partition(b"Subject: x")[2].lower()
    assert stored.partition(b"Subject: x\r\n")[2].startswith(other)


def test_a_user_cannot_write_results_in_our_name_either_but_our_filters_can() -> None:
    people = house()
    principal = people.principal(JOE)
    own = b"From: joe@example.org\r\n" + FORGED + b"\r\n"
    for envelope, kept in (
        (people.envelope(ANN, sender=JOE, principal=principal, service=Service.SUBMISSION), 0),
        (people.envelope(ANN, service=Service.LMTP), 1),
        (replace(people.envelope(ANN), trusted=True), 1),
    ):
        path = envelope.forward_paths[0]
        recipient = run(people.intake.recipient(path, envelope.principal, False))
        spool = people.intake.spool(envelope)
        spool.write(own)
        [arrival] = run(people.intake.accept(envelope, [recipient], spool))
        index = run(people.store.messages.index(arrival.account, arrival.mailbox))
        every = UidSet.of([(index.uids[-1], index.uids[-1])])
        [one] = run(people.store.messages.contents(arrival.account, arrival.mailbox, every))
        [blob] = run(people.store.blobs.read([one.blob]))
        assert blob.count(b"bank.example") == kept


def test_a_header_without_end_is_too_large() -> None:
    people = world()
    line = b"X: " + b"y" * 70 + b"\r\n"
    with pytest.raises(TooLarge):
        people.deliver(JOE, line * 20_000)
    arrival = people.deliver(JOE, line * 3000 + b"\r\nbody\r\n")
    assert contents(people, arrival).endswith(line + b"\r\nbody\r\n")


def test_a_message_without_a_body_keeps_its_form() -> None:
    people = house(*steps(FakeResolver(zones())))
    for data in (b"\r\nno header\r\n", b""):
        with pytest.raises(PolicyRefused):
            people.deliver(JOE, data)


# -- consequences


def test_junk_goes_to_the_mailbox_for_it_and_is_marked() -> None:
    people = verdict("odd", Consequence.JUNK)
    assert marks(people, people.deliver(JOE, message())) == ("Junk", {"$Junk"})


def test_a_possible_fraud_is_marked_as_one() -> None:
    people = verdict("odd", Consequence.QUARANTINE)
    assert marks(people, people.deliver(JOE, message())) == ("Junk", {"$Junk", "$Phishing"})


def test_without_a_mailbox_for_it_junk_stays_in_inbox() -> None:
    people = verdict("odd", Consequence.JUNK)
    account = people.people[JOE].number
    junk = run(people.mailboxes.get(account, "Junk"))
    run(people.store.mailboxes.remove(account, junk.number, ACTOR))
    assert marks(people, people.deliver(JOE, message())) == ("INBOX", {"$Junk"})


def test_a_possible_fraud_is_not_forwarded() -> None:
    people = verdict("odd", Consequence.QUARANTINE)
    run(
        people.addresses.create(
            "both@example.org",
            ACTOR,
            targets=(
                JOE,
                "far@far.example",
            ),
        )
    )
    run(people.addresses.create("away@example.org", ACTOR, targets=("far@far.example",)))
    assert marks(people, people.deliver("both@example.org", message()))[0] == "Junk"
    assert run(people.store.queue.count()) == 0
    with pytest.raises(PolicyRefused) as refused:
        people.deliver("away@example.org", message())
    assert refused.value.permanent


def test_junk_is_forwarded() -> None:
    people = verdict("odd", Consequence.JUNK)
    run(
        people.addresses.create(
            "both@example.org",
            ACTOR,
            targets=(
                JOE,
                "far@far.example",
            ),
        )
    )
    assert marks(people, people.deliver("both@example.org", message()))[0] == "Junk"
    assert run(people.store.queue.count()) == 1


@pytest.mark.parametrize(
    ("consequence", "permanent"), [(Consequence.REJECT, True), (Consequence.DEFER, False)]
)
def test_a_refused_message_is_nowhere(consequence: Consequence, permanent: bool) -> None:
    people = verdict("bad", consequence)
    with pytest.raises(PolicyRefused) as refused:
        people.deliver(JOE, message())
    assert refused.value.permanent is permanent
    account = people.people[JOE]
    box = run(people.store.mailboxes.get(account.number, "INBOX"))
    assert box is not None
    assert box.messages == 0


# -- reports


@pytest.mark.parametrize(
    ("policy", "setting", "disposition", "overrides"),
    [
        ("reject", "reject", Disposition.REJECT, []),
        ("reject", "quarantine", Disposition.QUARANTINE, ["local_policy"]),
        ("reject", "add", Disposition.NONE, ["local_policy"]),
        ("none", "reject", Disposition.NONE, []),
    ],
)
def test_what_became_of_a_failure_is_counted(
    policy: str, setting: str, disposition: Disposition, overrides: list[str]
) -> None:
    tally = Counted()
    settings = PolicySettings(dmarc_reject=setting)
    resolver = FakeResolver({**zones(policy), (REMOTE, "TXT"): ["v=spf1 -all"]})
    people = house(*steps(resolver), settings=settings, tally=tally)
    if disposition is Disposition.REJECT:
        with pytest.raises(PolicyRefused) as refused:
            people.deliver(JOE, message(), sender=f"ann@{REMOTE}")
        assert refused.value.status == "7.26"
    else:
        people.deliver(JOE, message(), sender=f"ann@{REMOTE}")
    [seen] = tally.seen
    assert seen.disposition is disposition
    assert [one.kind for one in seen.overrides] == overrides
    assert seen.address == CLIENT


def test_what_comes_again_is_not_counted_yet() -> None:
    tally = Counted()
    resolver = FakeResolver({**zones(), (REMOTE, "TXT"): ["v=spf1 -all"]})
    settings = PolicySettings(dmarc_reject="defer")
    people = house(*steps(resolver), settings=settings, tally=tally)
    with pytest.raises(PolicyRefused) as refused:
        people.deliver(JOE, message(), sender=f"ann@{REMOTE}")
    assert not refused.value.permanent
    assert tally.seen == []


# -- a session


def talk(people: World, judged: Judging, service: Service = Service.SMTP, **more: Any) -> Reception:
    return Reception(people, service, judging=judged, **more)


@pytest.mark.parametrize(
    ("stage", "answers"),
    [
        (Stage.HELLO, ["550 5.7.1 No", "503 5.5.1 Say hello first"]),
        (Stage.SENDER, ["250", "550 5.7.1 No", "503 5.5.1 MAIL first"]),
        (Stage.RECIPIENT, ["250", "250 2.1.0 Sender ok", "550 5.7.1 No"]),
    ],
)
def test_each_stage_is_asked_and_refuses(stage: Stage, answers: list[str]) -> None:
    step = Finds((Finding("test", "bad", said="No"),), stage)
    made = judging((step,), table={("test", "bad"): Consequence.REJECT})
    conversation = talk(world(people=(JOE,)), made)("1")
    assert conversation.read().startswith(b"220 ")
    lines = ["HELO client.example", f"MAIL FROM:<a@{REMOTE}>", f"RCPT TO:<{JOE}>"]
    told = said(conversation, *lines)
    for answer, expected in zip(told, answers, strict=False):
        assert answer.startswith(expected)
    assert len(step.asked) == 1
    assert step.asked[0].helo == "client.example"


def test_a_client_may_be_refused_before_it_says_a_word() -> None:
    step = Finds((Finding("test", "bad", said="No"),), Stage.CONNECT)
    made = judging((step,), table={("test", "bad"): Consequence.REJECT})
    conversation = talk(world(), made)("1")
    assert conversation.read() == b"554 5.7.1 No\r\n"
    assert conversation.transport.disconnecting
    # Where it may log in, it is told at MAIL, when it did not.
    conversation = talk(world(), made, auth_on_smtp=True)("1")
    assert conversation.read().startswith(b"220 ")
    told = said(conversation, "HELO x.example", f"MAIL FROM:<a@{REMOTE}>")
    assert told[1] == "550 5.7.1 No"
    # And not at all, when it did.
    secret = base64.b64encode(f"\0{JOE}\0{PASSWORD}".encode()).decode()
    login = f"AUTH PLAIN {secret}"
    reception = talk(world(people=(JOE,)), made, auth_on_smtp=True, plaintext_auth=True)
    told = said(reception.greeted(), login, f"MAIL FROM:<{JOE}>")
    assert [line[:4] for line in told] == ["235 ", "250 "]


def test_findings_pile_up_along_a_session_and_reach_the_message() -> None:
    names = [Stage.CONNECT, Stage.HELLO, Stage.SENDER, Stage.RECIPIENT, Stage.BODY]
    made = [
        Finds((Finding("test", one.value, results=(Result("x-test", one.value),)),), one)
        for one in names
    ]
    judged = judging(made, table={})
    people = world(people=(JOE,), judging=judged)
    conversation = talk(people, judged)("1")
    hello = ["EHLO one.example", "EHLO client.example"]
    mail = [f"MAIL FROM:<a@{REMOTE}>", f"RCPT TO:<{JOE}>", "RSET", f"MAIL FROM:<b@{REMOTE}>"]
    said(conversation, *hello, *mail, f"RCPT TO:<{JOE}>", "DATA")
    said(conversation, "Subject: x", "", "body", ".")
    last = made[-1].asked[0]
    assert [one.name for one in last.findings] == ["connect", "hello", "sender", "recipient"]
    assert last.sender == f"b@{REMOTE}"
    assert last.recipients == (JOE,)
    assert last.helo == "client.example"
    assert last.content is not None
    assert last.content.header == b"Subject: x\r\n\r\n"
    assert bytes(last.content.body) == b"body\r\n"
    assert {id(one.asked[-1].visit) for one in made} == {id(last.visit)}


def test_a_refused_recipient_leaves_nothing_behind() -> None:
    class Once(Finds):
        async def run(self, facts: Facts) -> Sequence[Finding]:
            await super().run(facts)
            return self.findings if len(self.asked) == 1 else ()

    step = Once((Finding("test", "bad"),), Stage.RECIPIENT)
    made = judging((step,), table={("test", "bad"): Consequence.DEFER})
    conversation = talk(world(people=(JOE, ANN)), made).greeted()
    told = said(conversation, f"MAIL FROM:<a@{REMOTE}>", f"RCPT TO:<{JOE}>", f"RCPT TO:<{ANN}>")
    assert [line[:5] for line in told] == ["250 2", "451 4", "250 2"]
    assert step.asked[1].findings == ()


@pytest.mark.parametrize(
    ("said_by_step", "answer"),
    [
        ("", "550 5.7.1 The message is refused by this server's policy"),
        ("Go away", "550 5.7.1 Go away"),
        ("554 5.6.0 Broken", "554 5.6.0 Broken"),
        ("5.6.0 Broken", "550 5.6.0 Broken"),
        ("451 4.7.1 Later", "550 5.7.1 Later"),
        ("554", "554 5.7.1 The message is refused by this server's policy"),
        ("a\r\n250 ok \x07\u00fc", "550 5.7.1 a 250 ok ??"),
    ],
)
def test_a_peer_is_told_in_one_line(said_by_step: str, answer: str) -> None:
    step = Finds((Finding("test", "bad", "secret", said=said_by_step),), Stage.SENDER)
    made = judging((step,), table={("test", "bad"): Consequence.REJECT})
    conversation = talk(world(people=(JOE,)), made).greeted()
    assert said(conversation, f"MAIL FROM:<a@{REMOTE}>") == [answer]


def test_a_slow_answer_is_slow() -> None:
    step = Finds((Finding("test", "slow", delay=7.0),), Stage.SENDER)
    reception = talk(world(people=(JOE,)), judging((step,), table={}))
    conversation = reception.greeted()
    assert said(conversation, f"MAIL FROM:<a@{REMOTE}>") == []
    reception.reactor.advance(6.9)
    assert conversation.read() == b""
    reception.reactor.advance(0.2)
    assert conversation.read().startswith(b"250 ")


def test_users_and_exempt_networks_are_no_strangers() -> None:
    step = Finds((), Stage.SENDER)
    made = judging((step,), table={})
    people = world(people=(JOE,))
    for service, expected in ((Service.SMTP, True), (Service.LMTP, False)):
        hello = "LHLO c.example" if service is Service.LMTP else "EHLO c.example"
        conversation = talk(people, made, service).greeted(hello)
        said(conversation, f"MAIL FROM:<a@{REMOTE}>")
        assert step.asked[-1].stranger is expected
    conversation = talk(people, made, trusted_networks=("192.0.2.0/24",)).greeted()
    said(conversation, f"MAIL FROM:<a@{REMOTE}>")
    assert not step.asked[-1].stranger


def test_lmtp_answers_a_refusal_once_for_each_recipient() -> None:
    people = verdict("virus", Consequence.REJECT)
    conversation = talk(people, judging(()), Service.LMTP).greeted("LHLO c.example")
    said(conversation, "MAIL FROM:<>", f"RCPT TO:<{JOE}>", f"RCPT TO:<{ANN}>", "DATA")
    told = said(conversation, "From: a@b.example", "", "x", ".")
    assert [line[:9] for line in told] == ["550 5.7.1", "550 5.7.1"]


def test_junk_that_had_no_room_is_junk_when_it_gets_in() -> None:
    people = verdict("odd", Consequence.JUNK)
    full = people.account("full@example.org", storage=100)
    run(people.addresses.create("both@example.org", ACTOR, targets=(JOE, "full@example.org")))
    people.deliver("both@example.org", message())
    (waiting,), _ = run(people.store.queue.page())
    assert waiting.home == full.number
    [queued] = run(people.store.queue.messages([waiting.message]))
    run(people.accounts.update(replace(full, limits=replace(full.limits, storage=0)), ACTOR))
    home = Homecomings(people.store, people.intake, people.clock, 100)
    answer = run(home.deliver(waiting, Original(people.store.blobs, queued.blob)))
    assert answer.code == 250
    junk = run(people.mailboxes.get(full.number, "Junk"))
    assert junk.messages == 1


def test_what_steps_write_is_bounded() -> None:
    many = b"X-Filter: %b\r\n" % (b"x" * 9000)
    few = b"X-Filter: few\r\n"
    edits = ((b"Subject", 1, b" " + b"y" * 9000),)
    found = (Finding("big", "x", fields=many), Finding("small", "x", fields=few, edits=edits))
    people = house(Finds(found), table={})
    stored = contents(people, people.deliver(JOE, message()))
    assert few in stored
    assert many not in stored
    assert b"Subject: Hello\r\n" in stored


def test_results_have_room_whatever_a_signature_says_of_itself() -> None:
    people = house(*steps(FakeResolver(zones())))
    odd = b'DKIM-Signature: v=1; a="%b; d=%b; s=%b; b=x; bh=x; h=from\r\n'
    signatures = b"".join(odd % ((b'"\\' * 300,) * 2 + (b"s" * 240,)) for _ in range(20))
    stored = contents(people, people.deliver(JOE, signatures + message(), sender=f"ann@{REMOTE}"))
    assert stored.count(b"dkim=") == 10
    many = tuple(Result("x-test", "pass", ((f"policy.p{n}", "v" * 300),)) for n in range(200))
    people = house(Finds((Finding("test", "x", results=many),)), table={})
    stored = contents(people, people.deliver(JOE, message()))
    assert stored.count(b"x-test=pass") == 100
    assert b"policy" not in stored


def test_another_client_by_xclient_is_met_anew() -> None:
    names = (Stage.CONNECT, Stage.HELLO, Stage.SENDER)
    made = [Finds((Finding("test", one.value, delay=0.0),), one) for one in names]
    judged = judging(made, table={})
    conversation = talk(world(people=(JOE,)), judged, xclient_from=("192.0.2.7",)).greeted()
    first = made[0].asked[0].visit
    assert first is not None
    closed: list[str] = []

    class Kept:
        def close(self) -> None:
            closed.append("closed")

    first.kept["test"] = Kept()
    told = said(conversation, "XCLIENT ADDR=198.51.100.9", "EHLO two.example", "MAIL FROM:<>")
    assert told[0].startswith("220 ")
    assert told[-1].startswith("250 2.1.0")
    assert closed == ["closed"]
    last = made[2].asked[0]
    assert last.peer.address == "198.51.100.9"
    assert [one.name for one in last.findings] == ["connect", "hello"]
    assert last.visit is not first
    assert made[0].asked[1].visit is last.visit
