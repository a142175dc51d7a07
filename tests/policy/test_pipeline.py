"""Steps and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mailhub.model.account import Service
from mailhub.model.envelope import Peer
from mailhub.model.errors import Unavailable
from mailhub.model.settings import PolicySettings
from mailhub.policy.authres import Result
from mailhub.policy.consequences import Consequence, Rules, rules
from mailhub.policy.pipeline import Pipeline
from mailhub.policy.step import Facts, Finding, Stage
from tests.fakes import ListLog
from tests.support import run

FACTS = Facts(Peer("192.0.2.1", 25), Service.SMTP)
RULES = Rules(
    {
        ("list", "bad"): Consequence.REJECT,
        ("list", "poor"): Consequence.JUNK,
        ("list", "new"): Consequence.DEFER,
        ("mail", "odd"): Consequence.QUARANTINE,
    },
    ((5.0, Consequence.JUNK), (10.0, Consequence.REJECT)),
)


class Says:
    """A step that finds what it was told to."""

    def __init__(
        self, *findings: Finding, stage: Stage = Stage.BODY, error: Exception | None = None
    ) -> None:
        self.name = "says"
        self.stage = stage
        self.error = error
        self.findings = findings
        self.seen: list[Facts] = []

    async def run(self, facts: Facts) -> Sequence[Finding]:
        self.seen.append(facts)
        if self.error is not None:
            raise self.error
        return self.findings


def pipeline(*steps: Says) -> Pipeline:
    return Pipeline(steps, RULES, "mx.example.org", ListLog())


def test_a_stage_runs_its_own_steps_with_what_was_found_before() -> None:
    poor = Finding("list", "poor")
    first = Says(poor, stage=Stage.CONNECT)
    second = Says(Finding("mail", "fine"))
    made = pipeline(first, second)
    assert made.has(Stage.CONNECT)
    assert not made.has(Stage.HELLO)
    connected = run(made.run(Stage.CONNECT, FACTS))
    assert connected.consequence is Consequence.JUNK
    assert not second.seen
    judged = run(
        made.run(Stage.BODY, Facts(FACTS.peer, FACTS.service, findings=connected.findings))
    )
    assert second.seen[0].findings == (poor,)
    assert judged.consequence is Consequence.JUNK
    assert judged.cause == poor


def test_nothing_runs_behind_a_refusal() -> None:
    late = Says()
    judged = run(pipeline(Says(Finding("list", "bad")), late).run(Stage.BODY, FACTS))
    assert judged.consequence is Consequence.REJECT
    assert not late.seen


@pytest.mark.parametrize(("stage", "asked"), [(Stage.CONNECT, 0), (Stage.BODY, 1)])
def test_behind_later_only_a_whole_message_is_looked_into(stage: Stage, asked: int) -> None:
    late = Says(Finding("list", "bad"), stage=stage)
    judged = run(pipeline(Says(Finding("list", "new"), stage=stage), late).run(stage, FACTS))
    assert judged.consequence is (Consequence.REJECT if asked else Consequence.DEFER)
    assert len(late.seen) == asked


def test_the_heaviest_of_several_counts() -> None:
    found = (Finding("list", "poor"), Finding("mail", "odd"), Finding("list", "unheard of"))
    judged = run(pipeline(Says(*found)).run(Stage.BODY, FACTS))
    assert judged.consequence is Consequence.QUARANTINE
    assert judged.cause == found[1]


@pytest.mark.parametrize(
    ("scores", "consequence"),
    [((4.9,), "add"), ((2.5, 2.5), "junk"), ((20.0, -11.0), "junk"), ((5.0, 5.0), "reject")],
)
def test_scores_add_up(scores: tuple[float, ...], consequence: str) -> None:
    found = [Finding("list", "points", score=score) for score in scores]
    judged = run(pipeline(Says(*found)).run(Stage.BODY, FACTS))
    assert judged.consequence is Consequence(consequence)
    assert judged.cause is None


def test_a_step_that_breaks_holds_up_no_mail() -> None:
    log = ListLog()
    steps = (Says(error=ZeroDivisionError("x")), Says(error=Unavailable("gone")))
    judged = run(Pipeline(steps, RULES, "mx", log).run(Stage.BODY, FACTS))
    assert [(one.step, one.name) for one in judged.findings] == [
        ("says", "failed"),
        ("says", "unavailable"),
    ]
    assert judged.consequence is Consequence.ADD
    assert [one["step"] for one in log.named("step-failed")] == ["says"]


def test_results_and_fields_go_before_the_message() -> None:
    found = (
        Finding("spf", "pass", results=(Result("spf", "pass"),)),
        Finding("x", "y", fields=b"X-Spam: no\r\n"),
        Finding("dkim", "none", results=(Result("dkim", "none"),)),
    )
    judged = run(pipeline(Says(*found)).run(Stage.BODY, FACTS))
    assert judged.fields == (
        b"Authentication-Results: mx.example.org;\r\n\tspf=pass;\r\n\tdkim=none\r\nX-Spam: no\r\n"
    )
    assert run(pipeline(Says()).run(Stage.BODY, FACTS)).fields == b""


def test_the_settings_make_the_table() -> None:
    made = rules(PolicySettings(dmarc_reject="quarantine", spf_fail="defer"))
    assert made.of(Finding("dmarc", "reject")) is Consequence.QUARANTINE
    assert made.of(Finding("dmarc", "quarantine")) is Consequence.JUNK
    assert made.of(Finding("spf", "fail")) is Consequence.DEFER
    assert made.of(Finding("dmarc", "pass")) is Consequence.ADD
