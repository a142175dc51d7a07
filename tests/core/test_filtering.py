from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core.filtering import Filtering, Outcome, Seen, decided
from mailhub.core.personal import Incoming, Mail
from mailhub.core.rulings import Rulings
from mailhub.model.decision import KEEP, Filed
from mailhub.model.filter import Actions, Conditions, Filter, Ruling
from mailhub.model.flags import FLAGGED, SEEN, Flags
from mailhub.wire.rendering import render
from tests.contract.stores import TextBody
from tests.fakes import FakeClock
from tests.support import run
from tests.world import world

MESSAGE = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <Juergen@Shop.example>\r\n"
    b"Sender: robot@mailer.example\r\n"
    b"To: Joe <joe@example.org>, team@example.org\r\n"
    b"Cc: boss@example.com\r\n"
    b"Subject: Your\r\n  Invoice =?utf-8?q?f=C3=BCr_M=C3=A4rz?=\r\n"
    b"List-ID: News of the shop <news.shop.example>\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n"
    b"\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<p>Please pay <b>at</b>\r\nonce: STRA\xc3\x9fE 5</p>\r\n"
    b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    b"\r\nJVBERi0=\r\n--b--\r\n"
)
PLAIN = b"From: a@b.example\r\nTo: joe@example.org\r\nSubject: Hi\r\n\r\nHello\r\n"


def incoming(message: bytes = MESSAGE, **changes: object) -> Incoming:
    mail = Mail(TextBody(message), render(message), FakeClock())
    prefix = b"Return-Path: <s@shop.example>\r\nDelivered-To: joe+shop@example.org\r\n"
    made = Incoming(1, mail, "joe+shop@example.org", "joe@example.org", "s@shop.example", prefix, 9)
    return replace(made, **changes)  # type: ignore[arg-type]


def filtering(junk: float = 6.0, budget: int = 1 << 20) -> Filtering:
    here = world(people=())
    return Filtering(Rulings(here.store), here.clock, junk=junk, budget=budget)


def one(number: int, actions: Actions, conditions: Conditions | None = None) -> Filter:
    return Filter(1, f"{number:024x}", 0, "", conditions or Conditions(), actions, number=number)


HOLDS = [
    (Conditions(), True),
    (Conditions(sender="jürgen"), True),
    (Conditions(sender="JUERGEN@shop"), True),
    (Conditions(sender="robot@"), True),
    (Conditions(sender="joe@"), False),
    (Conditions(recipient="team@"), True),
    (Conditions(recipient="BOSS@example.com"), True),
    (Conditions(recipient="joe+shop"), True),
    (Conditions(recipient="jürgen"), False),
    (Conditions(subject="your invoice FÜR märz"), True),
    (Conditions(subject="invoice  für"), True),
    (Conditions(subject="bill"), False),
    (Conditions(list_id="NEWS.shop"), True),
    (Conditions(attachments=True), True),
    (Conditions(attachments=False), False),
    (Conditions(size=len(MESSAGE) - 1), True),
    (Conditions(size=len(MESSAGE)), False),
    (Conditions(size=-len(MESSAGE) - 1), True),
    (Conditions(size=-len(MESSAGE)), False),
    (Conditions(sender="jürgen", subject="invoice", attachments=True), True),
    (Conditions(sender="jürgen", subject="bill"), False),
]


@pytest.mark.parametrize(("wanted", "expected"), HOLDS)
def test_conditions(wanted: Conditions, expected: bool) -> None:
    assert Seen(incoming()).holds(wanted) is expected


TEXTS = [("pay at once", True), ("PAY AT", True), ("strasse 5", True), ("<b>", False), ("", True)]


@pytest.mark.parametrize(("needle", "expected"), TEXTS)
def test_the_text_is_what_people_read(needle: str, expected: bool) -> None:
    found = run(
        filtering().outcome(incoming(), [one(1, Actions(seen=True), Conditions(text=needle))])
    )
    assert bool(found.seen) is expected


def test_text_is_looked_through_as_far_as_the_budget_goes() -> None:
    header = b"From: a@b.example\r\n\r\n"
    message = header + b"x " * 40_000 + b"needle\r\n"
    wanted = [one(1, Actions(seen=True), Conditions(text="needle"))]
    assert run(filtering().outcome(incoming(message), wanted)).seen
    assert not run(filtering(budget=1000).outcome(incoming(message), wanted)).seen


def test_without_attachments_is_a_condition_too() -> None:
    assert Seen(incoming(PLAIN)).holds(Conditions(attachments=False))
    assert not Seen(incoming(PLAIN)).holds(Conditions(attachments=True))


def test_all_run_oldest_first_and_of_each_action_the_first_wins() -> None:
    found = run(
        filtering().outcome(
            incoming(),
            [
                one(1, Actions(seen=False, forwards=("a@x.example",))),
                one(2, Actions(seen=True, mailbox=7), Conditions(subject="nothing of it")),
                one(3, Actions(seen=True, flag=True, mailbox=8, uploads=("https://u.example/",))),
                one(4, Actions(flag=False, mailbox=9, forwards=("b@x.example", "a@x.example"))),
            ],
        )
    )
    assert (found.seen, found.flag, found.delete, found.mailbox) == (False, True, None, 8)
    assert list(found.forwards) == ["a@x.example", "b@x.example"]
    assert list(found.uploads) == ["https://u.example/"]
    assert found.reasons == [f"filter {number:024x}" for number in (1, 3, 4)]


LEVELS = [
    # level, judged, named, score, a filter's word → spam
    (50, False, False, 9.0, None, False),
    (50, True, False, 9.0, None, True),
    (50, True, False, 9.0, False, False),
    (50, False, False, 0.0, True, True),
    (0, False, False, -5.0, None, True),
    (0, False, False, -5.0, False, False),
    (100, True, True, 99.0, None, False),
    (25, False, False, 3.0, None, True),
    (25, False, False, 2.9, None, False),
    (75, True, False, 8.9, None, False),
    (75, True, False, 9.0, None, True),
    (75, True, True, 0.0, None, True),
]


@pytest.mark.parametrize(("level", "judged", "named", "score", "word", "expected"), LEVELS)
def test_spam_levels(
    level: int, judged: bool, named: bool, score: float, word: bool | None, expected: bool
) -> None:
    case = incoming(spam=judged, named=named and judged, score=score)
    ruling = Ruling(spam_level=level)
    assert filtering()._is_spam(case, ruling, Outcome(spam=word)) is expected


def test_a_possible_fraud_stays_one_whatever_filters_say() -> None:
    case = incoming(spam=True, fraud=True)
    assert filtering()._is_spam(case, Ruling(spam_level=100), Outcome(spam=False))


def test_what_filters_lead_to() -> None:
    ruling = Ruling(targets=("all@x.example", "https://all.example/"))
    found = Outcome(seen=True, flag=True, mailbox=7, forwards={"f@x.example": None})
    made = decided(found, ruling, False, KEEP)
    assert made.filed == (Filed(7, Flags(SEEN | FLAGGED)),)
    assert made.settled
    assert [to.address for to in made.redirects] == ["f@x.example", "all@x.example"]
    assert made.uploads == ("https://all.example/",)
    junk = decided(found, ruling, True, KEEP)
    assert junk.filed == (Filed(None, Flags(SEEN | FLAGGED)),)
    assert junk.spam
    assert not junk.redirects
    assert not junk.uploads
    found.delete = True
    gone = decided(found, ruling, False, KEEP)
    assert not gone.filed
    assert [to.address for to in gone.redirects] == ["f@x.example"]


actions = st.builds(
    Actions,
    seen=st.none() | st.booleans(),
    flag=st.none() | st.booleans(),
    delete=st.none() | st.booleans(),
    spam=st.none() | st.booleans(),
    mailbox=st.integers(0, 3),
    forwards=st.lists(st.sampled_from(["a@x.example", "b@x.example"]), max_size=3).map(tuple),
)
words = st.sampled_from(["", "jürgen", "invoice", "joe", "nothing"])
conditions = st.builds(
    Conditions,
    sender=words,
    subject=words,
    recipient=words,
    attachments=st.none() | st.booleans(),
    size=st.integers(-2000, 2000),
)


@given(st.lists(st.tuples(actions, conditions), max_size=6))
@settings(max_examples=50, deadline=None)
def test_the_outcome_is_that_of_the_matching_filters_in_order(
    rules: list[tuple[Actions, Conditions]],
) -> None:
    case = incoming()
    filters = [one(number, *rule) for number, rule in enumerate(rules, 1)]
    found = run(filtering().outcome(case, filters))
    likely = [rule for rule, condition in rules if Seen(case).holds(condition)]
    for name in ("seen", "flag", "delete", "spam"):
        said = [getattr(rule, name) for rule in likely if getattr(rule, name) is not None]
        assert getattr(found, name) == (said[0] if said else None)
    assert found.mailbox == next((rule.mailbox for rule in likely if rule.mailbox), 0)
    assert set(found.forwards) == {to for rule in likely for to in rule.forwards}
