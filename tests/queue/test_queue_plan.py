from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.model.outbound import Answer, Sent, Stage
from mailhub.model.queue import Action, AttemptResult, Outcome, QueueEntry, QueueSender
from mailhub.model.settings import QueueSettings
from mailhub.queue import plan
from mailhub.queue.plan import Via

NOW = 1_800_000_000
SETTINGS = QueueSettings()
ENTRY = QueueEntry(
    number=7,
    message=3,
    sender=QueueSender("a@example.org"),
    recipient="b@example.net",
    notify=(),
    orcpt="",
    size=100,
    created=NOW,
    due=NOW,
    attempts=0,
)
OK = Answer(250, "2.0.0", "Ok", Stage.DOT)
LATER = Answer(451, "4.3.0", "later", Stage.RCPT)
NEVER = Answer(550, "5.1.1", "nobody", Stage.RCPT)
LOST = Answer(0, "4.4.2", "connection lost", Stage.MAIL)
DIRECT = Via()
UNKNOWN = Answer(0, "4.4.2", "connection lost", Stage.DOT, unknown=True)


def after(entry: QueueEntry, answer: Answer, how: Via = DIRECT, *, later: int = 0) -> Outcome:
    return plan.after(entry, answer, how, now=NOW + later, settings=SETTINGS, jitter=0.0)


@pytest.mark.parametrize(
    ("answer", "result", "due", "action"),
    [
        (OK, AttemptResult.DELIVERED, None, None),
        (LATER, AttemptResult.DEFERRED, NOW + 300, None),
        (LOST, AttemptResult.DEFERRED, NOW + 300, None),
        (UNKNOWN, AttemptResult.DEFERRED, NOW + 300, None),
        (replace(UNKNOWN, status="5.4.2"), AttemptResult.DEFERRED, NOW + 300, None),
        (NEVER, AttemptResult.FAILED, None, Action.FAILED),
    ],
)
def test_first_attempt(
    answer: Answer, result: AttemptResult, due: int | None, action: Action | None
) -> None:
    outcome = after(ENTRY, answer, Via("mx.example.net [192.0.2.1]", "TLSv1.3"))
    attempt = outcome.attempt
    assert (attempt.result, attempt.due, outcome.action) == (result, due, action)
    assert (attempt.entry, attempt.at) == (7, NOW)
    assert (attempt.status, attempt.reply) == (answer.status, plan.words(answer))
    assert (attempt.remote, attempt.tls) == ("mx.example.net [192.0.2.1]", "TLSv1.3")


@pytest.mark.parametrize(
    ("attempts", "wait"),
    [(0, 300), (1, 600), (2, 1200), (3, 2400), (4, 3600), (5, 7200), (6, 14400), (50, 14400)],
)
def test_waits_grow_and_stay(attempts: int, wait: int) -> None:
    assert after(replace(ENTRY, attempts=attempts), LATER).attempt.due == NOW + wait


@given(st.integers(0, 20), st.floats(-1, 1))
def test_jitter_is_a_tenth(attempts: int, jitter: float) -> None:
    wait = plan.wait(attempts, SETTINGS, jitter)
    base = plan.wait(attempts, SETTINGS, 0)
    assert 0.9 * base - 1 <= wait <= 1.1 * base + 1


def test_old_mail_is_given_up_with_the_last_words_of_the_remote() -> None:
    outcome = after(replace(ENTRY, attempts=30, warned=True), LATER, later=5 * 86400)
    assert outcome.action is Action.FAILED
    assert outcome.attempt.result is AttemptResult.FAILED
    assert (outcome.attempt.status, outcome.attempt.reply) == ("5.4.7", "451 later")
    assert outcome.attempt.due is None


def test_the_last_attempt_is_at_the_end_of_the_lifetime() -> None:
    entry = replace(ENTRY, attempts=30, warned=True)
    assert after(entry, LATER, later=5 * 86400 - 60).attempt.due == NOW + 5 * 86400


def test_notifications_live_a_day_and_end_in_silence() -> None:
    entry = replace(ENTRY, sender=QueueSender(""), attempts=9)
    assert after(entry, LATER, later=86399).attempt.due == NOW + 86400
    given_up = after(entry, LATER, later=86400)
    refused = after(entry, NEVER)
    for outcome in (given_up, refused):
        assert outcome.attempt.result is AttemptResult.DISCARDED
        assert outcome.action is None


def test_one_delay_warning() -> None:
    early = after(ENTRY, LATER, later=4 * 3600 - 1)
    assert (early.action, early.attempt.warned) == (None, False)
    warning = after(ENTRY, LATER, later=4 * 3600)
    assert (warning.action, warning.attempt.warned) == (Action.DELAYED, True)
    again = after(replace(ENTRY, warned=True), LATER, later=5 * 3600)
    assert (again.action, again.attempt.warned) == (None, True)


@pytest.mark.parametrize(
    ("notify", "told"),
    [
        ((), {Action.FAILED, Action.DELAYED}),
        (("NEVER",), set()),
        (("SUCCESS",), {Action.RELAYED}),
        (("FAILURE",), {Action.FAILED}),
        (("DELAY",), {Action.DELAYED}),
        (("SUCCESS", "FAILURE", "DELAY"), {Action.FAILED, Action.DELAYED, Action.RELAYED}),
    ],
)
def test_notify_is_obeyed(notify: tuple[str, ...], told: set[Action]) -> None:
    entry = replace(ENTRY, notify=notify)
    actions = {
        after(entry, NEVER).action,
        after(entry, LATER, later=5 * 3600).action,
        after(entry, OK).action,
    }
    assert actions - {None} == told
    # RFC 3461 6.1: no notification about a notification, whatever it asked for.
    null = replace(entry, sender=QueueSender(""))
    assert {after(null, NEVER).action, after(null, OK).action} == {None}


def test_who_speaks_dsn_tells_of_success_itself() -> None:
    entry = replace(ENTRY, notify=("SUCCESS",))
    assert after(entry, OK, Via(told=True)).action is None
    assert after(entry, OK, Via(final=True)).action is Action.DELIVERED


def test_back_off_grows_to_its_most() -> None:
    waits = [plan.back_off(failures, SETTINGS) for failures in (1, 2, 3, 4, 5, 6, 400)]
    assert waits == [60, 120, 240, 480, 960, 1800, 1800]


@pytest.mark.parametrize(
    ("answers", "whole"),
    [
        ((Answer(0, "4.4.1", "refused", Stage.CONNECT),), True),
        ((Answer(421, "4.3.2", "busy", Stage.GREETING),) * 2, True),
        ((Answer(0, "4.4.3", "no answer", Stage.RESOLVE),), True),
        ((Answer(0, "5.1.2", "no such domain", Stage.RESOLVE),), False),
        ((LATER,), False),
        ((OK, LATER), False),
        ((UNKNOWN,), False),
    ],
)
def test_what_fails_a_destination(answers: tuple[Answer, ...], whole: bool) -> None:
    assert plan.unreached(Sent(answers)) is whole


def test_via_names_whom_we_spoke_to() -> None:
    assert plan.via(Sent((OK,), "mx.example.net", "192.0.2.1", "TLSv1.3", dsn=True)) == Via(
        "mx.example.net [192.0.2.1]", "TLSv1.3", told=True
    )
    assert plan.via(Sent((LOST,), "mx.example.net")).remote == "mx.example.net"
    assert plan.via(Sent((OK,), source="192.0.2.9")).source == "192.0.2.9"


def test_only_an_answer_to_the_whole_message_delivers() -> None:
    for stage in Stage:
        assert Answer(250, "2.0.0", "Ok", stage).delivered is (stage is Stage.DOT)
