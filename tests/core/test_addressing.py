"""To whom answers go."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import addressing
from mailhub.core.addressing import Heard
from mailhub.wire.composed import Person

ME, ALSO_ME = Person("me@here.example", "Me"), Person("Also.Me@here.example")
ANN, BOB, CY = (Person(f"{name}@far.example", name.title()) for name in ("ann", "bob", "cy"))
LIST = Person("list@lists.example")
OWN = {addressing.key(ME), addressing.key(ALSO_ME)}

ANSWERS = [
    (Heard([ANN], to=[ME]), [ANN], [ANN], []),
    (Heard([ANN], to=[ME, BOB], cc=[CY]), [ANN], [ANN], [BOB, CY]),
    (Heard([ANN], [BOB], to=[ME]), [BOB], [BOB], []),
    (Heard([ANN], to=[ME, ALSO_ME, ANN, BOB, BOB]), [ANN], [ANN], [BOB]),
    # a list that takes answers for itself
    (Heard([ANN], [LIST], [LIST], lists=["list@lists.example"]), [ANN], [ANN], [LIST]),
    # a list that does not
    (Heard([ANN], to=[LIST], lists=["list@lists.example"]), [ANN], [ANN], [LIST]),
    # who reads the list wants one copy
    (Heard([ANN], to=[LIST], followup=[LIST]), [ANN], [LIST], []),
    (Heard([ANN], to=[LIST], followup=[LIST, ME]), [ANN], [LIST], []),
    # one's own message is answered for those that got it
    (Heard([ME], to=[BOB], cc=[CY]), [BOB], [BOB], [CY]),
    (Heard([ME], to=[ME]), [ME], [ME], []),
    (Heard([ME]), [ME], [ME], []),
    (Heard([ANN], [ME], to=[ME]), [ME], [ME], []),
    (Heard(), [], [], []),
]


@pytest.mark.parametrize(("heard", "one", "to", "cc"), ANSWERS)
def test_an_answer_goes_to(
    heard: Heard, one: list[Person], to: list[Person], cc: list[Person]
) -> None:
    alone, _ = addressing.answer(heard, OWN, everybody=False)
    assert list(alone) == one
    found_to, found_cc = addressing.answer(heard, OWN, everybody=True)
    assert (list(found_to), list(found_cc)) == (to, cc)


PEOPLE = st.lists(st.sampled_from([ME, ALSO_ME, ANN, BOB, CY, LIST]), max_size=5)
HEARD = st.builds(
    Heard, PEOPLE, PEOPLE, PEOPLE, PEOPLE, PEOPLE, st.sampled_from([(), (LIST.address,)])
)


@given(HEARD, st.booleans())
@settings(max_examples=50)
def test_nobody_is_named_twice_or_made_up(heard: Heard, everybody: bool) -> None:
    to, cc = addressing.answer(heard, OWN, everybody=everybody)
    named = [addressing.key(one) for one in (*to, *cc)]
    assert len(named) == len(set(named))
    assert set(named) <= {addressing.key(one) for one in heard.everybody}
    assert bool(to) or not (heard.from_ or heard.reply_to)


@given(HEARD)
@settings(max_examples=50)
def test_one_answers_oneself_only_where_nobody_else_is_there(heard: Heard) -> None:
    if any(addressing.key(one) in OWN for one in heard.from_):
        return
    to, cc = addressing.answer(heard, OWN, everybody=True)
    assert not OWN & {addressing.key(one) for one in cc}
    if OWN & {addressing.key(one) for one in to}:
        assert {addressing.key(one) for one in to} <= OWN


@pytest.mark.parametrize(
    ("subject", "answered", "passed_on"),
    [
        ("Lunch", "Re: Lunch", "Fwd: Lunch"),
        ("Re: Lunch", "Re: Lunch", "Fwd: Re: Lunch"),
        ("RE: AW: Re[2]: Lunch", "Re: Lunch", "Fwd: RE: AW: Re[2]: Lunch"),
        ("Fwd: WG: Lunch", "Re: Fwd: WG: Lunch", "Fwd: Lunch"),
        ("Regarding: lunch", "Re: Regarding: lunch", "Fwd: Regarding: lunch"),
        ("re:lunch", "Re: lunch", "Fwd: re:lunch"),
        ("", "Re:", "Fwd:"),
        ("a\r\nBcc: x@y", "Re: a Bcc: x@y", "Fwd: a Bcc: x@y"),
        ("Lunch, re: yesterday", "Re: Lunch, re: yesterday", "Fwd: Lunch, re: yesterday"),
    ],
)
def test_prefixes_do_not_pile_up(subject: str, answered: str, passed_on: str) -> None:
    assert addressing.answered(subject) == answered
    assert addressing.passed_on(subject) == passed_on


@given(st.text(max_size=60))
@settings(max_examples=50)
def test_a_subject_is_one_line(subject: str) -> None:
    once = addressing.answered(subject)
    assert once.isprintable()
    assert addressing.answered(once) == once
