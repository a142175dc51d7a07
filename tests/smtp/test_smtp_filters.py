"""Optional checks from the first word of a session to the mailbox, as the settings ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from twisted.internet.defer import succeed

from mailhub import filters
from mailhub.core.judging import Judging
from mailhub.model.account import Service
from mailhub.model.settings import (
    ClamAVSettings,
    DnsblSettings,
    GreylistSettings,
    HelloSettings,
    LevelSettings,
    MilterSettings,
    RateSettings,
    ReverseSettings,
    RspamdSettings,
    Settings,
    SpamAssassinSettings,
    TarpitSettings,
)
from mailhub.policy import filters as outcomes
from mailhub.policy.consequences import rules
from mailhub.policy.dnsbl import Dnsbl
from mailhub.policy.greylist import Greylist
from mailhub.policy.pipeline import Pipeline
from mailhub.policy.rates import Rates
from mailhub.policy.step import Facts, Finding, Stage, Step
from mailhub.policy.tarpit import Tarpit
from mailhub.wire.networks import Networks
from tests.fakes import ListLog
from tests.names import FakeResolver
from tests.smtp.reception import Reception, said, stored
from tests.support import run
from tests.world import HOSTNAME, World, world

JOE = "joe@example.org"
LETTER = ("DATA", "From: a@remote.example", "Subject: x", "", "Hello", ".")


async def in_turn(work: Sequence[Any]) -> Sequence[Any]:
    return [await one for one in work]


async def no_spf(facts: Facts) -> str:
    return "none"


@dataclass
class Finds:
    """A step that finds the same in everything."""

    finding: Finding
    stage: Stage = Stage.BODY

    @property
    def name(self) -> str:
        return self.finding.step

    async def run(self, facts: Facts) -> Sequence[Finding]:
        return (self.finding,)


def judging(settings: Settings, *steps: Step) -> Judging:
    table, levels = outcomes.table(settings), outcomes.levels(settings.levels)
    log = ListLog()
    pipeline = Pipeline(steps, rules(settings.policy, table, levels), HOSTNAME, log)
    return Judging(pipeline, log, exempt=Networks(()))


def house(settings: Settings, *steps: Step) -> tuple[World, Reception]:
    judged = judging(settings, *steps)
    people = world(people=(JOE,), judging=judged)
    return people, Reception(people, judging=judged)


def sent(reception: Reception, *lines: str) -> list[str]:
    """Answers to one message from a fresh connection."""
    conversation = reception.greeted()
    answers = []
    for line in ("MAIL FROM:<a@remote.example>", f"RCPT TO:<{JOE}>", *lines):
        answers += said(conversation, line)
    return answers


def test_greylisting_in_a_session() -> None:
    settings = Settings(greylist=GreylistSettings(enabled=True, delay=60))
    people = world(people=(JOE,))
    step = Greylist(settings.greylist, people.counters, people.clock, no_spf)
    judged = judging(settings, step)
    reception = Reception(people, judging=judged)
    greylisted = "451 4.7.1 Greylisted, try again in 60 seconds"
    assert sent(reception) == ["250 2.1.0 Sender ok", greylisted]
    people.clock.advance(60)
    assert sent(reception)[-1] == "250 2.1.5 Recipient ok"
    assert sent(reception)[-1] == "250 2.1.5 Recipient ok"


def test_a_rate_limit_in_a_session() -> None:
    settings = Settings(rate=RateSettings(network=2))
    people = world(people=(JOE,))
    step = Rates(settings.rate, people.counters, people.clock, Stage.SENDER)
    reception = Reception(people, judging=judging(settings, step))
    codes = [sent(reception)[0] for _ in range(3)]
    assert codes[:2] == ["250 2.1.0 Sender ok"] * 2
    assert codes[2] == "451 4.7.1 Your network sends too much, try again later"


def test_a_listed_client_is_refused_or_goes_into_junk_or_waits() -> None:
    resolver = FakeResolver({("7.2.0.192.l.example", "A"): ["127.0.0.2"]})
    for found, answer in (
        ("reject", "550 5.7.1 Your address 192.0.2.7 is listed by l.example"),
        ("defer", "451 4.7.1 Your address 192.0.2.7 is listed by l.example"),
        ("junk", "250 2.1.0 Sender ok"),
        (20.0, "550 5.7.1 The message is refused by this server's policy"),
    ):
        settings = Settings(dnsbl=(DnsblSettings(zone="l.example", found=found),))
        people = world(people=(JOE,))
        step = Dnsbl(settings.dnsbl, lambda: resolver, in_turn, people.clock)
        assert sent(Reception(people, judging=judging(settings, step)))[0] == answer


@pytest.mark.parametrize("found", ["junk", 6.5])
def test_what_was_found_early_counts_without_any_check_of_the_message(found: Any) -> None:
    settings = Settings(dnsbl=(DnsblSettings(zone="l.example", found=found),))
    finding = Finding("dnsbl", "l.example", score=outcomes.points(found))
    people, reception = house(settings, Finds(finding, Stage.SENDER))
    assert sent(reception, *LETTER)[-1].startswith("250 2.0.0")
    assert stored(people, JOE) == []
    junk = run(people.store.mailboxes.get(people.people[JOE].number, "Junk"))
    assert junk is not None
    assert junk.messages == 1


def test_mail_that_a_filter_drops_is_taken_and_nowhere() -> None:
    settings = Settings(clamav=ClamAVSettings(virus="discard"))
    people, reception = house(settings, Finds(Finding("clamav", "virus")))
    assert sent(reception, *LETTER)[-1].startswith("250 2.0.0")
    assert stored(people, JOE) == []
    lmtp = Reception(people, Service.LMTP, judging=judging(settings)).greeted("LHLO a.example")
    answers = said(lmtp, "MAIL FROM:<a@b.example>", f"RCPT TO:<{JOE}>", *LETTER)
    assert answers[-1] == f"250 2.1.5 <{JOE}> Queued"
    assert stored(people, JOE) == []


def test_a_filters_fields_and_changes_stand_in_the_header() -> None:
    finding = Finding("milter f", "edited", fields=b"X-F: 1\r\n", edits=((b"Subject", 1, b" y"),))
    people, reception = house(Settings(), Finds(finding))
    assert sent(reception, *LETTER)[-1].startswith("250 2.0.0")
    (message,) = stored(people, JOE)
    trace, _, rest = message.partition(b"X-F: 1\r\n")
    assert trace.startswith(b"Return-Path:")
    assert rest == b"From: a@remote.example\r\nSubject: y\r\n\r\nHello\r\n"


def test_a_filters_own_words_reach_the_client() -> None:
    odd = MilterSettings(endpoint="unix:x", name="f")
    finding = Finding("milter f", "reject", said="552 5.3.4 Too big for me")
    _, reception = house(Settings(milter=(odd,)), Finds(finding))
    assert sent(reception, *LETTER)[-1] == "552 5.3.4 Too big for me"


def test_answers_to_a_client_with_points_wait() -> None:
    settings = Settings(tarpit=TarpitSettings(score=4.0, wait=3.0), levels=LevelSettings(junk=0.0))
    finding = Finding("hello", "literal", score=5.0)
    _, reception = house(settings, Finds(finding, Stage.SENDER), Tarpit(settings.tarpit))
    conversation = reception.greeted()
    assert said(conversation, "MAIL FROM:<a@remote.example>") == []
    reception.reactor.advance(2.9)
    assert conversation.read() == b""
    reception.reactor.advance(0.1)
    assert conversation.read() == b"250 2.1.0 Sender ok\r\n"
    assert said(conversation, "NOOP") == []
    reception.reactor.advance(3)
    assert conversation.read() == b"250 2.0.0 Ok\r\n"


# -- which steps there are


def composed(settings: Settings) -> list[tuple[str, Stage]]:
    people = world()
    made = filters.steps(
        settings,
        HOSTNAME,
        Reception(people).reactor,
        people.clock,
        people.counters,
        people.resolver,  # type: ignore[arg-type]
        people.addresses.is_local,
    )
    return [(step.name, step.stage) for step in made]


def test_by_default_there_is_a_limit_on_networks_and_nothing_else() -> None:
    assert composed(Settings()) == [("rate", Stage.SENDER)]
    assert composed(Settings(rate=RateSettings(network=0))) == []


def test_all_of_them_in_their_order() -> None:
    settings = Settings(
        rate=RateSettings(recipient=5),
        hello=HelloSettings(ours="reject"),
        reverse=ReverseSettings(missing=2.0),
        dnsbl=(DnsblSettings(zone="l.example"),),
        tarpit=TarpitSettings(score=3.0),
        greylist=GreylistSettings(enabled=True),
        clamav=ClamAVSettings(endpoint="unix:/c"),
        rspamd=RspamdSettings(url="http://127.0.0.1:1"),
        spamassassin=SpamAssassinSettings(endpoint="tcp:127.0.0.1:783"),
        milter=(MilterSettings(endpoint="unix:/m", name="m"),),
    )
    assert composed(settings) == [
        ("rate", Stage.SENDER),
        ("rate", Stage.RECIPIENT),
        ("hello", Stage.SENDER),
        ("reverse", Stage.SENDER),
        ("dnsbl", Stage.SENDER),
        ("tarpit", Stage.SENDER),
        ("greylist", Stage.RECIPIENT),
        ("clamav", Stage.BODY),
        ("rspamd", Stage.BODY),
        ("spamassassin", Stage.BODY),
        *(("milter m", stage) for stage in list(Stage)[:5]),
    ]


def test_greylisting_asks_spf_where_nobody_has() -> None:
    settings = Settings(greylist=GreylistSettings(enabled=True), rate=RateSettings(network=0))
    people = world(people=(JOE,))

    class Deferring(FakeResolver):
        def query(self, name: str, kind: str) -> Any:  # type: ignore[override]
            return succeed(run(super().query(name, kind)))

    resolver = Deferring({("remote.example", "TXT"): ["v=spf1 ip4:192.0.2.7 -all"]})
    (step,) = filters.steps(
        settings,
        HOSTNAME,
        Reception(people).reactor,
        people.clock,
        people.counters,
        resolver,  # type: ignore[arg-type]
        people.addresses.is_local,
    )
    reception = Reception(people, judging=judging(settings, step))
    assert sent(reception)[-1] == "250 2.1.5 Recipient ok"
    resolver.set("remote.example", "TXT", ["v=spf1 -all"])
    assert sent(reception)[-1].startswith("451 4.7.1 Greylisted")
    found = Finds(Finding("spf", "pass"), Stage.SENDER)
    reception = Reception(people, judging=judging(settings, found, step))
    assert sent(reception)[-1] == "250 2.1.5 Recipient ok"
